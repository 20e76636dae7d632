/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Variables of a recipe, and templates: strings with ${name} or ${name|filter|filter} in them; "$$"
 * is a dollar sign. Values are JSON: a string that is just "${name}" becomes the value itself in a
 * body; anywhere else numbers are written in decimal, and other types are an error. ${name?} may be
 * without a value: then it is nothing, and what is just that is left out.
 *
 * Errors name the template and the variable, never a value: it may be a secret.
 */
#ifndef GEOPAUSE_REST_TEMPLATE_H
#define GEOPAUSE_REST_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"

/*
 * A scope: JSON object of names ("zone", "each.family", "secret.token"); looked up first here,
 * then in its parent. The values of secrets are in a scope of their own that is never printed.
 */
struct scope {
	json_t *names;
	const struct scope *parent;
};

/* Borrowed, or NULL. */
json_t *scope_get(const struct scope *scope, const char *name);

enum template_use {
	TEMPLATE_TEXT, /* as it is */
	TEMPLATE_PATH, /* each variable is percent-encoded, unless it has the filter raw or urlenc
			*/
};

/* A new string, or NULL: ERR_FAILED names the template and the variable that is missing. */
char *template_expand(const char *text, const struct scope *scope, enum template_use use,
		      struct err *e);
/*
 * All strings in it, not keys. A member or item that is just "${name?}" or "${name?|filter}" is
 * left out when the variable has no value. A new reference that shares nothing, or NULL.
 */
json_t *template_expand_json(const json_t *json, const struct scope *scope, struct err *e);

/*
 * For the loader: calls back for each variable. -1 when it does, or with ERR_FAILED when the syntax
 * is wrong or a filter unknown. optional: written ${name?}.
 */
int template_variables(const char *text,
		       int (*each)(void *data, const char *name, bool optional, struct err *e),
		       void *data, struct err *e);
/* [a-z][a-z0-9_]*, of at most VARIABLE_MAX bytes; with parts also joined by "." */
#define VARIABLE_MAX 48
bool variable_is_name(const char *name, bool parts);

#endif
