/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "expiry.h"

#include <string.h>
#include <time.h>

bool
expiry_is_of(const json_t *deadman)
{
	const char *kind = json_string_value(json_object_get(deadman, "kind"));
	return kind != NULL && strcmp(kind, "none") != 0;
}

bool
expiry_is_there(const struct recipe *recipe)
{
	return expiry_is_of(recipe->deadman);
}

static json_int_t
deadline_of(const struct session *s)
{
	return json_integer_value(json_object_get(s->params.names, "deadline"));
}

unsigned
expiry_left_s(const struct session *s)
{
	const json_int_t left = deadline_of(s) - (json_int_t)time(NULL);
	return expiry_is_there(s->recipe) && left > 0 ? (unsigned)left : 0;
}

bool
expiry_is_settled(const struct session *s, int64_t deadline, enum outcome *outcome, struct err *e)
{
	*outcome = OUTCOME_DONE;
	if (!expiry_is_there(s->recipe))
		return true;
	if (json_object_get(s->recipe->part, "extend") != NULL)
		return false;
	if (deadline > deadline_of(s)) {
		err_set(e, ERR_FAILED,
			"the recipe %s has no way to move the provider's deadline: the lift closes "
			"in %u s",
			s->recipe->name, expiry_left_s(s));
		*outcome = OUTCOME_NOT_DONE;
	}
	return true;
}
