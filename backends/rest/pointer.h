/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON Pointer (RFC 6901); of JSON Patch (RFC 6902) add, replace and remove; Merge Patch (RFC
 * 7386). */
#ifndef GEOPAUSE_REST_POINTER_H
#define GEOPAUSE_REST_POINTER_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"

/* "" or "/a/0/b"; "~" is written "~0" and "/" is written "~1". */
bool pointer_is_valid(const char *pointer);
/* Borrowed, or NULL when there is nothing. */
json_t *pointer_get(const json_t *json, const char *pointer);

/*
 * Change json in place. pointer_add and pointer_replace take the reference to value, always.
 * ERR_FAILED: the parent is missing or holds nothing, the index is out of range, there is nothing
 * to replace or to remove, or the pointer is "" (the whole document cannot change in place).
 * pointer_add replaces a member that is there; "-" is the end of an array.
 */
int pointer_add(json_t *json, const char *pointer, json_t *value, struct err *e);
int pointer_replace(json_t *json, const char *pointer, json_t *value, struct err *e);
int pointer_remove(json_t *json, const char *pointer, struct err *e);
/*
 * Merges the object patch into the object json: members that are null are removed, objects are
 * merged, anything else is replaced. Shares nothing with patch. ERR_FAILED: no memory.
 */
int pointer_merge(json_t *json, const json_t *patch, struct err *e);

#endif
