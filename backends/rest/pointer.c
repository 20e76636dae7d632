/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pointer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_DIGITS_MAX 9

bool
pointer_is_valid(const char *pointer)
{
	if (pointer[0] != '\0' && pointer[0] != '/')
		return false;
	for (; *pointer != '\0'; pointer++)
		if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1')
			return false;
	return true;
}

/* The token that begins behind this slash, unescaped: a new string, or NULL: no memory. */
static char *
token_copy(const char *slash, const char **end)
{
	size_t len = strcspn(slash + 1, "/");
	char *token = malloc(len + 1);
	size_t n = 0;

	*end = slash + 1 + len;
	if (token == NULL)
		return NULL;
	for (const char *p = slash + 1; p < *end; p++) {
		token[n] = *p;
		if (*p == '~' && p + 1 < *end)
			token[n] = *++p == '1' ? '/' : '~';
		n++;
	}
	token[n] = '\0';
	return token;
}

/* RFC 6901 section 4: digits without a leading zero. False: no index of an array. */
static bool
token_index(const char *token, size_t *index)
{
	size_t len = strlen(token);

	if (len == 0 || len > INDEX_DIGITS_MAX || strspn(token, "0123456789") != len ||
	    (token[0] == '0' && len > 1))
		return false;
	*index = strtoul(token, NULL, 10);
	return true;
}

static json_t *
child(const json_t *json, const char *token)
{
	size_t index;

	if (json_is_object(json))
		return json_object_get(json, token);
	if (json_is_array(json) && token_index(token, &index))
		return json_array_get(json, index);
	return NULL;
}

/* Up to the last token, which is left in *last: a new string, or NULL when the pointer is "". */
static json_t *
walk(const json_t *json, const char *pointer, char **last)
{
	json_t *at = (json_t *)(uintptr_t)json;

	*last = NULL;
	while (*pointer == '/') {
		char *token = token_copy(pointer, &pointer);

		if (token == NULL)
			return NULL;
		if (*pointer == '\0') {
			*last = token;
			return at;
		}
		at = child(at, token);
		free(token);
	}
	return at;
}

json_t *
pointer_get(const json_t *json, const char *pointer)
{
	char *last;
	json_t *at = walk(json, pointer, &last);

	if (last != NULL)
		at = child(at, last);
	free(last);
	return at;
}

/* --- changes ------------------------------------------------------------------------------------
 */

static int
change_err(struct err *e, const char *what, const char *pointer, const char *why)
{
	char name[NAME_BUF];

	return err_set(e, ERR_FAILED, "%s at \"%s\": %s", what, err_name(name, pointer), why);
}

static int
add_to_array(json_t *array, const char *token, json_t *value)
{
	size_t index = json_array_size(array);

	if (strcmp(token, "-") != 0 &&
	    (!token_index(token, &index) || index > json_array_size(array)))
		return -1;
	return json_array_insert(array, index, value);
}

int
pointer_add(json_t *json, const char *pointer, json_t *value, struct err *e)
{
	char *last;
	json_t *parent = walk(json, pointer, &last);
	int rc = -1;

	if (value != NULL && last != NULL && json_is_object(parent))
		rc = json_object_set(parent, last, value);
	else if (value != NULL && last != NULL && json_is_array(parent))
		rc = add_to_array(parent, last, value);
	free(last);
	json_decref(value);
	return rc == 0 ? 0 : change_err(e, "adding", pointer, "there is no place for it");
}

int
pointer_replace(json_t *json, const char *pointer, json_t *value, struct err *e)
{
	char *last;
	json_t *parent = walk(json, pointer, &last);
	size_t index;
	int rc = -1;

	if (value == NULL || last == NULL || child(parent, last) == NULL)
		rc = -1;
	else if (json_is_object(parent))
		rc = json_object_set(parent, last, value);
	else if (token_index(last, &index))
		rc = json_array_set(parent, index, value);
	free(last);
	json_decref(value);
	return rc == 0 ? 0 : change_err(e, "replacing", pointer, "there is nothing to replace");
}

int
pointer_remove(json_t *json, const char *pointer, struct err *e)
{
	char *last;
	json_t *parent = walk(json, pointer, &last);
	size_t index;
	int rc = -1;

	if (last != NULL && json_is_object(parent))
		rc = json_object_del(parent, last);
	else if (last != NULL && json_is_array(parent) && token_index(last, &index))
		rc = json_array_remove(parent, index);
	free(last);
	return rc == 0 ? 0 : change_err(e, "removing", pointer, "there is nothing to remove");
}

/* An object that is to be merged into something else than one is merged into nothing. */
static int
merge_object(json_t *json, const char *key, const json_t *patch, struct err *e)
{
	json_t *member = json_object_get(json, key);

	if (!json_is_object(member)) {
		member = json_object();
		if (member == NULL || json_object_set_new(json, key, member) != 0)
			return err_set(e, ERR_FAILED, "out of memory");
	}
	return pointer_merge(member, patch, e);
}

int
pointer_merge(json_t *json, const json_t *patch, struct err *e)
{
	const char *key;
	json_t *member;
	int rc = 0;

	json_object_foreach ((json_t *)(uintptr_t)patch, key, member) {
		if (json_is_null(member))
			json_object_del(json, key);
		else if (json_is_object(member))
			rc = merge_object(json, key, member, e);
		else if (json_object_set_new(json, key, json_deep_copy(member)) != 0)
			rc = err_set(e, ERR_FAILED, "out of memory");
		if (rc != 0)
			return -1;
	}
	return 0;
}
