/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pointer.h"

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory");
}

/* --- where it is --------------------------------------------------------------------------------
 */

/* The array that an "add" inserts into, or NULL. Places in it shift: ours is found by its value. */
static json_t *
array_of(const json_t *operation, const json_t *rule)
{
	const char *path = text_of(operation, "path");
	const char *last = strrchr(path, '/');
	char *parent;
	json_t *array;
	if (strcmp(text_of(operation, "op"), "add") != 0 || last == NULL)
		return NULL;
	parent = strndup(path, (size_t)(last - path));
	array = parent != NULL ? pointer_get(rule, parent) : NULL;
	free(parent);
	return json_is_array(array) ? array : NULL;
}

/* Its index, or the array's size. */
static size_t
index_in(const json_t *array, const json_t *value)
{
	size_t i;
	json_t *one;
	json_array_foreach ((json_t *)(uintptr_t)array, i, one) {
		if (json_equal(one, value))
			break;
	}
	return i;
}

/* --- what ours looks like -----------------------------------------------------------------------
 */

/* Is there a string in it that has this text? */
static bool
has_text(const json_t *json, const char *text)
{
	size_t i;
	const char *key;
	json_t *one;
	if (json_is_string(json))
		return strstr(json_string_value(json), text) != NULL;
	json_array_foreach ((json_t *)(uintptr_t)json, i, one) {
		if (has_text(one, text))
			return true;
	}
	json_object_foreach ((json_t *)(uintptr_t)json, key, one) {
		if (has_text(one, text))
			return true;
	}
	return false;
}

/* What is around the old text in the new one, the longer side; a new string, or NULL. */
static char *
added_text(const char *new, const char *old)
{
	const char *at = *old != '\0' ? strstr(new, old) : NULL;
	if (at == NULL)
		return strdup(new);
	const char *after = at + strlen(old);
	return strlen(after) >= (size_t)(at - new) ? strdup(after)
						   : strndup(new, (size_t)(at - new));
}

/*
 * Counts the texts that are new: in all, and those that json has. What the old value had already
 * says nothing.
 */
static void
count_texts(const json_t *new, const json_t *old, const json_t *json, size_t *all, size_t *had)
{
	size_t i;
	const char *key;
	json_t *one;
	if (json_is_string(new) && !has_text(old, json_string_value(new))) {
		const char *before = json_string_value(old);
		char *text = added_text(json_string_value(new), before != NULL ? before : "");
		++*all;
		/* Out of memory: ours may be there. */
		*had += text == NULL || has_text(json, text);
		free(text);
	}
	json_array_foreach ((json_t *)(uintptr_t) new, i, one)
		count_texts(one, old, json, all, had);
	json_object_foreach ((json_t *)(uintptr_t) new, key, one)
		count_texts(one, old, json, all, had);
}

static bool
is_in(const json_t *operation, const json_t *json)
{
	size_t all = 0, had = 0;
	count_texts(json_object_get(operation, "new"), json_object_get(operation, "old"), json,
		    &all, &had);
	return all > 0 && had == all;
}

bool
operations_are_in(const json_t *operations, const json_t *json)
{
	size_t i;
	json_t *operation;
	json_array_foreach ((json_t *)(uintptr_t)operations, i, operation) {
		if (is_in(operation, json))
			return true;
	}
	return false;
}

static bool
is_equal(const json_t *a, const json_t *b)
{
	return (a == NULL && b == NULL) || (a != NULL && b != NULL && json_equal(a, b));
}

enum operation_state
operation_state(const json_t *operation, const json_t *rule)
{
	const json_t *new = json_object_get(operation, "new");
	const json_t *old = json_object_get(operation, "old");
	const json_t *array = array_of(operation, rule);
	const json_t *now;
	if (array != NULL) {
		if (index_in(array, new) < json_array_size(array))
			return OPERATION_OURS;
		return is_in(operation, array) ? OPERATION_OTHER_OURS : OPERATION_OLD;
	}
	now = pointer_get(rule, text_of(operation, "path"));
	if (is_equal(now, new))
		return OPERATION_OURS;
	if (is_equal(now, old))
		return OPERATION_OLD;
	return is_in(operation, now) ? OPERATION_OTHER_OURS : OPERATION_OTHER;
}

/* --- doing it -----------------------------------------------------------------------------------
 */

/* Puts a copy there, whatever there is now; NULL removes it. */
static int
put(json_t *rule, const char *path, const json_t *value, struct err *e)
{
	const bool there = pointer_get(rule, path) != NULL;
	json_t *copy = value != NULL ? json_deep_copy(value) : NULL;
	if (value != NULL && copy == NULL)
		return no_memory(e);
	if (copy == NULL)
		return there ? pointer_remove(rule, path, e) : 0;
	return there ? pointer_replace(rule, path, copy, e) : pointer_add(rule, path, copy, e);
}

int
operation_do(const json_t *operation, json_t *rule, struct err *e)
{
	const json_t *new = json_object_get(operation, "new");
	const char *path = text_of(operation, "path");
	if (array_of(operation, rule) == NULL)
		return put(rule, path, new, e);
	json_t *copy = json_deep_copy(new);
	return copy != NULL ? pointer_add(rule, path, copy, e) : no_memory(e);
}

int
operation_undo(const json_t *operation, json_t *rule, struct err *e)
{
	json_t *array = array_of(operation, rule);
	if (array == NULL)
		return put(rule, text_of(operation, "path"), json_object_get(operation, "old"), e);
	return json_array_remove(array, index_in(array, json_object_get(operation, "new"))) == 0
		       ? 0
		       : err_set(e, ERR_FAILED, "ours is not in the array");
}

/* --- making them --------------------------------------------------------------------------------
 */

static const char *
old_pointer(const json_t *value)
{
	return json_object_size(value) == 1 ? json_string_value(json_object_get(value, "$old"))
					    : NULL;
}

static json_t *value_of(const json_t *value, const json_t *rule, const struct scope *scope,
			struct err *e);

static int
expand_members(json_t *into, const json_t *value, const json_t *rule, const struct scope *scope,
	       struct err *e)
{
	size_t i;
	const char *key;
	json_t *one;
	json_array_foreach ((json_t *)(uintptr_t)value, i, one) {
		if (json_array_append_new(into, value_of(one, rule, scope, e)) != 0)
			return -1;
	}
	json_object_foreach ((json_t *)(uintptr_t)value, key, one) {
		if (json_object_set_new(into, key, value_of(one, rule, scope, e)) != 0)
			return -1;
	}
	return 0;
}

/* Templates expanded, {"$old": POINTER} replaced by what the rule has there, which is no template.
 */
static json_t *
value_of(const json_t *value, const json_t *rule, const struct scope *scope, struct err *e)
{
	const char *at = old_pointer(value);
	json_t *made;
	if (at != NULL) {
		made = json_deep_copy(pointer_get(rule, at));
		if (made == NULL)
			err_set(e, ERR_FAILED, "the rule has no %s", at);
		return made;
	}
	if (!json_is_array(value) && !json_is_object(value))
		return template_expand_json(value, scope, e);
	made = json_is_array(value) ? json_array() : json_object();
	if (made != NULL && expand_members(made, value, rule, scope, e) == 0)
		return made;
	json_decref(made);
	no_memory(e);
	return NULL;
}

/* ${old}, if it is a text or a number. */
static json_t *
new_value(const json_t *step, const json_t *rule, const json_t *old, const struct scope *scope,
	  struct err *e)
{
	struct scope with_old = { .names = json_object(), .parent = scope };
	json_t *value;
	if ((json_is_string(old) || json_is_number(old)) &&
	    json_object_set(with_old.names, "old", (json_t *)(uintptr_t)old) != 0) {
		json_decref(with_old.names);
		no_memory(e);
		return NULL;
	}
	value = value_of(json_object_get(step, "value"), rule, &with_old, e);
	json_decref(with_old.names);
	return value;
}

static bool
is_op(const json_t *step, const char *op)
{
	return strcmp(text_of(step, "op"), op) == 0;
}

/* Would it change nothing? Then it could not be told from one that was taken back. */
static bool
is_idle(const json_t *operation)
{
	return is_equal(json_object_get(operation, "old"), json_object_get(operation, "new"));
}

/* Of one step; work is the rule with the steps before it done. */
static json_t *
make(const json_t *step, const json_t *rule, const json_t *work, const struct scope *scope,
     struct err *e)
{
	const char *path = text_of(step, "path");
	const json_t *there = array_of(step, work) == NULL ? pointer_get(work, path) : NULL;
	json_t *old = there != NULL ? json_deep_copy(there) : NULL, *new = NULL, *operation;
	if (there == NULL && !is_op(step, "add")) {
		err_set(e, ERR_FAILED, "the rule has no %s", path);
		return NULL;
	}
	if (!is_op(step, "remove") && (new = new_value(step, rule, there, scope, e)) == NULL) {
		json_decref(old);
		return NULL;
	}
	operation = json_pack("{s:s,s:s,s:o*,s:o*}", "op", text_of(step, "op"), "path", path, "old",
			      old, "new", new);
	if (operation == NULL)
		no_memory(e);
	return operation;
}

json_t *
operations_make(const struct session *s, const json_t *rule, const struct scope *scope,
		struct err *e)
{
	json_t *work = json_deep_copy(rule), *operations = json_array(), *step;
	int rc = work != NULL && operations != NULL ? 0 : no_memory(e);
	size_t i;
	json_array_foreach (json_object_get(s->recipe->part, "lift"), i, step) {
		json_t *operation = rc == 0 ? make(step, rule, work, scope, e) : NULL;
		if (operation == NULL || operation_do(operation, work, e) != 0)
			rc = -1;
		if (rc == 0 && !is_idle(operation) && json_array_append(operations, operation) != 0)
			rc = no_memory(e);
		json_decref(operation);
	}
	json_decref(work);
	if (rc == 0)
		return operations;
	json_decref(operations);
	return NULL;
}
