/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "own" of a recipe: an object of ours is found, created and deleted. */
#include <stdio.h>
#include <string.h>

#include "recipe_private.h"
#include "template.h"

#define PRIORITY_MAX 2147483647
#define EACH_MAX 32

static int
read_identity(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const char *const words[] = { "txn", "absence", NULL };
	struct recipe_reading *r = into;
	int i = recipe_read_word(doc, value, place, words);

	r->by_txn = i == 0;
	return i >= 0 ? 0 : -1;
}

/* --- each ---------------------------------------------------------------------------------------
 */

static int
each_name(char *name, size_t size, struct document *doc, const struct place *place)
{
	char escaped[NAME_BUF];

	if (!variable_is_name(place->key, false) ||
	    (size_t)snprintf(name, size, "each.%s", place->key) >= size)
		return document_err(doc, place, "\"%s\" is no name of a variable",
				    err_name(escaped, place->key));
	return 0;
}

static int
read_each_value(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	char name[VARIABLE_MAX + 1];

	if (!json_is_string(value) && !json_is_integer(value))
		return document_type_err(doc, value, place, "a string or an integer");
	if (each_name(name, sizeof(name), doc, place) != 0)
		return -1;
	if (place->parent->index > 0 && json_object_get(r->each, name) == NULL)
		return document_err(doc, place, "the first one has no \"%s\"", place->key);
	return recipe_name_set(doc, r->each, name, 0);
}

static int
read_each_item(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;

	if (place->index == EACH_MAX)
		return document_err(doc, place, "more than %d", EACH_MAX);
	if (document_members(doc, into, value, place, read_each_value) != 0)
		return -1;
	if (json_object_size(value) == 0)
		return document_err(doc, place, "must not be empty");
	if (place->index > 0 && json_object_size(value) != json_object_size(r->each))
		return document_err(doc, place, "needs the same keys as the first one");
	return 0;
}

static int
read_each_ports(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, read_each_item);
}

static int
add_port_names(struct document *doc, struct recipe_reading *r)
{
	return recipe_name_set(doc, r->each, "port", 0) == 0 &&
			       recipe_name_set(doc, r->each, "protocol", 0) == 0
		       ? 0
		       : -1;
}

static int
read_each(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const struct document_key keys[] = {
		{ .name = "ports", .read = read_each_ports, .required = true },
		{ .name = NULL },
	};
	struct recipe_reading *r = into;

	if (json_is_array(value))
		return document_array(doc, into, value, place, read_each_item);
	if (json_is_object(value)) {
		if (document_object(doc, into, value, place, keys) != 0)
			return -1;
	} else if (json_string_value(value) == NULL ||
		   strcmp(json_string_value(value), "ports") != 0) {
		return document_err(doc, place,
				    "must be \"ports\", an array of objects, or {\"ports\": "
				    "array}");
	}
	return add_port_names(doc, r);
}

/* --- calls --------------------------------------------------------------------------------------
 */

static int
read_once_call(struct document *doc, void *into, json_t *value, const struct place *place)
{
	bool find =
		json_object_get(value, "array") != NULL || json_object_get(value, "one") != NULL;

	return find ? recipe_read_find(doc, into, value, place)
		    : recipe_read_reading_call(doc, into, value, place);
}

static int
read_once(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_array(doc, into, value, place, read_once_call);
}

static int
read_scoped_call(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return recipe_scoped(doc, into, value, place, recipe_read_call);
}

/* Our object, for each of "each": only from here on these have values. */
static int
read_find(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	const char *where =
		json_object_get(value, "one") != NULL ? "\"path\" or \"query\"" : "\"where\"";
	json_t *before;

	if (json_object_update(r->names, r->each) != 0 ||
	    recipe_name_set(doc, r->names, "uuid", NAME_OURS) != 0)
		return document_no_memory(doc);
	before = json_copy(r->names);
	if (before == NULL)
		return document_no_memory(doc);
	r->used = 0;
	if (recipe_read_find(doc, into, value, place) != 0) {
		json_decref(before);
		return -1;
	}
	r->found = r->names;
	r->names = before;
	if (r->by_txn && (r->used & NAME_OURS) == 0)
		return document_err(doc, place,
				    "cannot tell ours from others: %s must name ${txn} or ${uuid}, "
				    "or \"identity\" be \"absence\"",
				    where);
	return 0;
}

/* --- a free priority ----------------------------------------------------------------------------
 */

static int
read_bound(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return json_is_string(value) ? recipe_read_template(doc, into, value, place)
				     : recipe_read_integer(doc, value, place, 0, PRIORITY_MAX);
}

static int
read_step(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return recipe_read_integer(doc, value, place, 1, PRIORITY_MAX);
}

static const struct document_key priority_keys[] = {
	{ .name = "array", .read = recipe_read_pointer, .required = true },
	{ .name = "at", .read = recipe_read_pointer, .required = true },
	{ .name = "from", .read = read_bound, .required = true },
	{ .name = "to", .read = read_bound, .required = true },
	{ .name = "step", .read = read_step },
	{ .name = NULL },
};

static int
read_priority(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	const json_t *from = json_object_get(value, "from"), *to = json_object_get(value, "to");

	if (document_object(doc, into, value, place, priority_keys) != 0)
		return -1;
	if (json_is_integer(from) && json_is_integer(to) &&
	    json_integer_value(from) >= json_integer_value(to))
		return document_err(doc, place, "\"to\" must be more than \"from\"");
	if (recipe_name_set(doc, r->names, "priority", 0) != 0)
		return -1;
	return recipe_name_set(doc, r->found, "priority", 0);
}

/* --- what is written ----------------------------------------------------------------------------
 */

static int
read_create(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;

	r->used = 0;
	if (read_scoped_call(doc, into, value, place) != 0)
		return -1;
	if (r->by_txn && (r->used & NAME_OURS) == 0)
		return document_err(doc, place,
				    "what is created must carry ${txn} or ${uuid}: it is found "
				    "again by that");
	if (r->expires && (r->used & NAME_TIME) == 0)
		return document_err(doc, place,
				    "\"deadman\" says that it closes by itself, but neither "
				    "${deadline} nor ${expiry} is in here");
	return 0;
}

/* With what was captured of our object. */
static int
read_with_found(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	json_t *names = r->names;
	int rc;

	r->names = r->found;
	rc = read_scoped_call(doc, into, value, place);
	r->found = r->names;
	r->names = names;
	return rc;
}

static int
read_extend(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;

	if (!r->expires)
		return document_err(doc, place,
				    "is never reached: \"deadman\" says that it does not close by "
				    "itself");
	r->used = 0;
	if (read_with_found(doc, into, value, place) != 0)
		return -1;
	return (r->used & NAME_TIME) != 0
		       ? 0
		       : document_err(doc, place,
				      "moves the deadline on, but neither ${deadline} nor "
				      "${expiry} is in here");
}

/* In the order in which the names get their values. */
static const struct document_key own_keys[] = {
	{ .name = "identity", .read = read_identity, .required = true },
	{ .name = "stable_ids", .read = recipe_read_boolean },
	{ .name = "each", .read = read_each },
	{ .name = "once", .read = read_once },
	{ .name = "commit", .read = read_scoped_call },
	{ .name = "find", .read = read_find, .required = true },
	{ .name = "priority", .read = read_priority },
	{ .name = "create", .read = read_create, .required = true },
	{ .name = "extend", .read = read_extend },
	{ .name = "detach", .read = read_with_found },
	{ .name = "delete", .read = read_with_found, .required = true },
	{ .name = NULL },
};

int
recipe_read_own(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;

	r->part = "own";
	return document_object_in_order(doc, into, value, place, own_keys);
}
