/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_entry.h"
#include "legacy_lift.h"
#include "legacy_mark.h"
#include "legacy_record.h"
#include "plan.h"

/* --- taking back --- */

/* marks_find() has made the words of all that is not dull. */
static bool
is_jump_to(const struct save *save, size_t rule, const char *chain)
{
	const char *spec = save->rules[rule].spec;

	return !save->rules[rule].dull && !strncmp(spec, "-j ", 3) && !strcmp(spec + 3, chain);
}

/* Somebody refers to our chain with a rule of their own. */
static bool
is_other_reference(const struct save *save, size_t rule, const char *chain)
{
	struct rule r;

	if (save->rules[rule].dull || !strstr(save->rules[rule].spec, chain) ||
	    is_jump_to(save, rule, chain))
		return false;
	rule_read(&r, save, rule);
	return r.target == RULE_CHAIN && !strcmp(r.target_name, chain);
}

static bool
has_other_references(const struct save *save, const char *chain)
{
	for (size_t i = 0; i < save->n_rules; i++)
		if (is_other_reference(save, i, chain))
			return true;
	return false;
}

/*
 * R; where another lift of ours that is taken back, too, stands in its place, what that one has.
 */
static size_t
rule_of(const struct save *save, const struct marks *marks, size_t rule)
{
	for (size_t depth = 0, i = 0; depth < marks->n && i < marks->n; i++) {
		const struct mark *mark = &marks->v[i];

		if (mark->chain == SAVE_NONE || mark->rule == SAVE_NONE ||
		    !is_jump_to(save, rule, save->chains[mark->chain].name))
			continue;
		rule = mark->rule;
		depth++;
		i = SIZE_MAX; /* once more, with what stands there */
	}
	return rule;
}

/* The chain goes away with the lift; one that others refer to stays. */
static bool
is_going(const struct save *save, const struct marks *marks, size_t chain)
{
	for (size_t m = 0; m < marks->n; m++)
		if (marks->v[m].chain == chain)
			return !has_other_references(save, save->chains[chain].name);
	return false;
}

/* Puts R where the jumps to its chain stand; the first one gets its counters. */
static void
put_back(struct change *change, const struct save *save, const struct marks *marks, size_t m)
{
	const char *name = save->chains[marks->v[m].chain].name;
	const size_t own = table_rule(change->table, rule_of(save, marks, marks->v[m].rule));
	bool counted = false;

	for (size_t i = 0; i < save->n_rules; i++) {
		const size_t entry = table_rule(change->table, i);
		struct new_entry rule;

		if (!is_jump_to(save, i, name) || is_going(save, marks, save->rules[i].chain))
			continue;
		rule = entry_copy(change->table, own);
		rule.counters = counted ? BLOB_NONE : rule.counters;
		counted = true;
		change_insert_take(change, entry, &rule);
		change_drop(change, entry);
	}
}

static void
drop_chain(struct change *change, size_t chain)
{
	for (size_t i = table_head(change->table, chain); i <= table_foot(change->table, chain);
	     i++)
		change_drop(change, i);
}

/* A chain that is still needed by others keeps R alone. */
static void
strip_chain(struct change *change, const struct save *save, const struct mark *mark)
{
	const struct save_chain *chain = &save->chains[mark->chain];

	for (size_t i = chain->first; i < chain->first + chain->n; i++)
		if (i != mark->rule && mark_stop(save, i))
			change_drop(change, table_rule(change->table, i));
}

static void
write_restore(struct change *change, const struct save *save, const struct marks *marks)
{
	for (size_t m = 0; m < marks->n; m++) {
		const struct mark *mark = &marks->v[m];

		if (mark->chain == SAVE_NONE) {
			change_drop(change, table_rule(change->table, mark->rule));
			continue;
		}
		if (mark->rule != SAVE_NONE)
			put_back(change, save, marks, m);
		if (is_going(save, marks, mark->chain))
			drop_chain(change, mark->chain);
		else
			strip_chain(change, save, mark);
	}
}

static void
name_marks(struct names *found, const struct save *save, enum family family, const char *table,
	   const struct marks *marks)
{
	const time_t now = time(NULL);

	for (size_t m = 0; found && m < marks->n; m++) {
		const struct mark *mark = &marks->v[m];
		size_t at = mark->chain == SAVE_NONE ? mark->rule : mark->jump;
		char chain[NAME_BUF];
		const char *closed = mark->stop < now || at == SAVE_NONE ? " (closed)" : "";

		err_name(chain, at == SAVE_NONE ? save->chains[mark->chain].name
						: save->chains[save->rules[at].chain].name);
		if (at == SAVE_NONE)
			names_addf(found,
				   "%s (%s, legacy) chain %s of %s: what led to it is gone%s",
				   table, family_names[family], chain, mark->txn, closed);
		else
			names_addf(found, "%s (%s, legacy) %s rule %u: %s%s", table,
				   family_names[family], chain, save->rules[at].number, mark->txn,
				   closed);
	}
}

/* Chains that others refer to are left, closed; they count as taken back. */
static bool
is_taken_back(const struct save *now, const struct marks *left)
{
	for (size_t m = 0; m < left->n; m++)
		if (left->v[m].chain == SAVE_NONE || left->v[m].stop ||
		    !has_other_references(now, now->chains[left->v[m].chain].name))
			return false;
	return true;
}

/* host_edit_fn's data */
struct restoring {
	enum family family;
	const char *table, *txn;
	struct names found;
};

/* host_edit_fn of a struct restoring */
static int
restore_marks(struct change *change, const struct save *save, void *data, struct err *e)
{
	struct restoring *r = data;
	struct marks marks;

	names_fini(&r->found);
	if (marks_find(&marks, save, r->txn, e) < 0)
		return -1;
	name_marks(&r->found, save, r->family, r->table, &marks);
	if (!is_taken_back(save, &marks))
		write_restore(change, save, &marks);
	marks_fini(&marks);
	return 0;
}

enum outcome
legacy_restore_table(struct legacy_host *host, enum family family, const char *table,
		     const char *txn, struct names *found, struct err *e)
{
	struct restoring restoring = { .family = family, .table = table, .txn = txn };
	enum outcome outcome;

	if (!host_has(family, table))
		return OUTCOME_DONE;
	outcome = host_edit(host, family, table, restore_marks, &restoring, e);
	for (size_t i = 0; found && i < restoring.found.n; i++)
		names_add(found, restoring.found.v[i]);
	names_fini(&restoring.found);
	return outcome;
}

enum outcome
legacy_revert(struct legacy_host *host, const json_t *record, struct names *notes, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	if (host_lock(host, e) < 0)
		return OUTCOME_NOT_DONE;
	for (size_t i = record_tables(record); i-- > 0;) {
		struct names found = { 0 };
		struct recorded r;
		enum outcome one = OUTCOME_NOT_DONE;

		if (record_read(&r, record, i, e) == 0)
			one = legacy_restore_table(host, r.family, r.table, r.txn, &found, e);
		if (notes && one == OUTCOME_DONE && found.n < r.chains + r.rules)
			names_addf(notes,
				   "%zu of %zu changes in table %s (%s, legacy) were gone already: "
				   "the rules were changed or loaded again meanwhile, and are left "
				   "as they are now",
				   r.chains + r.rules - found.n, r.chains + r.rules, r.table,
				   family_names[r.family]);
		names_fini(&found);
		outcome = outcome_worse(outcome, one);
	}
	if (outcome != OUTCOME_DONE)
		host_unlock(host);
	return outcome;
}

/* --- looking --- */

/* Counts what is whole of a table's lift; *stop: the latest end, 0 if there is nothing. */
static int
look_at(const struct legacy_host *host, const struct recorded *r, size_t *whole, size_t *parts,
	time_t *stop, struct err *e)
{
	struct marks marks;
	struct save save;
	int rc;

	if (!host_has(r->family, r->table))
		return 0;
	if (host_save(host, r->family, r->table, &save, e) < 0)
		return -1;
	rc = marks_find(&marks, &save, r->txn, e);
	for (size_t m = 0; rc == 0 && m < marks.n; m++) {
		const struct mark *mark = &marks.v[m];

		/* Kept for others who refer to it, it lifts nothing. */
		if (mark->chain != SAVE_NONE && !mark->stop && mark->jump == SAVE_NONE)
			continue;
		*parts += 1;
		*whole += mark->chain == SAVE_NONE ||
			  (mark->rule != SAVE_NONE && mark->jump != SAVE_NONE && mark->stop);
		*stop = mark->stop > *stop ? mark->stop : *stop;
	}
	if (rc == 0)
		marks_fini(&marks);
	save_fini(&save);
	return rc;
}

static enum lift_state
inspect(const struct legacy_host *host, const json_t *record, unsigned *left_s, struct err *e)
{
	size_t expected = 0, whole = 0, there = 0;
	const time_t now = time(NULL);
	time_t stop = 0;

	*left_s = 0;
	for (size_t i = 0; i < record_tables(record); i++) {
		struct recorded r;

		if (record_read(&r, record, i, e) < 0 ||
		    look_at(host, &r, &whole, &there, &stop, e) < 0)
			return LIFT_UNKNOWN;
		expected += r.chains + r.rules;
	}
	*left_s = stop >= now ? (unsigned)(stop - now) + 1 : 0;
	if (there == 0)
		return LIFT_NOT_LIFTED;
	if (whole != expected || there != expected)
		return LIFT_DRIFTED;
	return stop >= now ? LIFT_LIFTED : LIFT_CLOSED;
}

enum lift_state
legacy_inspect(struct legacy_host *host, const json_t *record, unsigned *left_s, struct err *e)
{
	const enum lift_state state = inspect(host, record, left_s, e);

	host_unlock(host);
	return state;
}

/* --- sweep --- */

static enum outcome
look_only_at(const struct legacy_host *host, enum family family, const char *table,
	     struct names *found, struct err *e)
{
	struct marks marks;
	struct save save;
	int rc;

	if (!host_has(family, table))
		return OUTCOME_DONE;
	if (host_save(host, family, table, &save, e) < 0)
		return OUTCOME_UNKNOWN;
	rc = marks_find(&marks, &save, NULL, e);
	if (rc == 0) {
		name_marks(found, &save, family, table, &marks);
		marks_fini(&marks);
	}
	save_fini(&save);
	return rc == 0 ? OUTCOME_DONE : OUTCOME_UNKNOWN;
}

static enum outcome
look_everywhere(const struct legacy_host *host, struct names *found, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	for (size_t t = 0; t < LEGACY_TABLES; t++)
		for (enum family family = 0; family < FAMILIES; family++)
			outcome = outcome_worse(
				outcome, look_only_at(host, family, legacy_tables[t], found, e));
	return outcome;
}

/* The lock is taken only where there is something to do. */
enum outcome
legacy_sweep(struct legacy_host *host, bool look_only, struct names *found, struct err *e)
{
	struct names seen = { 0 };
	enum outcome outcome = look_everywhere(host, look_only ? found : &seen, e);
	bool none = seen.n == 0;

	names_fini(&seen);
	if (look_only || outcome != OUTCOME_DONE || none)
		return outcome;
	if (host_lock(host, e) < 0)
		return OUTCOME_NOT_DONE;
	for (size_t t = 0; t < LEGACY_TABLES; t++)
		for (enum family family = 0; family < FAMILIES; family++)
			outcome = outcome_worse(outcome,
						legacy_restore_table(host, family, legacy_tables[t],
								     NULL, found, e));
	host_unlock(host);
	return outcome;
}
