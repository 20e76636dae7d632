/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commit.h"

#include "pending.h"

#define PAUSE_MS 500

bool
write_is_final(enum outcome outcome, const struct answer *answer)
{
	return outcome == OUTCOME_NOT_DONE && !answer->not_sent && !answer->conflict;
}

int64_t
write_pause_ms(const struct answer *answer)
{
	return answer->retry_after_ms > 0 ? answer->retry_after_ms : PAUSE_MS;
}

enum outcome
write_again(struct session *s, const json_t *call, const struct scope *scope, struct err *e)
{
	for (int i = 0;; i++) {
		struct err why = ERR_INIT;
		struct answer answer;
		enum outcome outcome = call_do(s, call, scope, &answer, &why);
		const bool final = write_is_final(outcome, &answer);
		const int64_t pause = write_pause_ms(&answer);
		answer_fini(&answer);
		if (outcome == OUTCOME_DONE)
			return outcome;
		if (final || i == WRITE_REPEATS || !session_wait(s, pause)) {
			if (e->code == ERR_NONE)
				*e = why;
			return outcome;
		}
	}
}

static const json_t *
call_of(const struct session *s)
{
	return json_object_get(s->recipe->part, "commit");
}

void
commit_is_due(struct session *s)
{
	s->uncommitted = call_of(s) != NULL;
}

enum outcome
commit(struct session *s, const struct scope *scope, struct err *e)
{
	const json_t *call = call_of(s);
	struct err why = ERR_INIT;
	if (call == NULL)
		return OUTCOME_DONE;
	enum outcome outcome = pending_check_begun(s, &why);
	if (outcome == OUTCOME_DONE)
		outcome = write_again(s, call, scope, &why);
	s->uncommitted = outcome != OUTCOME_DONE;
	if (s->uncommitted && e->code == ERR_NONE) {
		*e = why;
		err_wrap(e, "it was written, but not put into force");
	}
	return outcome;
}
