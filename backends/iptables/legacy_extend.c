/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moving the ends of a lift in the live tables. */
#include <stdlib.h>

#include "legacy_entry.h"
#include "legacy_mark.h"
#include "legacy_record.h"
#include "legacy_restore.h"

#define SLACK_S 2 /* an end that is off by no more is left where it is */

static bool
is_off(time_t is, time_t asked)
{
	return is - asked > SLACK_S || asked - is > SLACK_S;
}

/* host_edit_fn's data */
struct extension {
	const struct recorded *recorded;
	time_t stop;
};

static void
move_end(struct change *change, const struct save *save, size_t rule, time_t stop)
{
	size_t entry = table_rule(change->table, rule);
	struct new_entry moved;

	if (!mark_stop(save, rule) || !is_off(mark_stop(save, rule), stop))
		return;
	moved = entry_copy_until(change->table, entry, stop);
	change_insert_take(change, entry, &moved);
	change_drop(change, entry);
}

/* The ends that are not the asked one. */
static void
move_ends(struct change *change, const struct save *save, const struct marks *marks, time_t stop)
{
	for (size_t m = 0; m < marks->n; m++) {
		const struct mark *mark = &marks->v[m];
		const struct save_chain *chain;

		if (mark->chain == SAVE_NONE) {
			move_end(change, save, mark->rule, stop);
			continue;
		}
		chain = &save->chains[mark->chain];
		for (size_t i = chain->first; i < chain->first + chain->n; i++)
			if (i != mark->rule)
				move_end(change, save, i, stop);
	}
}

/* host_edit_fn of a struct extension */
static int
extend_marks(struct change *change, const struct save *save, void *data, struct err *e)
{
	const struct extension *extension = data;
	const struct recorded *r = extension->recorded;
	struct marks marks;
	int rc = 0;

	if (marks_find(&marks, save, r->txn, e) < 0)
		return -1;
	if (marks.n == 0)
		rc = err_set(e, ERR_FAILED, "%s, table %s: nothing of the lift is there any more",
			     family_names[r->family], r->table);
	else
		move_ends(change, save, &marks, extension->stop);
	marks_fini(&marks);
	return rc;
}

static enum outcome
extend_table(const struct legacy_host *host, const struct recorded *r, time_t stop, struct err *e)
{
	struct extension extension = { .recorded = r, .stop = stop };

	if (!host_has(r->family, r->table)) {
		err_set(e, ERR_FAILED, "%s has no table %s any more", family_names[r->family],
			r->table);
		return OUTCOME_NOT_DONE;
	}
	return host_edit(host, r->family, r->table, extend_marks, &extension, e);
}

enum outcome
legacy_extend(struct legacy_host *host, const json_t *record, unsigned expiry_s, struct err *e)
{
	const time_t stop = mark_end_after(expiry_s);
	enum outcome outcome = OUTCOME_DONE;
	struct recorded r;

	if (host_lock(host, e) < 0)
		return OUTCOME_NOT_DONE;
	for (size_t i = 0; i < record_tables(record) && outcome == OUTCOME_DONE; i++) {
		outcome = OUTCOME_NOT_DONE;
		if (record_read(&r, record, i, e) == 0)
			outcome = extend_table(host, &r, stop, e);
		if (outcome == OUTCOME_NOT_DONE && i > 0)
			outcome = OUTCOME_UNKNOWN;
	}
	host_unlock(host);
	return outcome;
}
