/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "patch" of a recipe: a rule of the administrator's is changed, and changed back. */
#include <string.h>

#include "recipe_private.h"

static const char *const operations[] = { "add", "replace", "remove", NULL };

static int
read_operation(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return recipe_read_word(doc, value, place, operations) >= 0 ? 0 : -1;
}

static int
read_op_path(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (recipe_read_pointer(doc, into, value, place) != 0)
		return -1;
	return json_string_length(value) > 0
		       ? 0
		       : document_err(doc, place,
				      "must name a part of the rule: the whole of it is not "
				      "replaced");
}

static const struct document_key op_keys[] = {
	{ .name = "op", .read = read_operation, .required = true },
	{ .name = "path", .read = read_op_path, .required = true },
	{ .name = "value", .read = recipe_read_json },
	{ .name = NULL },
};

static int
read_op(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *op;
	bool valued;

	if (document_object_in_order(doc, into, value, place, op_keys) != 0)
		return -1;
	op = json_string_value(json_object_get(value, "op"));
	valued = json_object_get(value, "value") != NULL;
	if (valued == (strcmp(op, "remove") != 0))
		return 0;
	return document_err(doc, place,
			    valued ? "\"remove\" has no \"value\""
				   : "the key \"value\" is missing");
}

static int
read_lift(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	int rc;

	r->used = 0;
	r->olds_ok = true;
	rc = recipe_name_set(doc, r->names, "old", 0);
	if (rc == 0)
		rc = document_array(doc, into, value, place, read_op);
	json_object_del(r->names, "old");
	r->olds_ok = false;
	if (rc == 0 && r->expires && (r->used & NAME_TIME) == 0)
		rc = document_err(doc, place,
				  "\"deadman\" says that it closes by itself, but neither "
				  "${deadline} nor ${expiry} is in here");
	return rc;
}

static int
read_commit(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return recipe_scoped(doc, into, value, place, recipe_read_call);
}

static int
read_write(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return recipe_scoped(doc, into, value, place, recipe_read_writing_call);
}

/*
 * "where" comes before "read": which rule it is must not depend on what was read, since it is
 * asked again when it is restored.
 */
static const struct document_key patch_keys[] = {
	{ .name = "array", .read = recipe_read_pointer },
	{ .name = "one", .read = recipe_read_pointer },
	{ .name = "where", .read = recipe_read_predicates },
	{ .name = "read", .read = recipe_read_reading_call, .required = true },
	{ .name = "already", .read = recipe_read_predicates },
	{ .name = "lift", .read = read_lift, .required = true },
	{ .name = "write", .read = read_write, .required = true },
	{ .name = "commit", .read = read_commit },
	{ .name = NULL },
};

int
recipe_read_patch(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	bool array = json_object_get(value, "array") != NULL;
	bool where = json_object_get(value, "where") != NULL;

	if (r->part != NULL)
		return document_err(doc, place, "\"own\" and \"patch\" exclude each other");
	r->part = "patch";
	if (document_object_in_order(doc, into, value, place, patch_keys) != 0)
		return -1;
	if (array == (json_object_get(value, "one") != NULL))
		return document_err(doc, place, "needs \"array\" or \"one\", one of them");
	if (array != where)
		return document_err(doc, place,
				    array ? "the key \"where\" is missing: which of the array?"
					  : "\"where\" is for \"array\"");
	return 0;
}
