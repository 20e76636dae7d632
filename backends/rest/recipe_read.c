/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The top level of a recipe. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe_private.h"
#include "template.h"

static int
read_version(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	if (!json_is_integer(value))
		return document_type_err(doc, value, place, "the version as an integer");
	if (json_integer_value(value) != 1)
		return document_err(doc, place,
				    "version %" JSON_INTEGER_FORMAT
				    " is not known to this program, only version 1 is",
				    json_integer_value(value));
	return 0;
}

static int
read_name(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);
	const struct recipe_reading *r = into;
	char name[NAME_BUF];

	if (text == NULL)
		return -1;
	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return document_err(doc, place, "\"%s\" has other characters than a-z, 0-9 and -",
				    err_name(name, text));
	if (r->name != NULL && strcmp(text, r->name) != 0)
		return document_err(doc, place, "must be \"%s\", as the file's",
				    err_name(name, r->name));
	return 0;
}

static int
read_limits(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, recipe_read_text);
}

static int
read_challenge(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const char *const words[] = { "http-01", "tls-alpn-01", "dns-01", NULL };

	(void)into;
	return recipe_read_word(doc, value, place, words) >= 0 ? 0 : -1;
}

static int
read_challenges(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, read_challenge);
}

/* --- parameters, secrets and vars ---------------------------------------------------------------
 */

static int
read_expression(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);
	char why[128];
	regex_t compiled;
	int rc;

	(void)into;
	if (text == NULL)
		return -1;
	rc = regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		regerror(rc, &compiled, why, sizeof(why));
		return document_err(doc, place, "is no extended regular expression: %s", why);
	}
	regfree(&compiled);
	return 0;
}

static const struct document_key param_keys[] = {
	{ .name = "help", .read = recipe_read_text, .required = true },
	{ .name = "match", .read = read_expression },
	{ .name = "default", .read = recipe_read_text },
	{ .name = "optional", .read = recipe_read_boolean },
	{ .name = NULL },
};

static int
read_param(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	bool optional = json_is_true(json_object_get(value, "optional"));

	if (document_object(doc, into, value, place, param_keys) != 0)
		return -1;
	if (optional && json_object_get(value, "default") != NULL)
		return document_err(doc, place,
				    "\"optional\" and \"default\" exclude each other: with a "
				    "default it has a value always");
	return recipe_name_add(doc, r->names, place->key, optional ? NAME_OPTIONAL : 0, place);
}

static int
read_params(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_members(doc, into, value, place, read_param);
}

static const struct document_key secret_keys[] = {
	{ .name = "help", .read = recipe_read_text, .required = true },
	{ .name = "optional", .read = recipe_read_boolean },
	{ .name = NULL },
};

static int
read_secret(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	bool optional = json_is_true(json_object_get(value, "optional"));
	char name[VARIABLE_MAX + 1];
	char escaped[NAME_BUF];
	int rc = json_is_object(value) ? document_object(doc, into, value, place, secret_keys)
				       : recipe_read_text(doc, into, value, place);

	if (rc != 0)
		return -1;
	if (!variable_is_name(place->key, false) ||
	    (size_t)snprintf(name, sizeof(name), "secret.%s", place->key) >= sizeof(name))
		return document_err(doc, place, "\"%s\" is no name of a variable",
				    err_name(escaped, place->key));
	return recipe_name_set(doc, r->secrets, name, optional ? NAME_OPTIONAL : 0);
}

static int
read_secrets(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_members(doc, into, value, place, read_secret);
}

static int
read_var(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;

	r->used = 0;
	if (recipe_read_template(doc, into, value, place) != 0)
		return -1;
	return recipe_name_add(doc, r->names, place->key, r->used & NAME_OURS, place);
}

static int
read_vars(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_members(doc, into, value, place, read_var);
}

/* --- the provider -------------------------------------------------------------------------------
 */

struct known {
	const char *name;
	unsigned facts;
};

static int
set_names(struct document *doc, struct recipe_reading *r, const struct known *known)
{
	for (; known->name != NULL; known++)
		if (recipe_name_set(doc, r->names, known->name, known->facts) != 0)
			return -1;
	return 0;
}

/* Where it is does not change while it is open; what follows may use what does. */
static int
read_base(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const struct known later[] = {
		{ "deadline", NAME_TIME },
		{ "expiry", NAME_TIME },
		{ "window_s", NAME_TIME },
		{ "now", 0 },
		{ NULL, 0 },
	};
	const char *text = json_string_value(value);

	if (recipe_read_url(doc, into, value, place) != 0)
		return -1;
	if (text[strlen(text) - 1] == '/')
		return document_err(doc, place, "must not end with /: paths begin with it");
	return set_names(doc, into, later);
}

static const struct document_key retry_keys[] = {
	{ .name = "status", .read = recipe_read_statuses },
	{ .name = "body", .read = recipe_read_predicates },
	{ .name = "interval_ms", .read = recipe_read_milliseconds },
	{ .name = NULL },
};

static int
read_retry(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_object(doc, into, value, place, retry_keys);
}

static int
read_kind(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const char *const words[] = { "field", "expression", "none", NULL };
	struct recipe_reading *r = into;
	int i = recipe_read_word(doc, value, place, words);

	r->expires = i == 0 || i == 1;
	return i >= 0 ? 0 : -1;
}

static const struct document_key deadman_keys[] = {
	{ .name = "kind", .read = read_kind, .required = true },
	{ .name = "text", .read = recipe_read_text, .required = true },
	{ .name = NULL },
};

static int
read_deadman(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_object(doc, into, value, place, deadman_keys);
}

static int
read_own(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return recipe_scoped(doc, into, value, place, recipe_read_own);
}

static int
read_patch(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return recipe_scoped(doc, into, value, place, recipe_read_patch);
}

/* In the order in which the variables get their values. */
static const struct document_key recipe_keys[] = {
	{ .name = "version", .read = read_version, .required = true },
	{ .name = "name", .read = read_name, .required = true },
	{ .name = "title", .read = recipe_read_text, .required = true },
	{ .name = "opens", .read = recipe_read_text, .required = true },
	{ .name = "challenges", .read = read_challenges, .required = true },
	{ .name = "rights", .read = recipe_read_text, .required = true },
	{ .name = "limits", .read = read_limits },
	{ .name = "params", .read = read_params },
	{ .name = "secrets", .read = read_secrets },
	{ .name = "vars", .read = read_vars },
	{ .name = "base", .read = read_base, .required = true },
	{ .name = "auth", .read = recipe_read_auth, .required = true },
	{ .name = "headers", .read = recipe_read_headers },
	{ .name = "ok", .read = recipe_read_ok },
	{ .name = "error", .read = recipe_read_pointers },
	{ .name = "retry", .read = read_retry },
	{ .name = "ignore", .read = recipe_read_pointers },
	{ .name = "deadman", .read = read_deadman, .required = true },
	{ .name = "settle", .read = recipe_read_poll },
	{ .name = "own", .read = read_own },
	{ .name = "patch", .read = read_patch },
	{ .name = NULL },
};

static int
read_root(struct document *doc, struct recipe_reading *r, const struct place *root)
{
	static const struct known first[] = {
		{ "txn", NAME_OURS }, { "target", 0 }, { "host", 0 }, { "ports", 0 }, { NULL, 0 },
	};
	struct place place;
	/* Looked at before everything else: another version may have other keys. */
	json_t *version = document_member(doc, doc->root, "version", root, &place);

	if (version != NULL && read_version(doc, r, version, &place) != 0)
		return -1;
	if (!document_is_shallow(doc->root, RECIPE_LEVELS))
		return document_err(doc, root, "is nested deeper than %u levels", RECIPE_LEVELS);
	if (set_names(doc, r, first) != 0 ||
	    document_object_in_order(doc, r, doc->root, root, recipe_keys) != 0)
		return -1;
	return r->part != NULL ? 0
			       : document_err(doc, root, "needs \"own\" or \"patch\", one of them");
}

int
recipe_read(struct document *doc, const char *name, const char **part)
{
	struct place root = document_root(doc);
	struct recipe_reading r = { .names = json_object(),
				    .secrets = json_object(),
				    .each = json_object(),
				    .name = name };
	int rc = r.names == NULL || r.secrets == NULL || r.each == NULL ? document_no_memory(doc)
									: read_root(doc, &r, &root);

	json_decref(r.names);
	json_decref(r.secrets);
	json_decref(r.each);
	json_decref(r.found);
	*part = r.part;
	return rc;
}
