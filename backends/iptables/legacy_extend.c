/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moving the ends of a lift in the live tables. */
#include <stdlib.h>

#include "legacy_record.h"
#include "legacy_restore.h"
#include "legacy_script.h"

#define SLACK_S 2 /* an end that is off by no more is left where it is */

static bool
is_off(time_t is, time_t asked)
{
	return is - asked > SLACK_S || asked - is > SLACK_S;
}

/* Rewrites the ends that are not the asked one; *n counts them. */
static void
move_ends(struct script *script, const struct save *save, const struct marks *marks, time_t stop,
	  size_t *n)
{
	for (size_t m = 0; m < marks->n; m++) {
		const struct mark *mark = &marks->v[m];
		size_t first =
			mark->chain == SAVE_NONE ? mark->rule : save->chains[mark->chain].first;
		size_t count = mark->chain == SAVE_NONE ? 1 : save->chains[mark->chain].n;

		for (size_t i = first; i < first + count; i++) {
			if (!mark_stop(save, i) || !is_off(mark_stop(save, i), stop) ||
			    (mark->chain != SAVE_NONE && i == mark->rule))
				continue;
			script_move_end(script, save, i, stop);
			*n += 1;
		}
	}
}

static enum outcome
extend_marks(const struct legacy_host *host, const struct recorded *r, const struct save *save,
	     const struct marks *marks, time_t stop, struct err *e)
{
	struct script script = { 0 };
	enum outcome outcome = OUTCOME_NOT_DONE;
	size_t n = 0;

	if (marks->n == 0) {
		err_set(e, ERR_FAILED, "%s, table %s: nothing of the lift is there any more",
			family_names[r->family], r->table);
		return OUTCOME_NOT_DONE;
	}
	if (script_begin(&script, r->table, save, e) < 0)
		return OUTCOME_NOT_DONE;
	move_ends(&script, save, marks, stop, &n);
	if (script_end(&script, e) == 0)
		outcome = n ? host_restore(host, r->family, script.text, script.len, e)
			    : OUTCOME_DONE;
	script_fini(&script);
	return outcome;
}

static enum outcome
extend_table(const struct legacy_host *host, const struct recorded *r, time_t stop, struct err *e)
{
	enum outcome outcome = OUTCOME_NOT_DONE;
	struct marks marks;
	struct save save;

	if (!host_has(r->family, r->table)) {
		err_set(e, ERR_FAILED, "%s has no table %s any more", family_names[r->family],
			r->table);
		return OUTCOME_NOT_DONE;
	}
	if (host_save(host, r->family, r->table, &save, e) < 0)
		return OUTCOME_NOT_DONE;
	if (marks_find(&marks, &save, r->txn, e) == 0) {
		outcome = extend_marks(host, r, &save, &marks, stop, e);
		marks_fini(&marks);
	}
	save_fini(&save);
	return outcome;
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
