/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_lift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_restore.h"
#include "legacy_rewrite.h"
#include "legacy_table.h"

const char *const legacy_tables[LEGACY_TABLES] = { "filter", "mangle", "raw" };

static struct lift_words
words_of(const struct legacy_lift *lift, const struct legacy_part *part)
{
	return (struct lift_words){
		.txn = lift->request.txn,
		.original = part->original,
		.both = part->both,
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
	lift_show(f, edit, save, words, index);
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

/* Where the packet's own port is not the one that was asked for, or not the only one. */
static void
find_hooks(struct legacy_part *part)
{
	enum family family = part->edits.family;

	part->original = host_tracks(family) ? HOOK_FORWARD : 0;
	part->both = host_has(family, "nat") ? HOOK_INPUT : 0;
	if (part->nat.mixed)
		part->original |= HOOKS_BEHIND_NAT;
}

static int
plan_table(struct legacy_lift *lift, const struct legacy_host *host, enum family family,
	   const char *table, const struct legacy_nat *nat, struct met *met, struct plan *plan,
	   struct err *e)
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
	part->nat = *nat;
	find_hooks(part);
	lift->n++;
	rc = legacy_select(&part->edits, &save, &lift->request,
			   &(const struct legacy_scope){ host, &part->nat }, met, &plan->notes, e);
	/* A rule on a set without a name may be what is meant: half a lift is none. */
	if (rc == 0 && !host_names_known(host))
		rc = err_set(e, ERR_FAILED,
			     "%s, table %s: the kernel does not tell the name of a set that a rule "
			     "tests; try again",
			     family_names[family], table);
	if (rc == 0 && part->edits.n)
		rc = describe_part(plan, lift, part, &save, e);
	else if (rc == 0)
		lift->n--;
	if (part->edits.n)
		part->table = table_hold(save.table);
	save_fini(&save);
	return rc;
}

static int
plan_family(struct legacy_lift *lift, const struct legacy_host *host, enum family family,
	    bool nat_elsewhere, struct met *met, struct plan *plan, struct err *e)
{
	struct legacy_nat nat;

	if (!host_has(family, NULL))
		return 0;
	if (legacy_nat_read(&nat, host, family, &lift->request.ports, nat_elsewhere, e) < 0)
		return -1;
	for (size_t t = 0; t < LEGACY_TABLES; t++)
		if (is_asked(&lift->request, legacy_tables[t]) &&
		    plan_table(lift, host, family, legacy_tables[t], &nat, met, plan, e) < 0)
			return -1;
	return 0;
}

int
legacy_lift_plan(struct legacy_lift *lift, const struct legacy_host *host,
		 const struct lift_request *request, struct met *met, struct plan *plan,
		 struct err *e)
{
	const bool nat_elsewhere = legacy_nat_is_elsewhere();

	lift->request = *request;
	lift->targets = calloc(request->n + 1, sizeof(*lift->targets));
	if (!lift->targets)
		return err_set(e, ERR_FAILED, "out of memory while planning");
	memcpy(lift->targets, request->targets, request->n * sizeof(*lift->targets));
	lift->request.targets = lift->targets;
	for (enum family family = 0; family < FAMILIES; family++)
		if (plan_family(lift, host, family, nat_elsewhere, met, plan, e) < 0)
			return -1;
	return 0;
}

void
legacy_lift_fini(struct legacy_lift *lift)
{
	for (size_t i = 0; i < lift->n; i++) {
		legacy_edits_fini(&lift->parts[i].edits);
		table_put(lift->parts[i].table);
	}
	free(lift->targets);
	if (lift->held)
		host_unlock(lift->held);
	*lift = (struct legacy_lift){ 0 };
}

json_t *
legacy_lift_record(const struct legacy_lift *lift)
{
	json_t *tables = json_array();
	char ports[PORTS_TEXT_MAX];

	for (size_t i = 0; i < lift->n; i++) {
		const struct legacy_part *part = &lift->parts[i];
		struct lift_words words = words_of(lift, part);
		struct condition all[CONDITIONS_MAX];
		size_t chains = 0, rules = 0;

		for (size_t k = 0; k < part->edits.n; k++) {
			const struct legacy_edit *edit = &part->edits.v[k];

			if (edit->action == ACTION_SKIP)
				chains++;
			else
				rules += lift_conditions(all, &words, edit);
		}
		json_array_append_new(tables,
				      json_pack("{s:s,s:s,s:I,s:I}", "family",
						family_names[part->edits.family], "table",
						part->edits.table, "chains", (json_int_t)chains,
						"rules", (json_int_t)rules));
	}
	return json_pack("{s:s,s:s,s:o}", "txn", lift->request.txn, "ports",
			 ports_text(ports, &lift->request.ports), "tables", tables);
}

/* --- apply --- */

struct lifting {
	const struct legacy_host *host;
	const struct legacy_lift *lift;
	const struct legacy_part *part;
};

static void
rewrite_edits(struct change *change, const struct lifting *lifting,
	      const struct legacy_edits *edits)
{
	const struct lift_words words = words_of(lifting->lift, lifting->part);
	unsigned index = 0;

	for (size_t i = 0; i < edits->n; i++) {
		lift_rewrite(change, &edits->v[i], &words, index);
		index += edits->v[i].action == ACTION_SKIP;
	}
}

/* Other rules came or went since the plan was made: what was planned stands elsewhere. */
static int
select_again(struct change *change, const struct save *save, const struct lifting *lifting,
	     struct err *e)
{
	struct legacy_edits edits = { .family = lifting->part->edits.family };
	int rc;

	memcpy(edits.table, lifting->part->edits.table, sizeof(edits.table));
	rc = legacy_select(&edits, save, &lifting->lift->request,
			   &(const struct legacy_scope){ lifting->host, &lifting->part->nat }, NULL,
			   NULL, e);
	if (rc == 0 && !legacy_edits_same(&edits, &lifting->part->edits))
		rc = err_set(e, ERR_FAILED,
			     "%s, table %s: the rules of the geo-block changed after they were "
			     "looked at; nothing was changed there",
			     family_names[edits.family], edits.table);
	if (rc == 0)
		rewrite_edits(change, lifting, &edits);
	legacy_edits_fini(&edits);
	return rc;
}

/* host_edit_fn of a struct lifting */
static int
lift_table(struct change *change, const struct save *save, void *data, struct err *e)
{
	const struct lifting *lifting = data;

	if (change->table != lifting->part->table)
		return select_again(change, save, lifting, e);
	rewrite_edits(change, lifting, &lifting->part->edits);
	return 0;
}

static enum outcome
lift_part(const struct legacy_lift *lift, struct legacy_host *host, const struct legacy_part *part,
	  struct err *e)
{
	struct lifting lifting = { .host = host, .lift = lift, .part = part };

	if (host_check_matches(host, part->edits.family, e) < 0)
		return OUTCOME_NOT_DONE;
	return host_edit(host, part->edits.family, part->edits.table, lift_table, &lifting, e);
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
legacy_lift_apply(struct legacy_lift *lift, struct legacy_host *host, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	if (host_lock(host, e) < 0)
		return OUTCOME_NOT_DONE;
	for (size_t i = 0; i < lift->n && outcome == OUTCOME_DONE; i++) {
		outcome = lift_part(lift, host, &lift->parts[i], e);
		/* The next one takes as much. */
		table_put(lift->parts[i].table);
		lift->parts[i].table = NULL;
	}
	if (outcome != OUTCOME_DONE)
		outcome = take_back(lift, host, outcome);
	if (outcome != OUTCOME_DONE || !lift->request.at_once)
		host_unlock(host);
	return outcome;
}
