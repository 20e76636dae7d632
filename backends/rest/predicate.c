/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "predicate.h"

#include <stdint.h>
#include <string.h>

#include "pointer.h"

/* 1 and 1.0 are the same number to most providers. */
static bool
is_same(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b))
		return json_number_value(a) == json_number_value(b);
	return a != NULL && json_equal(a, b) == 1;
}

static bool
is_among(const json_t *value, const json_t *array)
{
	json_t *item;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)array, i, item)
		if (is_same(value, item))
			return true;
	return false;
}

bool
predicate_is_empty(const json_t *value)
{
	if (json_is_string(value))
		return json_string_length(value) == 0;
	if (json_is_array(value) || json_is_object(value))
		return json_array_size(value) + json_object_size(value) == 0;
	return value == NULL || json_is_null(value);
}

static bool
starts(const json_t *value, const json_t *with)
{
	const char *text = json_string_value(value);
	const char *start = json_string_value(with);

	return text != NULL && start != NULL && strncmp(text, start, strlen(start)) == 0;
}

/* What the predicate's value says of the one that was found. */
static bool
compare(const char *key, const json_t *found, const json_t *wanted)
{
	if (strcmp(key, "eq") == 0)
		return is_same(found, wanted);
	if (strcmp(key, "ne") == 0)
		return !is_same(found, wanted);
	if (strcmp(key, "in") == 0)
		return is_among(found, wanted);
	if (strcmp(key, "absent") == 0)
		return (found == NULL) == json_is_true(wanted);
	if (strcmp(key, "empty") == 0)
		return predicate_is_empty(found) == json_is_true(wanted);
	return strcmp(key, "starts") == 0 && starts(found, wanted);
}

static int
holds(const json_t *predicate, const json_t *value, const struct scope *scope, struct err *e)
{
	const char *at = json_string_value(json_object_get(predicate, "at"));
	const json_t *found = at != NULL ? pointer_get(value, at) : NULL;
	const char *key;
	json_t *member;

	json_object_foreach ((json_t *)(uintptr_t)predicate, key, member) {
		json_t *wanted;
		bool held;

		if (strcmp(key, "at") == 0)
			continue;
		wanted = template_expand_json(member, scope, e);
		if (wanted == NULL)
			return -1;
		held = compare(key, found, wanted);
		json_decref(wanted);
		return held ? 1 : 0;
	}
	return err_set(e, ERR_FAILED, "a predicate that asks for nothing");
}

int
predicates_hold(const json_t *predicates, const json_t *value, const struct scope *scope,
		struct err *e)
{
	json_t *predicate;
	int held = 1;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)predicates, i, predicate) {
		held = holds(predicate, value, scope, e);
		if (held != 1)
			break;
	}
	return held;
}
