/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Predicates of a recipe on a JSON value, each an object: {"at": POINTER, "eq": JSON}, or with
 * "ne", "in" (an array of JSON), "absent": true, "empty": true or "starts" (a string). Values are
 * templates. What is not there equals nothing, and is empty; empty are also null, "", [] and {}.
 */
#ifndef GEOPAUSE_REST_PREDICATE_H
#define GEOPAUSE_REST_PREDICATE_H

#include "template.h"

/*
 * 1: all of them hold, 0: one does not; -1: a template could not be expanded, e is set. predicates
 * may be NULL: holds. value may be NULL: there is nothing.
 */
int predicates_hold(const json_t *predicates, const json_t *value, const struct scope *scope,
		    struct err *e);

/* value may be NULL. */
bool predicate_is_empty(const json_t *value);

#endif
