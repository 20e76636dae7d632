/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_lift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_repair.h"
#include "legacy_restore.h"
#include "legacy_script.h"

#define LIFT_TRIES 3u

const char *const legacy_tables[LEGACY_TABLES] = { "filter", "mangle", "raw" };

static struct lift_words
words_of(const struct legacy_lift *lift, const struct legacy_part *part)
{
	return (struct lift_words){
		.txn = lift->request.txn,
		.ports = lift->request.ports,
		.original = part->original,
		.nat = part->nat,
		.stop = mark_end_after(lift->request.window_s),
	};
}

/* --- plan --- */

static bool
is_asked(const struct lift_request *request, const char *table)
{
	for (size_t i = 0; i < request->n; i++)
		if (request->targets[i]->table && !strcmp(request->targets[i]->table, table))
			return true;
	return false;
}

static char *
shown(const struct legacy_edit *edit, const struct save *save, const struct lift_words *words,
      unsigned index)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	script_show(f, edit, save, words, index);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return text;
}

static int
describe(struct step *step, const struct legacy_part *part, const struct legacy_edit *edit,
	 const struct save *save, const struct lift_words *words, unsigned index)
{
	char spec[NAME_BUF], chain[NAME_BUF];
	int ok = 0;

	err_name(chain, edit->chain);
	step->target = edit->target;
	step->how = action_name(edit->action);
	ok |= asprintf(&step->where, "%s (%s, legacy) %s rule %u", part->edits.table,
		       family_names[part->edits.family], chain, edit->number) < 0;
	ok |= asprintf(&step->rule, "%s", err_name(spec, edit->spec)) < 0;
	ok |= asprintf(&step->before, "-A %s %s", edit->chain, edit->spec) < 0;
	ok |= asprintf(&step->reason, "%s (packets from %s come here)", edit->why,
		       reach_hooks_text(edit->hooks)) < 0;
	step->after = shown(edit, save, words, index);
	return ok || !step->after ? -1 : 0;
}

static int
describe_part(struct plan *plan, const struct legacy_lift *lift, const struct legacy_part *part,
	      const struct save *save, struct err *e)
{
	const struct lift_words words = words_of(lift, part);
	struct step *steps = reallocarray(plan->steps, plan->n + part->edits.n, sizeof(*steps));
	unsigned index = 0;

	if (!steps)
		return err_set(e, ERR_FAILED, "out of memory while planning");
	plan->steps = steps;
	for (size_t i = 0; i < part->edits.n; i++) {
		const struct legacy_edit *edit = &part->edits.v[i];

		steps[plan->n] = (struct step){ 0 };
		if (describe(&steps[plan->n++], part, edit, save, &words, index) < 0)
			return err_set(e, ERR_FAILED, "out of memory while planning");
		index += edit->action == ACTION_SKIP;
	}
	return 0;
}

static int
plan_table(struct legacy_lift *lift, const struct legacy_host *host, enum family family,
	   const char *table, struct met *met, struct plan *plan, struct err *e)
{
	struct legacy_part *part = &lift->parts[lift->n];
	struct save save;
	int rc;

	if (!host_has(family, table))
		return 0;
	if (host_save(host, family, table, &save, e) < 0)
		return -1;
	part->edits = (struct legacy_edits){ .family = family };
	snprintf(part->edits.table, sizeof(part->edits.table), "%s", table);
	part->original = host_tracks(family);
	part->nat = host_has(family, "nat");
	lift->n++;
	rc = legacy_select(&part->edits, &save, &lift->request, met, &plan->notes, e);
	if (rc == 0 && part->edits.n)
		rc = describe_part(plan, lift, part, &save, e);
	else if (rc == 0)
		lift->n--;
	save_fini(&save);
	return rc;
}

int
legacy_lift_plan(struct legacy_lift *lift, const struct legacy_host *host,
		 const struct lift_request *request, struct met *met, struct plan *plan,
		 struct err *e)
{
	lift->request = *request;
	lift->targets = calloc(request->n + 1, sizeof(*lift->targets));
	if (!lift->targets)
		return err_set(e, ERR_FAILED, "out of memory while planning");
	memcpy(lift->targets, request->targets, request->n * sizeof(*lift->targets));
	lift->request.targets = lift->targets;
	for (size_t t = 0; t < LEGACY_TABLES; t++)
		for (enum family family = 0; family < FAMILIES; family++)
			if (is_asked(request, legacy_tables[t]) &&
			    plan_table(lift, host, family, legacy_tables[t], met, plan, e) < 0)
				return -1;
	return 0;
}

void
legacy_lift_fini(struct legacy_lift *lift)
{
	for (size_t i = 0; i < lift->n; i++)
		legacy_edits_fini(&lift->parts[i].edits);
	free(lift->targets);
	*lift = (struct legacy_lift){ 0 };
}

json_t *
legacy_lift_record(const struct legacy_lift *lift)
{
	json_t *tables = json_array();

	for (size_t i = 0; i < lift->n; i++) {
		const struct legacy_part *part = &lift->parts[i];
		struct lift_words words = words_of(lift, part);
		size_t chains = 0, rules = 0;

		for (size_t k = 0; k < part->edits.n; k++) {
			const struct legacy_edit *edit = &part->edits.v[k];

			if (edit->action == ACTION_SKIP)
				chains++;
			else
				rules += script_conditions(&words, edit->hooks);
		}
		json_array_append_new(tables,
				      json_pack("{s:s,s:s,s:I,s:I}", "family",
						family_names[part->edits.family], "table",
						part->edits.table, "chains", (json_int_t)chains,
						"rules", (json_int_t)rules));
	}
	return json_pack("{s:s,s:o}", "txn", lift->request.txn, "tables", tables);
}

/* --- apply --- */

static int
write_lift(struct script *script, const struct legacy_lift *lift, const struct legacy_part *part,
	   const struct legacy_edits *edits, const struct save *save, struct err *e)
{
	const struct lift_words words = words_of(lift, part);
	unsigned index = 0;

	if (script_begin(script, part->edits.table, save, e) < 0)
		return -1;
	for (size_t i = 0; i < edits->n; i++)
		index += edits->v[i].action == ACTION_SKIP;
	/* From the end, so that what is inserted moves nothing that is still to be changed. */
	for (size_t i = edits->n; i-- > 0;) {
		index -= edits->v[i].action == ACTION_SKIP;
		script_lift(script, &edits->v[i], save, &words, index);
	}
	return script_end(script, e);
}

/* The table's rule is what was there, or the jump to the chain that was made for it. */
static bool
is_as_meant(const struct save_rule *now, const struct save_rule *before,
	    const struct legacy_edit *edit, const char *txn, unsigned index)
{
	char chain[MARK_CHAIN_MAX], jump[MARK_CHAIN_MAX + 4];

	if (!edit || edit->action != ACTION_SKIP)
		return !strcmp(now->spec, before->spec);
	snprintf(jump, sizeof(jump), "-j %s", mark_chain(chain, txn, index));
	return !strcmp(now->spec, jump);
}

static bool
is_same_policy(const struct save_chain *a, const struct save_chain *b)
{
	if (!a->policy || !b->policy)
		return a->policy == b->policy;
	return !strcmp(a->policy, b->policy);
}

/* Nothing but what was meant to change has changed, in all chains that were there. */
static bool
is_lifted_exactly(const struct save *now, const struct save *before,
		  const struct legacy_edits *edits, const struct lift_words *words)
{
	size_t e = 0, made = 0;
	unsigned index = 0;

	for (size_t c = 0; c < before->n_chains; c++) {
		size_t chain = save_chain(now, before->chains[c].name), at;

		if (chain == SAVE_NONE || !is_same_policy(&now->chains[chain], &before->chains[c]))
			return false;
		at = now->chains[chain].first;
		for (size_t i = 0; i < before->chains[c].n; i++, at++) {
			size_t rule = before->chains[c].first + i;
			const struct legacy_edit *edit =
				e < edits->n && edits->v[e].rule == rule ? &edits->v[e] : NULL;

			if (edit && edit->action == ACTION_WIDEN)
				at += script_conditions(words, edit->hooks);
			if (at >= now->chains[chain].first + now->chains[chain].n ||
			    !is_as_meant(&now->rules[at], &before->rules[rule], edit, words->txn,
					 index))
				return false;
			index += edit && edit->action == ACTION_SKIP;
			made += edit && edit->action == ACTION_SKIP;
			e += edit != NULL;
		}
		if (at != now->chains[chain].first + now->chains[chain].n)
			return false;
	}
	return now->n_chains == before->n_chains + made;
}

/*
 * The table is not what it should be. NOT_DONE if nothing of the change is left and every rule is
 * in its place.
 */
static enum outcome
undo_wrong_lift(const struct legacy_lift *lift, struct legacy_host *host,
		const struct legacy_edits *edits, const struct save *before, struct err *e)
{
	enum outcome outcome = OUTCOME_UNKNOWN;

	if (legacy_repair(host, before, edits, lift->request.txn, e) == 0 &&
	    legacy_restore_table(host, edits->family, edits->table, lift->request.txn, NULL, e) ==
		    OUTCOME_DONE)
		outcome = OUTCOME_NOT_DONE;
	err_set(e, ERR_FAILED,
		"%s, table %s: the rules were not what they should be after the change: somebody "
		"changes them without taking iptables' lock (a container with a /run of its own?)",
		family_names[edits->family], edits->table);
	return outcome;
}

/* Looks at the table again, whatever the program said. */
static enum outcome
check_lift(const struct legacy_lift *lift, struct legacy_host *host, const struct legacy_part *part,
	   const struct legacy_edits *edits, const struct save *before, enum outcome outcome,
	   bool *again, struct err *e)
{
	const struct lift_words words = words_of(lift, part);
	const struct legacy_edits none = { 0 };
	struct save now;

	if (outcome == OUTCOME_NOT_DONE)
		return outcome;
	if (host_save(host, edits->family, edits->table, &now, e) < 0)
		return OUTCOME_UNKNOWN;
	if (is_lifted_exactly(&now, before, edits, &words)) {
		outcome = OUTCOME_DONE;
	} else if (outcome == OUTCOME_UNKNOWN && is_lifted_exactly(&now, before, &none, &words)) {
		outcome = OUTCOME_NOT_DONE;
	} else {
		outcome = undo_wrong_lift(lift, host, edits, before, e);
		*again = outcome == OUTCOME_NOT_DONE;
	}
	save_fini(&now);
	return outcome;
}

static enum outcome
lift_edits(const struct legacy_lift *lift, struct legacy_host *host, const struct legacy_part *part,
	   const struct legacy_edits *edits, const struct save *save, bool *again, struct err *e)
{
	struct script script = { 0 };
	enum outcome outcome = OUTCOME_NOT_DONE;

	if (!legacy_edits_same(edits, &part->edits)) {
		err_set(e, ERR_FAILED,
			"%s, table %s: the rules of the geo-block changed after they were looked "
			"at; nothing was changed there",
			family_names[edits->family], edits->table);
		return OUTCOME_NOT_DONE;
	}
	if (write_lift(&script, lift, part, edits, save, e) == 0) {
		outcome = host_restore(host, edits->family, script.text, script.len, e);
		outcome = check_lift(lift, host, part, edits, save, outcome, again, e);
	}
	script_fini(&script);
	return outcome;
}

static enum outcome
lift_part_once(const struct legacy_lift *lift, struct legacy_host *host,
	       const struct legacy_part *part, bool *again, struct err *e)
{
	struct legacy_edits edits = { .family = part->edits.family };
	enum outcome outcome = OUTCOME_NOT_DONE;
	struct save save;

	memcpy(edits.table, part->edits.table, sizeof(edits.table));
	if (host_save(host, edits.family, edits.table, &save, e) < 0)
		return OUTCOME_NOT_DONE;
	if (legacy_select(&edits, &save, &lift->request, NULL, NULL, e) == 0)
		outcome = lift_edits(lift, host, part, &edits, &save, again, e);
	legacy_edits_fini(&edits);
	save_fini(&save);
	return outcome;
}

static enum outcome
lift_part(const struct legacy_lift *lift, struct legacy_host *host, const struct legacy_part *part,
	  struct err *e)
{
	for (unsigned i = 1;; i++) {
		struct err once = ERR_INIT;
		bool again = false;
		enum outcome outcome = lift_part_once(lift, host, part, &again, &once);

		if (again && i < LIFT_TRIES)
			continue;
		if (once.code && !e->code)
			*e = once;
		return outcome;
	}
}

/* What a failure left of the others. NOT_DONE only if nothing. */
static enum outcome
take_back(const struct legacy_lift *lift, struct legacy_host *host, enum outcome outcome)
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < lift->n; i++) {
		const struct legacy_edits *edits = &lift->parts[i].edits;

		if (legacy_restore_table(host, edits->family, edits->table, lift->request.txn, NULL,
					 &ignored) != OUTCOME_DONE)
			outcome = OUTCOME_UNKNOWN;
	}
	return outcome;
}

enum outcome
legacy_lift_apply(const struct legacy_lift *lift, struct legacy_host *host, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	if (host_lock(host, e) < 0)
		return OUTCOME_NOT_DONE;
	for (size_t i = 0; i < lift->n && outcome == OUTCOME_DONE; i++)
		outcome = lift_part(lift, host, &lift->parts[i], e);
	if (outcome != OUTCOME_DONE)
		outcome = take_back(lift, host, outcome);
	host_unlock(host);
	return outcome;
}
