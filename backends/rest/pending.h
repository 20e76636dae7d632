/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a provider has accepted and is not known to be done with. It is noted, not waited for:
 * whoever has the record can wait, in any process and without the lock. A lift's next write is made
 * when the last one is done, and what is left of it is noted as well. In an entry (entry.h):
 *
 *   "pending": [{"call": its name in "own" or "patch", "names": {what its poll names},
 *                "since": milliseconds since 1970}],
 *   "remains": the objects from this one on, and the commit
 *
 * All here is about an entry's, with what its session has begun meanwhile, without what that has
 * seen the end of.
 */
#ifndef GEOPAUSE_REST_PENDING_H
#define GEOPAUSE_REST_PENDING_H

#include <stdint.h>

#include "backend.h"
#include "session.h"

/* That a call with this poll was accepted. False if it cannot be noted, but only waited for now. */
bool pending_note(struct session *s, const json_t *poll, const struct scope *scope);
/*
 * Waits for the end of all, until the session's deadline. OUTCOME_NOT_DONE: the provider says that
 * one has failed.
 */
enum outcome pending_wait(struct session *s, const json_t *entry, struct err *e);

enum pending_state {
	PENDING_NONE,   /* all is done */
	PENDING_FAILED, /* one is not, and will never be */
	PENDING_AT_IT,
	PENDING_UNREAD, /* e says why */
};
/* Asks the provider, once. */
enum pending_state pending_ask(struct session *s, const json_t *entry, struct err *e);
/* Asks once; what has failed, or is gone with what it was about, counts as done from now on. */
void pending_give_up(struct session *s, const json_t *entry);
/* Brings the entry up to date; false if nothing is pending. */
bool pending_update(struct session *s, json_t *entry);
/* Has this session begun something, and not seen its end? */
bool pending_is_begun(const struct session *s);
/* Has anybody? */
bool pending_is_open(const struct session *s, const json_t *entry);
/* OUTCOME_UNKNOWN while it has: the next write is due when that is done. */
enum outcome pending_check_begun(const struct session *s, struct err *e);

/* What is left of the lift, and begins with this object; PENDING_ALL_MADE: nothing. */
#define PENDING_ALL_MADE SIZE_MAX
void pending_set_remains(struct session *s, size_t first);
/* False if nothing remains. */
bool pending_remains(const struct session *s, const json_t *entry, size_t *first);

#endif
