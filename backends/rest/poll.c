/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting for what the provider does in the background. */
#include <stdbool.h>

#include "call.h"
#include "predicate.h"
#include "reply.h"

#define POLL_EVERY_MS 1000

static bool
holds(const json_t *poll, const char *key, const struct answer *answer, const struct scope *scope,
      struct err *e)
{
	const json_t *predicates = json_object_get(poll, key);
	return predicates != NULL && answer->body != NULL &&
	       predicates_hold(predicates, answer->body, scope, e) == 1;
}

enum polled
poll_once(struct session *s, const json_t *poll, const struct scope *scope, struct err *e)
{
	struct answer answer;
	enum polled polled = POLLED_NOT_YET;
	if (call_fresh(s, poll, scope, &answer, e) != OUTCOME_DONE)
		polled = answer.status == 404 || answer.status == 410 ? POLLED_GONE
								      : POLLED_UNREADABLE;
	else if (!answer.gone && holds(poll, "failed", &answer, scope, e))
		polled = POLLED_FAILED;
	else if (answer.gone || holds(poll, "until", &answer, scope, e))
		polled = POLLED_REACHED;
	answer_fini(&answer);
	return polled;
}

enum outcome
call_poll(struct session *s, const json_t *poll, const struct scope *scope, struct err *e)
{
	const json_t *every = json_object_get(poll, "every_ms");
	const int64_t ms = every != NULL ? json_integer_value(every) : POLL_EVERY_MS;
	enum polled polled;
	bool seen = false; /* that it is not done yet */
	while ((polled = poll_once(s, poll, scope, e)) == POLLED_NOT_YET) {
		seen = true;
		if (!session_wait(s, ms))
			break;
	}
	/* What the deadline has cut off is no provider that cannot be asked. */
	if (polled == POLLED_UNREADABLE && seen && !session_wait(s, 0)) {
		*e = ERR_INIT;
		polled = POLLED_NOT_YET;
	}
	if (polled == POLLED_REACHED)
		return OUTCOME_DONE;
	if (polled == POLLED_FAILED) {
		err_set(e, ERR_FAILED, "the provider has accepted it, but says that it failed");
		return OUTCOME_NOT_DONE;
	}
	if (polled == POLLED_NOT_YET)
		err_set(e, ERR_FAILED, "the provider was not done with it before the deadline");
	else
		err_wrap(e, "waiting for the provider");
	return OUTCOME_UNKNOWN;
}
