/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "document.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"

#define PATH_TEXT_MAX 512 /* bytes; a deeper path is cut */

/*
 * jansson says "what was wrong near 'text'". The text is whatever the file holds and must be
 * escaped.
 */
static int
syntax_err(struct document *doc, json_error_t *error)
{
	char file[NAME_BUF];
	char found[NAME_BUF];
	char *near = strstr(error->text, " near '");
	char *text = near;

	if (json_error_code(error) == json_error_null_character)
		return err_set(doc->e, ERR_POLICY, "%s:%d:%d: \\u0000 is not allowed in a string",
			       err_name(file, doc->name), error->line, error->column);
	if (near == NULL)
		return err_set(doc->e, ERR_POLICY, "%s:%d:%d: %s", err_name(file, doc->name),
			       error->line, error->column, error->text);
	*near = '\0';
	text += strlen(" near '");
	if (text[0] != '\0' && text[strlen(text) - 1] == '\'')
		text[strlen(text) - 1] = '\0';
	return err_set(doc->e, ERR_POLICY, "%s:%d:%d: %s near \"%s\"", err_name(file, doc->name),
		       error->line, error->column, error->text, err_name(found, text));
}

/* True for a quote that ends or begins a string, not one inside of it. */
static bool
is_bare_quote(const char *text, size_t at)
{
	size_t backslashes = 0;

	while (backslashes < at && text[at - 1 - backslashes] == '\\')
		backslashes++;
	return text[at] == '"' && backslashes % 2 == 0;
}

/* jansson stops right behind the second of two equal keys, and names short ones only. */
static int
duplicate_err(struct document *doc, const json_error_t *error, const char *text, size_t len)
{
	char file[NAME_BUF];
	char escaped[NAME_BUF];
	char key[NAME_BUF] = "";
	size_t end = error->position > 0 ? (size_t)error->position - 1 : 0;
	size_t begin = end;

	if (end < len && text[end] == '"')
		while (begin > 0 && !is_bare_quote(text, --begin))
			;
	if (begin < end)
		snprintf(key, sizeof(key), "%.*s",
			 (int)(end - begin - 1 < sizeof(key) ? end - begin - 1 : sizeof(key)),
			 text + begin + 1);
	return err_set(doc->e, ERR_POLICY, "%s:%d: the key \"%s\" stands here a second time",
		       err_name(file, doc->name), error->line, err_name(escaped, key));
}

int
document_init(struct document *doc, const char *name, const char *text, size_t len, struct err *e)
{
	json_error_t error = { .line = 0 };
	char file[NAME_BUF];
	const char *nul = memchr(text, '\0', len);

	*doc = (struct document){ .name = name, .e = e };
	if (nul != NULL)
		return err_set(e, ERR_POLICY, "%s:%u: a NUL byte: this is not a text file",
			       err_name(file, name), locate_line(text, len, (size_t)(nul - text)));
	doc->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (doc->root == NULL) {
		/* Without a line jansson's own memory was gone. */
		if (json_error_code(&error) == json_error_out_of_memory || error.line < 1)
			return document_no_memory(doc);
		if (json_error_code(&error) == json_error_duplicate_key)
			return duplicate_err(doc, &error, text, len);
		return syntax_err(doc, &error);
	}
	if (locate_init(&doc->lines, text, len) != 0) {
		document_fini(doc);
		return document_no_memory(doc);
	}
	return 0;
}

void
document_fini(struct document *doc)
{
	json_decref(doc->root);
	doc->root = NULL;
	locate_fini(&doc->lines);
}

int
document_no_memory(struct document *doc)
{
	char file[NAME_BUF];

	return err_set(doc->e, ERR_FAILED, "%s: out of memory", err_name(file, doc->name));
}

struct place
document_root(const struct document *doc)
{
	return (struct place){ .line = doc->lines.n > 0 ? doc->lines.v[0].line : 1 };
}

static struct place
child_place(const struct document *doc, const struct place *parent, const char *key, size_t index,
	    size_t node)
{
	unsigned line = node < doc->lines.n ? doc->lines.v[node].line : parent->line;

	return (struct place){
		.parent = parent, .key = key, .index = index, .node = node, .line = line
	};
}

static size_t
sibling(const struct document *doc, size_t node)
{
	return node < doc->lines.n ? doc->lines.v[node].end : node;
}

/* Writes "targets[0].rules" and returns its length. */
static size_t
path_text(char *buf, size_t size, const struct place *place)
{
	char key[NAME_BUF];
	size_t used;
	int n;

	buf[0] = '\0';
	if (place == NULL || place->parent == NULL)
		return 0;
	used = path_text(buf, size, place->parent);
	if (place->key == NULL)
		n = snprintf(buf + used, size - used, "[%zu]", place->index);
	else
		n = snprintf(buf + used, size - used, "%s%s", used > 0 ? "." : "",
			     err_name(key, place->key));
	used += n > 0 ? (size_t)n : 0;
	return used < size ? used : size - 1;
}

int
document_err(struct document *doc, const struct place *place, const char *fmt, ...)
{
	char file[NAME_BUF];
	char path[PATH_TEXT_MAX];
	char msg[ERR_MESSAGE_MAX];
	size_t used = path_text(path, sizeof(path), place);
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, args) < 0)
		msg[0] = '\0';
	va_end(args);
	return err_set(doc->e, ERR_POLICY, "%s:%u: %s%s%s", err_name(file, doc->name), place->line,
		       path, used > 0 ? ": " : "", msg);
}

static const char *
type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number with a fraction or an exponent";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	default:
		return "something else";
	}
}

int
document_type_err(struct document *doc, const json_t *value, const struct place *place,
		  const char *what)
{
	return document_err(doc, place, "expected %s, got %s", what, type_name(value));
}

const char *
document_text(struct document *doc, json_t *value, const struct place *place)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		document_type_err(doc, value, place, "a string");
	else if (text[0] == '\0')
		document_err(doc, place, "must not be empty");
	return text != NULL && text[0] != '\0' ? text : NULL;
}

int
document_ignored(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	if (!json_is_string(value))
		return document_type_err(doc, value, place, "a string");
	return 0;
}

#define KEYS_MAX 32 /* in any table */

static int
unknown_key(struct document *doc, const struct place *key, const struct document_key *keys)
{
	struct place place = *key->parent; /* the path of what has the key, but the key's line */
	const char *words[KEYS_MAX + 1] = { NULL };
	char hint[SUGGESTION_MAX];
	char name[NAME_BUF];
	size_t n = 0;

	for (; keys->name != NULL && n < KEYS_MAX; keys++)
		if (keys->read != NULL || keys->only != NULL)
			words[n++] = keys->name;
	place.line = key->line;
	return document_err(doc, &place, "unknown key \"%s\"%s", err_name(name, key->key),
			    document_suggest(hint, key->key, words));
}

bool
document_is_shallow(const json_t *value, unsigned levels)
{
	json_t *unlocked = (json_t *)(uintptr_t)value; /* jansson's iterators are not const */
	const char *key;
	json_t *member;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value))
		return true;
	if (levels == 0)
		return false;
	json_object_foreach (unlocked, key, member)
		if (!document_is_shallow(member, levels - 1))
			return false;
	json_array_foreach (unlocked, i, member)
		if (!document_is_shallow(member, levels - 1))
			return false;
	return true;
}

int
document_seconds(struct document *doc, unsigned *seconds, json_t *value, const struct place *place)
{
	struct err why = ERR_INIT;
	json_int_t n;

	if (json_is_string(value)) {
		if (duration_parse(json_string_value(value), seconds, &why) != 0)
			return document_err(doc, place, "%s", why.msg);
	} else if (json_is_integer(value)) {
		n = json_integer_value(value);
		*seconds = n < 0 ? 0 : n > UINT_MAX ? UINT_MAX : (unsigned)n;
	} else {
		return document_type_err(doc, value, place,
					 "a duration like \"10m\" or seconds as an integer");
	}
	return 0;
}

/* A key of which this version knows one value only: what it does anyway. */
static int
read_only_value(struct document *doc, const char *only, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);
	char name[NAME_BUF];

	if (text == NULL)
		return -1;
	if (strcmp(text, only) != 0)
		return document_err(doc, place,
				    "\"%s\" is not supported by this version, only \"%s\" is",
				    err_name(name, text), only);
	return 0;
}

/* The table's last entry, without a name, if there is none. */
static const struct document_key *
find_key(const struct document_key *keys, const char *name)
{
	while (keys->name != NULL && strcmp(keys->name, name) != 0)
		keys++;
	return keys;
}

static int
read_member(struct document *doc, void *into, json_t *value, struct place place,
	    const struct document_key *keys)
{
	const struct document_key *key = find_key(keys, place.key);

	if (key->read != NULL)
		return key->read(doc, into, value, &place);
	if (key->only != NULL)
		return read_only_value(doc, key->only, value, &place);
	if (place.node < doc->lines.n)
		place.line = doc->lines.v[place.node].key_line;
	if (key->name == NULL)
		return unknown_key(doc, &place, keys);
	return document_err(doc, &place,
			    "known to later versions, not supported by this one: remove it");
}

int
document_object(struct document *doc, void *into, json_t *object, const struct place *place,
		const struct document_key *keys)
{
	size_t node = place->node + 1;
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return document_type_err(doc, object, place, "an object");
	json_object_foreach (object, name, value) {
		if (read_member(doc, into, value, child_place(doc, place, name, 0, node), keys) !=
		    0)
			return -1;
		node = sibling(doc, node);
	}
	for (const struct document_key *key = keys; key->name != NULL; key++)
		if (key->required && json_object_get(object, key->name) == NULL)
			return document_err(doc, place, "the key \"%s\" is missing", key->name);
	return 0;
}

int
document_array(struct document *doc, void *into, json_t *array, const struct place *place,
	       document_reader *read)
{
	size_t node = place->node + 1;
	size_t index;
	json_t *value;

	if (!json_is_array(array))
		return document_type_err(doc, array, place, "an array");
	if (json_array_size(array) == 0)
		return document_err(doc, place, "must not be empty");
	json_array_foreach (array, index, value) {
		struct place element = child_place(doc, place, NULL, index, node);

		if (read(doc, into, value, &element) != 0)
			return -1;
		node = sibling(doc, node);
	}
	return 0;
}

int
document_one_or_more(struct document *doc, void *into, json_t *value, const struct place *place,
		     document_reader *read)
{
	return json_is_array(value) ? document_array(doc, into, value, place, read)
				    : read(doc, into, value, place);
}

json_t *
document_member(const struct document *doc, json_t *object, const char *name,
		const struct place *parent, struct place *place)
{
	size_t node = parent->node + 1;
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		if (strcmp(key, name) == 0) {
			*place = child_place(doc, parent, key, 0, node);
			return value;
		}
		node = sibling(doc, node);
	}
	return NULL;
}

int
document_members(struct document *doc, void *into, json_t *object, const struct place *place,
		 document_reader *read)
{
	size_t node = place->node + 1;
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return document_type_err(doc, object, place, "an object");
	json_object_foreach (object, name, value) {
		struct place member = child_place(doc, place, name, 0, node);

		if (read(doc, into, value, &member) != 0)
			return -1;
		node = sibling(doc, node);
	}
	return 0;
}

int
document_object_in_order(struct document *doc, void *into, json_t *object,
			 const struct place *place, const struct document_key *keys)
{
	size_t node = place->node + 1;
	struct place member;
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return document_type_err(doc, object, place, "an object");
	json_object_foreach (object, name, value) {
		member = child_place(doc, place, name, 0, node);
		if (find_key(keys, name)->name == NULL)
			return read_member(doc, into, value, member, keys);
		node = sibling(doc, node);
	}
	for (const struct document_key *key = keys; key->name != NULL; key++) {
		value = document_member(doc, object, key->name, place, &member);
		if (value == NULL && key->required)
			return document_err(doc, place, "the key \"%s\" is missing", key->name);
		if (value != NULL && read_member(doc, into, value, member, keys) != 0)
			return -1;
	}
	return 0;
}
