/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small values of a recipe. */
#include <string.h>

#include "pointer.h"
#include "recipe_private.h"
#include "template.h"

#define INTERVAL_MAX_MS 60000

int
recipe_read_text(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return document_text(doc, value, place) != NULL ? 0 : -1;
}

int
recipe_read_boolean(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return json_is_boolean(value) ? 0 : document_type_err(doc, value, place, "true or false");
}

int
recipe_read_integer(struct document *doc, json_t *value, const struct place *place,
		    json_int_t least, json_int_t most)
{
	if (!json_is_integer(value))
		return document_type_err(doc, value, place, "an integer");
	if (json_integer_value(value) < least || json_integer_value(value) > most)
		return document_err(doc, place,
				    "must be between %" JSON_INTEGER_FORMAT
				    " and %" JSON_INTEGER_FORMAT,
				    least, most);
	return 0;
}

int
recipe_read_milliseconds(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return recipe_read_integer(doc, value, place, 1, INTERVAL_MAX_MS);
}

int
recipe_read_word(struct document *doc, json_t *value, const struct place *place,
		 const char *const *words)
{
	const char *text = document_text(doc, value, place);
	char hint[SUGGESTION_MAX];
	char name[NAME_BUF];
	char list[NAME_BUF] = "";
	size_t used = 0;
	int i;

	if (text == NULL)
		return -1;
	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	for (i = 0; words[i] != NULL && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 i == 0 ? "" : ", ", words[i]);
	return document_err(doc, place, "\"%s\" is %s %s%s", err_name(name, text),
			    words[1] != NULL ? "none of" : "not", list,
			    document_suggest(hint, text, words));
}

/* --- pointers -----------------------------------------------------------------------------------
 */

int
recipe_read_pointer(struct document *doc, void *into, json_t *value, const struct place *place)
{
	char name[NAME_BUF];

	(void)into;
	if (!json_is_string(value))
		return document_type_err(doc, value, place, "a JSON pointer like \"/result/id\"");
	if (!pointer_is_valid(json_string_value(value)))
		return document_err(doc, place,
				    "\"%s\" is no JSON pointer (RFC 6901): \"\", or / before each "
				    "name, with ~1 for / and ~0 for ~",
				    err_name(name, json_string_value(value)));
	return 0;
}

int
recipe_read_pointers(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, recipe_read_pointer);
}

/* --- what a reply must say ----------------------------------------------------------------------
 */

static int
read_status(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return recipe_read_integer(doc, value, place, 100, 599);
}

int
recipe_read_statuses(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, read_status);
}

static int
read_in(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, recipe_read_json);
}

static const struct document_key predicate_keys[] = {
	{ .name = "at", .read = recipe_read_pointer, .required = true },
	{ .name = "eq", .read = recipe_read_json },
	{ .name = "ne", .read = recipe_read_json },
	{ .name = "in", .read = read_in },
	{ .name = "absent", .read = recipe_read_boolean },
	{ .name = "empty", .read = recipe_read_boolean },
	{ .name = "starts", .read = recipe_read_template },
	{ .name = NULL },
};

static int
read_predicate(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (document_object(doc, into, value, place, predicate_keys) != 0)
		return -1;
	return json_object_size(value) == 2
		       ? 0
		       : document_err(doc, place,
				      "needs one of eq, ne, in, absent, empty and starts, and no "
				      "more");
}

int
recipe_read_predicates(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, read_predicate);
}

static int
read_match(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return json_is_object(value) ? read_predicate(doc, into, value, place)
				     : read_status(doc, into, value, place);
}

int
recipe_read_matches(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, read_match);
}

static const struct document_key ok_keys[] = {
	{ .name = "status", .read = recipe_read_statuses },
	{ .name = "body", .read = recipe_read_predicates },
	{ .name = NULL },
};

int
recipe_read_ok(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_object(doc, into, value, place, ok_keys);
}

/* --- what of a reply is kept --------------------------------------------------------------------
 */

static int
read_as(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const char *const words[] = { "json", NULL };

	(void)into;
	return recipe_read_word(doc, value, place, words) >= 0 ? 0 : -1;
}

static const struct document_key capture_keys[] = {
	{ .name = "at", .read = recipe_read_pointer },
	{ .name = "header", .read = recipe_read_text },
	{ .name = "optional", .read = recipe_read_boolean },
	{ .name = "as", .read = read_as },
	{ .name = NULL },
};

static int
read_one_capture(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	unsigned facts = json_is_true(json_object_get(value, "optional")) ? NAME_OPTIONAL : 0;

	if (!json_is_object(value)) {
		if (recipe_read_pointer(doc, into, value, place) != 0)
			return -1;
	} else if (document_object(doc, into, value, place, capture_keys) != 0) {
		return -1;
	} else if ((json_object_get(value, "at") != NULL) ==
		   (json_object_get(value, "header") != NULL)) {
		return document_err(doc, place, "needs \"at\" or \"header\", one of them");
	}
	return recipe_name_add(doc, r->names, place->key, facts, place);
}

int
recipe_read_capture(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_members(doc, into, value, place, read_one_capture);
}
