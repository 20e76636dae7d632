/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calls of a recipe: CALL, POLL and FIND of geopause-recipe(5). */
#include <string.h>

#include "recipe_private.h"

#define PAGES_MAX 1000

static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", NULL };

static int
read_method(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return recipe_read_word(doc, value, place, methods) >= 0 ? 0 : -1;
}

/* A variable with slashes in it at the beginning is a path of "vars", not a part of one. */
static bool
begins_encoded(const char *text)
{
	size_t len = strcspn(text, "}");

	return strncmp(text, "${", 2) == 0 && (len < 4 || strncmp(text + len - 4, "|raw", 4) != 0);
}

/* A part of the URL: that is logged by many, and no place for a secret. */
static int
read_without_secrets(struct document *doc, struct recipe_reading *r, json_t *value,
		     const struct place *place, document_reader *read)
{
	bool secrets_ok = r->secrets_ok;
	int rc;

	r->secrets_ok = false;
	rc = read(doc, r, value, place);
	r->secrets_ok = secrets_ok;
	return rc;
}

static int
read_path(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);

	if (text == NULL)
		return -1;
	if (begins_encoded(text))
		return document_err(doc, place,
				    "begins with a variable whose slashes would be encoded: "
				    "write ${name|raw}");
	if (text[0] != '/' && text[0] != '$')
		return document_err(doc, place, "must begin with / or with a variable");
	if (!recipe_is_url_text(text, "?#"))
		return document_err(doc, place,
				    "has a character that must be encoded; what is behind a ? "
				    "stands in \"query\"");
	return read_without_secrets(doc, into, value, place, recipe_read_template);
}

static int
read_query(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return read_without_secrets(doc, into, value, place, recipe_read_texts);
}

/* --- pages --------------------------------------------------------------------------------------
 */

static const struct document_key next_keys[] = {
	{ .name = "at", .read = recipe_read_pointer, .required = true },
	{ .name = "query", .read = recipe_read_text },
	{ .name = NULL },
};

static int
read_next(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_object(doc, into, value, place, next_keys);
}

static int
read_max(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return recipe_read_integer(doc, value, place, 1, PAGES_MAX);
}

static const struct document_key page_keys[] = {
	{ .name = "next", .read = read_next, .required = true },
	{ .name = "max", .read = read_max },
	{ .name = NULL },
};

static int
read_page(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_object(doc, into, value, place, page_keys);
}

/* --- the kinds of calls -------------------------------------------------------------------------
 */

#define KEY(key, reader)                                                                           \
	{                                                                                          \
		.name = (key), .read = (reader)                                                    \
	}
/* What all of them have, in the order of what happens. */
#define REQUEST_KEYS                                                                               \
	{ .name = "path", .read = read_path, .required = true }, KEY("query", read_query),         \
		KEY("headers", recipe_read_headers), KEY("form", recipe_read_texts),               \
		KEY("raw", recipe_read_template), KEY("read", recipe_read_boolean),                \
		KEY("ok", recipe_read_ok), KEY("gone", recipe_read_matches)
#define ANSWER_KEYS                                                                                \
	KEY("conflict", recipe_read_matches), KEY("capture", recipe_read_capture),                 \
		KEY("poll", recipe_read_poll)
#define END KEY(NULL, NULL)

static const struct document_key call_keys[] = {
	{ .name = "method", .read = read_method, .required = true },
	KEY("body", recipe_read_json),
	REQUEST_KEYS,
	ANSWER_KEYS,
	END,
};

static const struct document_key poll_keys[] = {
	KEY("method", read_method),
	KEY("body", recipe_read_json),
	REQUEST_KEYS,
	KEY("until", recipe_read_predicates),
	KEY("failed", recipe_read_predicates),
	KEY("every_ms", recipe_read_milliseconds),
	END,
};

static const struct document_key find_keys[] = {
	KEY("method", read_method),
	KEY("body", recipe_read_json),
	REQUEST_KEYS,
	KEY("page", read_page),
	KEY("array", recipe_read_pointer),
	KEY("optional", recipe_read_boolean),
	KEY("one", recipe_read_pointer),
	KEY("where", recipe_read_predicates),
	KEY("capture", recipe_read_capture),
	END,
};

static bool
is_get(const json_t *call)
{
	const char *method = json_string_value(json_object_get(call, "method"));

	return method == NULL || strcmp(method, "GET") == 0;
}

static int
check_body(struct document *doc, const json_t *call, const struct place *place)
{
	int bodies = (json_object_get(call, "body") != NULL) +
		     (json_object_get(call, "form") != NULL) +
		     (json_object_get(call, "raw") != NULL);

	if (bodies > 1)
		return document_err(doc, place, "has more than one of \"body\", \"form\", \"raw\"");
	if (bodies > 0 && is_get(call))
		return document_err(doc, place, "a GET has no body");
	return 0;
}

/* What is made again and again must not change anything. */
static int
check_read(struct document *doc, const json_t *call, const struct place *place)
{
	if (is_get(call) || json_is_true(json_object_get(call, "read")))
		return 0;
	return document_err(doc, place,
			    "only reads are made here: a GET, or another method that changes "
			    "nothing with \"read\": true");
}

int
recipe_read_call(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (document_object_in_order(doc, into, value, place, call_keys) != 0)
		return -1;
	return check_body(doc, value, place);
}

int
recipe_read_reading_call(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (recipe_read_call(doc, into, value, place) != 0 || check_read(doc, value, place) != 0)
		return -1;
	if (json_object_get(value, "poll") != NULL)
		return document_err(doc, place, "\"poll\" is for what changes something");
	return 0;
}

int
recipe_read_poll(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (document_object_in_order(doc, into, value, place, poll_keys) != 0 ||
	    check_body(doc, value, place) != 0 || check_read(doc, value, place) != 0)
		return -1;
	if (json_object_get(value, "until") == NULL && json_object_get(value, "gone") == NULL)
		return document_err(doc, place, "needs \"until\" or \"gone\": else it never ends");
	return 0;
}

int
recipe_read_find(struct document *doc, void *into, json_t *value, const struct place *place)
{
	bool one = json_object_get(value, "one") != NULL;

	if (document_object_in_order(doc, into, value, place, find_keys) != 0 ||
	    check_body(doc, value, place) != 0 || check_read(doc, value, place) != 0)
		return -1;
	if (one == (json_object_get(value, "array") != NULL))
		return document_err(doc, place, "needs \"array\" or \"one\", one of them");
	if (!one && json_object_get(value, "where") == NULL)
		return document_err(doc, place,
				    "the key \"where\" is missing: which of the array?");
	if (one && json_object_get(value, "page") != NULL)
		return document_err(doc, place, "\"page\" is for \"array\"");
	if (one && json_object_get(value, "optional") != NULL)
		return document_err(doc, place, "\"optional\" is for \"array\"");
	return 0;
}

/* --- a body that is made of what was read -------------------------------------------------------
 */

/* A direct member's name, or a pointer. */
static int
read_dropped(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);

	if (text == NULL)
		return -1;
	return text[0] == '/' ? recipe_read_pointer(doc, into, value, place) : 0;
}

static int
read_drop(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, read_dropped);
}

static int
read_kept(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);

	(void)into;
	if (text == NULL)
		return -1;
	return text[0] != '/' ? 0
			      : document_err(doc, place, "names a member, and is no JSON pointer");
}

static int
read_only(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, read_kept);
}

static int
read_add(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_members(doc, into, value, place, recipe_read_json);
}

static const struct document_key document_keys[] = {
	{ .name = "from", .read = recipe_read_pointer },
	{ .name = "drop", .read = read_drop },
	{ .name = "only", .read = read_only },
	{ .name = "drop_empty", .read = read_only },
	{ .name = "add", .read = read_add },
	{ .name = NULL },
};

static const struct document_key rule_keys[] = {
	{ .name = "drop", .read = read_drop },
	{ .name = "only", .read = read_only },
	{ .name = "drop_empty", .read = read_only },
	{ .name = "add", .read = read_add },
	{ .name = NULL },
};

static int
check_drop(struct document *doc, const json_t *value, const struct place *place)
{
	if (json_object_get(value, "drop") == NULL || json_object_get(value, "only") == NULL)
		return 0;
	return document_err(doc, place, "\"drop\" and \"only\" exclude each other");
}

static int
read_document(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (document_object(doc, into, value, place, document_keys) != 0)
		return -1;
	return check_drop(doc, value, place);
}

static int
read_rule(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (document_object(doc, into, value, place, rule_keys) != 0)
		return -1;
	return check_drop(doc, value, place);
}

static const struct document_key made_keys[] = {
	{ .name = "$document", .read = read_document },
	{ .name = "$rule", .read = read_rule },
	{ .name = NULL },
};

static int
read_made_body(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (json_object_get(value, "$document") == NULL && json_object_get(value, "$rule") == NULL)
		return document_err(doc, place,
				    "must be {\"$document\": ...} or {\"$rule\": ...}: what is "
				    "written is made of what was read");
	if (document_object(doc, into, value, place, made_keys) != 0)
		return -1;
	return json_object_size(value) == 1
		       ? 0
		       : document_err(doc, place, "\"$document\" and \"$rule\" exclude each other");
}

static const struct document_key write_keys[] = {
	{ .name = "method", .read = read_method, .required = true },
	{ .name = "body", .read = read_made_body, .required = true },
	REQUEST_KEYS,
	ANSWER_KEYS,
	END,
};

int
recipe_read_writing_call(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (document_object_in_order(doc, into, value, place, write_keys) != 0)
		return -1;
	return check_body(doc, value, place);
}
