/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "entry.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#define DEADLINE_MAX INT64_C(253402300799) /* the year 9999: what time formats can write */

json_t *
entry_make(const struct target *target, json_t *recipe, const struct lift_request *request)
{
	char ports[PORTS_TEXT_MAX];
	return json_pack("{s:s,s:O,s:O*,s:O*,s:s*,s:s*,s:b,s:I,s:s,s:s,s:I,s:I}", "target",
			 target->name, "recipe", recipe, "params", target->params, "secrets",
			 target->secrets, "ca_file", target->ca_file, "pin", target->pin, "plain",
			 (int)target->plain, "deadline_s", (json_int_t)target->deadline_s, "ports",
			 ports_text(ports, &request->ports), "txn", request->txn, "window_s",
			 (json_int_t)request->window_s, "deadline",
			 (json_int_t)time(NULL) + request->window_s);
}

static json_t *
without_progress(const json_t *entry)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)entry);
	(void)json_object_del(copy, "pending");
	(void)json_object_del(copy, "remains");
	return copy;
}

bool
entry_is(const json_t *a, const json_t *b)
{
	json_t *x = without_progress(a), *y = without_progress(b);
	bool same = x != NULL && y != NULL && json_equal(x, y);
	json_decref(x);
	json_decref(y);
	return same;
}

static bool
is_object_or_none(const json_t *json)
{
	return json == NULL || json_is_object(json);
}

/* Arrays of objects, if they are there. */
static bool
has_objects(const json_t *array)
{
	size_t i;
	json_t *one;
	if (array != NULL && !json_is_array(array))
		return false;
	json_array_foreach ((json_t *)(uintptr_t)array, i, one) {
		if (!json_is_object(one))
			return false;
	}
	return true;
}

static bool
has_operations(const json_t *patched)
{
	size_t i;
	json_t *one;
	json_array_foreach ((json_t *)(uintptr_t)patched, i, one) {
		if (!json_is_string(json_object_get(one, "path")) ||
		    !json_is_string(json_object_get(one, "op")))
			return false;
	}
	return true;
}

int
entry_parse(struct entry *entry, const json_t *json, struct err *e)
{
	const char *ports;
	int plain;
	json_t *pending = NULL;
	json_int_t deadline_s, window_s, deadline, remains = 0;
	struct err ignored = ERR_INIT;
	*entry = (struct entry){ 0 };
	if (json_unpack((json_t *)(uintptr_t)json,
			"{s:s,s:o,s?o,s?o,s?s,s?s,s:b,s:I,s:s,s:s,s:I,s:I,s?o,s?o,s?o,s?I}",
			"target", &entry->target, "recipe", &entry->recipe, "params",
			&entry->params, "secrets", &entry->secrets, "ca_file", &entry->ca_file,
			"pin", &entry->pin, "plain", &plain, "deadline_s", &deadline_s, "ports",
			&ports, "txn", &entry->txn, "window_s", &window_s, "deadline", &deadline,
			"objects", &entry->objects, "patched", &entry->patched, "pending", &pending,
			"remains", &remains) != 0 ||
	    remains < 0 || !json_is_object(entry->recipe) || !is_object_or_none(entry->params) ||
	    !is_object_or_none(entry->secrets) || deadline_s < 1 ||
	    deadline_s > TARGET_DEADLINE_MAX_S || window_s < 0 || window_s > UINT32_MAX ||
	    deadline < 0 || deadline > DEADLINE_MAX || strlen(entry->txn) != TXN_LEN ||
	    !has_objects(entry->objects) || !has_objects(entry->patched) ||
	    !has_operations(entry->patched) || !has_objects(pending) ||
	    ports_parse(ports, &entry->ports, &ignored) != 0)
		return err_set(e, ERR_FAILED, "the record is not one of the rest backend's");
	entry->plain = plain != 0;
	entry->deadline_s = (unsigned)deadline_s;
	entry->window_s = (unsigned)window_s;
	entry->deadline = deadline;
	return 0;
}
