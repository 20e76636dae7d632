/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Making, moving and deleting one object of ours, whatever happens to the replies. */
#include <string.h>

#include "commit.h"
#include "own_private.h"
#include "pending.h"
#include "reply.h"

#define DELETE_LOOKS 6 /* how often something of ours is looked for to be deleted */

enum looked {
	LOOKED_THERE,
	LOOKED_ABSENT,
	LOOKED_UNREAD,
};

static enum looked
look(struct session *s, const struct object *object, struct err *e)
{
	json_t *captured = json_object(), *found = NULL;
	int rc = captured != NULL ? own_find(s, object, &found, captured, e) : -1;
	enum looked looked = rc != 0 ? LOOKED_UNREAD : found != NULL ? LOOKED_THERE : LOOKED_ABSENT;
	json_decref(found);
	json_decref(captured);
	return looked;
}

/* What "look and see" makes of a create whose outcome is not known. */
static enum outcome
seen_created(struct session *s, const struct object *object, struct err *e)
{
	struct err unread = ERR_INIT;
	switch (look(s, object, &unread)) {
	case LOOKED_THERE:
		return OUTCOME_DONE;
	case LOOKED_ABSENT:
		return OUTCOME_NOT_DONE;
	case LOOKED_UNREAD:
	default:
		err_wrap(&unread, "%s; looking for it", e->msg);
		*e = unread;
		return OUTCOME_UNKNOWN;
	}
}

enum outcome
own_create(struct session *s, const struct object *object, struct err *e)
{
	for (int i = 0;; i++) {
		struct err why = ERR_INIT;
		struct answer answer;
		enum outcome outcome =
			call_do(s, own_call(s, "create"), &object->scope, &answer, &why);
		/* A request without a reply may still be carried out. */
		const bool lost = outcome == OUTCOME_UNKNOWN && answer.status == 0;
		const int64_t pause = write_pause_ms(&answer);
		const bool final = write_is_final(outcome, &answer);
		answer_fini(&answer);
		if (outcome == OUTCOME_UNKNOWN)
			outcome = seen_created(s, object, &why);
		if (outcome == OUTCOME_DONE)
			return outcome;
		if (outcome == OUTCOME_NOT_DONE && !final && i < WRITE_REPEATS &&
		    session_wait(s, pause))
			continue;
		if (e->code == ERR_NONE)
			*e = why;
		return lost ? OUTCOME_UNKNOWN : outcome;
	}
}

/* Nobody knows what it is waited for by. */
enum outcome
own_create_absent(struct session *s, const struct object *object, struct err *e)
{
	switch (look(s, object, e)) {
	case LOOKED_ABSENT:
		return own_create(s, object, e);
	case LOOKED_THERE:
		err_set(e, ERR_FAILED, "a call that was killed has made a part of it");
		return OUTCOME_NOT_DONE;
	case LOOKED_UNREAD:
	default:
		return OUTCOME_NOT_DONE;
	}
}

/* --- deleting -----------------------------------------------------------------------------------
 */

/* One that was found. *more: look again, it may be there still. */
static enum outcome
delete_found(struct session *s, const struct object *object, const json_t *element, int64_t *pause,
	     bool *more, struct err *e)
{
	static const char *const calls[] = { "detach", "delete" };
	struct scope scope = { .names = json_object(), .parent = &object->scope };
	enum outcome outcome = OUTCOME_DONE;
	if (scope.names == NULL || reply_capture(json_object_get(own_call(s, "find"), "capture"),
						 NULL, element, scope.names, e) != 0)
		outcome = OUTCOME_NOT_DONE;
	for (size_t i = 0; outcome == OUTCOME_DONE && i < sizeof(calls) / sizeof(*calls); i++) {
		struct answer answer;
		if (own_call(s, calls[i]) == NULL)
			continue;
		outcome = pending_check_begun(s, e);
		if (outcome != OUTCOME_DONE)
			break;
		outcome = call_do(s, own_call(s, calls[i]), &scope, &answer, e);
		*more = outcome != OUTCOME_DONE && !write_is_final(outcome, &answer);
		*pause = write_pause_ms(&answer);
		answer_fini(&answer);
	}
	json_decref(scope.names);
	return outcome;
}

static enum outcome
delete_once(struct session *s, const struct object *object, int64_t *pause, bool *more,
	    struct err *e)
{
	json_t *matches = call_matches(s, own_call(s, "find"), &object->scope, e);
	const size_t n = json_array_size(matches);
	enum outcome outcome = OUTCOME_DONE;
	*more = false;
	if (matches == NULL)
		return OUTCOME_UNKNOWN;
	if (n > 1 && own_is_absence(s)) {
		err_set(e, ERR_FAILED,
			"%zu objects are like ours, and only one is: somebody else has made the "
			"others; delete ours by hand",
			n);
		outcome = OUTCOME_NOT_DONE;
	} else if (n > 0) {
		outcome = delete_found(s, object, json_array_get(matches, 0), pause, more, e);
		/* All that carry our id are ours, also those of a create that came late. */
		*more = *more || (outcome == OUTCOME_DONE && n > 1);
	}
	json_decref(matches);
	return outcome;
}

/* By what the journal says of it: an object of this kind that we may delete. */
static bool
was_planned(const struct session *s, const struct object *object)
{
	const json_t *journaled = json_array_get(s->entry.objects, object->index);
	return journaled != NULL &&
	       (!own_is_absence(s) || json_is_true(json_object_get(journaled, "absence")));
}

enum outcome
own_delete(struct session *s, const struct object *object, struct err *e)
{
	if (!was_planned(s, object))
		return OUTCOME_DONE;
	/* While the provider is at what this revert has begun, it ends here; the next goes on. */
	enum outcome before = pending_check_begun(s, e);
	if (before != OUTCOME_DONE)
		return before;
	for (int i = 0;; i++) {
		struct err why = ERR_INIT;
		int64_t pause = 0;
		bool more;
		enum outcome outcome = delete_once(s, object, &pause, &more, &why);
		if (!more && outcome == OUTCOME_DONE)
			return outcome;
		session_forget(s);
		if (more && i < DELETE_LOOKS && (outcome == OUTCOME_DONE || session_wait(s, pause)))
			continue;
		if (why.code == ERR_NONE)
			err_set(&why, ERR_FAILED, "there are too many objects of ours");
		if (e->code == ERR_NONE)
			*e = why;
		return outcome == OUTCOME_DONE ? OUTCOME_NOT_DONE : outcome;
	}
}

/* --- moving the deadline ----------------------------------------------------------------
 */

enum outcome
own_move(struct session *s, const struct object *object, struct err *e)
{
	struct scope scope = { .names = json_object(), .parent = &object->scope };
	json_t *found = NULL;
	enum outcome outcome = OUTCOME_NOT_DONE;
	int rc = scope.names != NULL ? own_find(s, object, &found, scope.names, e) : -1;
	if (rc == 0 && found == NULL)
		err_set(e, ERR_FAILED, "what was added is not there any more");
	else if (rc == 0)
		outcome = write_again(s, own_call(s, "extend"), &scope, e);
	json_decref(found);
	json_decref(scope.names);
	return outcome;
}
