/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which variables are known where, and the strings that use them. */
#include <string.h>

#include "recipe_private.h"
#include "template.h"

#define WORDS_MAX 64

/* No parameter, var or capture may have one of these. */
static const char *const ours[] = { "txn",    "uuid",     "target", "deadline", "window_s",
				    "expiry", "now",      "host",   "port",     "protocol",
				    "ports",  "priority", "old",    NULL };

static bool
is_ours(const char *name)
{
	size_t i = 0;

	while (ours[i] != NULL && strcmp(ours[i], name) != 0)
		i++;
	return ours[i] != NULL;
}

int
recipe_name_set(struct document *doc, json_t *names, const char *name, unsigned facts)
{
	return json_object_set_new(names, name, json_integer(facts)) == 0 ? 0
									  : document_no_memory(doc);
}

int
recipe_name_add(struct document *doc, json_t *names, const char *name, unsigned facts,
		const struct place *place)
{
	char escaped[NAME_BUF];

	if (!variable_is_name(name, false))
		return document_err(doc, place,
				    "\"%s\" is no name of a variable: a letter, then letters, "
				    "digits and \"_\", all small",
				    err_name(escaped, name));
	if (is_ours(name))
		return document_err(doc, place, "\"%s\" is one of geopause's own variables", name);
	if (json_object_get(names, name) != NULL)
		return document_err(doc, place, "the variable \"%s\" is there already", name);
	return recipe_name_set(doc, names, name, facts);
}

int
recipe_scoped(struct document *doc, struct recipe_reading *r, json_t *value,
	      const struct place *place, document_reader *read)
{
	json_t *before = json_copy(r->names);
	int rc;

	if (before == NULL)
		return document_no_memory(doc);
	rc = read(doc, r, value, place);
	json_decref(r->names);
	r->names = before;
	return rc;
}

/* --- their use ----------------------------------------------------------------------------------
 */

struct use {
	struct document *doc;
	struct recipe_reading *r;
	const struct place *place;
};

static int
unknown_variable(const struct use *use, const char *name)
{
	const char *words[WORDS_MAX + 1] = { NULL };
	char hint[SUGGESTION_MAX];
	const char *known;
	json_t *facts;
	size_t n = 0;

	if (strncmp(name, "secret.", strlen("secret.")) == 0)
		return document_err(use->doc, use->place, "\"%s\" is not among \"secrets\"", name);
	json_object_foreach (use->r->names, known, facts)
		if (n < WORDS_MAX)
			words[n++] = known;
	return document_err(use->doc, use->place, "the variable \"%s\" has no value here%s", name,
			    document_suggest(hint, name, words));
}

static int
use_variable(void *data, const char *name, bool optional, struct err *e)
{
	const struct use *use = data;
	const json_t *secret = json_object_get(use->r->secrets, name);
	const json_t *facts = secret != NULL ? secret : json_object_get(use->r->names, name);

	(void)e;
	if (secret != NULL && !use->r->secrets_ok)
		return document_err(use->doc, use->place,
				    "a secret may stand in \"auth\" and \"headers\" alone");
	if (facts == NULL)
		return unknown_variable(use, name);
	if ((json_integer_value(facts) & NAME_OPTIONAL) != 0 && !optional)
		return document_err(use->doc, use->place,
				    "\"%s\" may be without a value: write ${%s?}", name, name);
	use->r->used |= (unsigned)json_integer_value(facts);
	return 0;
}

static int
check_template(struct document *doc, struct recipe_reading *r, const char *text,
	       const struct place *place)
{
	struct use use = { .doc = doc, .r = r, .place = place };
	struct err why = ERR_INIT;

	if (template_variables(text, use_variable, &use, &why) == 0)
		return 0;
	return why.code != ERR_NONE ? document_err(doc, place, "%s", why.msg) : -1;
}

/* --- strings ------------------------------------------------------------------------------------
 */

int
recipe_read_template(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		return document_type_err(doc, value, place, "a string");
	return check_template(doc, into, text, place);
}

/* Keys that mean something to us begin with a dollar sign, and stand alone. */
static int
read_special(struct document *doc, struct recipe_reading *r, json_t *value,
	     const struct place *place)
{
	static const struct document_key old_keys[] = {
		{ .name = "$old", .read = recipe_read_pointer },
		{ .name = NULL },
	};

	if (json_object_get(value, "$old") == NULL)
		return document_err(doc, place,
				    "\"$document\" and \"$rule\" are for the body of "
				    "\"patch.write\", and stand there alone");
	if (!r->olds_ok)
		return document_err(doc, place, "\"$old\" is for the values of \"patch.lift\"");
	return document_object(doc, r, value, place, old_keys);
}

int
recipe_read_json(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (json_is_string(value))
		return recipe_read_template(doc, into, value, place);
	if (json_object_get(value, "$old") != NULL || json_object_get(value, "$document") != NULL ||
	    json_object_get(value, "$rule") != NULL)
		return read_special(doc, into, value, place);
	if (json_is_object(value))
		return document_members(doc, into, value, place, recipe_read_json);
	if (json_array_size(value) > 0)
		return document_array(doc, into, value, place, recipe_read_json);
	return 0;
}

int
recipe_read_texts(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_members(doc, into, value, place, recipe_read_template);
}

/* RFC 9110 section 5.6.2. */
static bool
is_token(const char *text)
{
	static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789!#$%&'*+-.^_`|~";

	return text[0] != '\0' && text[strspn(text, characters)] == '\0';
}

static int
read_header(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const char *const taken[] = { "Host", "Content-Length", "Transfer-Encoding",
					     "Connection", "Authorization" };
	char name[NAME_BUF];

	if (!is_token(place->key))
		return document_err(doc, place, "\"%s\" is no name of a header",
				    err_name(name, place->key));
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcasecmp(taken[i], place->key) == 0)
			return document_err(doc, place, "this header is made by geopause%s",
					    i == 4 ? ": use \"auth\"" : "");
	if (json_is_string(value) && strpbrk(json_string_value(value), "\r\n") != NULL)
		return document_err(doc, place, "a header has one line");
	return recipe_read_template(doc, into, value, place);
}

int
recipe_read_headers(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	bool secrets_ok = r->secrets_ok;
	int rc;

	r->secrets_ok = true;
	rc = document_members(doc, into, value, place, read_header);
	r->secrets_ok = secrets_ok;
	return rc;
}

bool
recipe_is_url_text(const char *text, const char *forbidden)
{
	for (const char *p = text; *p != '\0'; p++) {
		bool optional = *p == '?' && (p[1] == '}' || p[1] == '|');

		if (*p <= ' ' || *p > '~' || (strchr(forbidden, *p) != NULL && !optional))
			return false;
	}
	return true;
}

int
recipe_read_url(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);

	if (text == NULL)
		return -1;
	if (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0 &&
	    strncmp(text, "${", 2) != 0)
		return document_err(doc, place,
				    "must begin with https://, or with a variable that does");
	if (!recipe_is_url_text(text, "?#@\\"))
		return document_err(
			doc, place,
			"is a scheme, a host and a path, without spaces, users, ? and #");
	return recipe_read_template(doc, into, value, place);
}
