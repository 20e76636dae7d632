/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys of rest targets. What a recipe asks for is not known here: the backend compares its
 * parameters and secrets with these.
 */
#include <string.h>

#include "targets_private.h"

#define RECIPE_NAME_MAX 64
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define PIN_HASH 44 /* bytes: base64 of a SHA-256 */

static bool
consists_of(const char *text, const char *characters)
{
	return text[strspn(text, characters)] == '\0';
}

int
targets_read_recipe(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);
	struct reading *r = into;
	char name[NAME_BUF];

	if (text == NULL)
		return -1;
	r->rest = *place;
	targets_current(r)->recipe_line = place->line;
	if (text[0] != '/' &&
	    (strlen(text) > RECIPE_NAME_MAX || !consists_of(text, LOWER DIGITS "-")))
		return document_err(doc, place,
				    "\"%s\" is neither a recipe's name (a-z, 0-9 and -) nor the "
				    "absolute path of one",
				    err_name(name, text));
	return targets_copy_text(doc, &targets_current(r)->recipe, text);
}

static int
read_param(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	return document_text(doc, value, place) != NULL ? 0 : -1;
}

int
targets_read_params(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->rest = *place;
	if (document_members(doc, into, value, place, read_param) != 0)
		return -1;
	targets_current(r)->params = json_incref(value);
	return 0;
}

/* --- secrets ------------------------------------------------------------------------------------
 */

static int
read_absolute(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);

	(void)into;
	if (text == NULL)
		return -1;
	return text[0] == '/' ? 0 : document_err(doc, place, "must be an absolute path");
}

/* systemd.exec(5): it is the name of a file in $CREDENTIALS_DIRECTORY. */
static int
read_credential(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);
	char name[NAME_BUF];

	(void)into;
	if (text == NULL)
		return -1;
	if (text[0] == '.' || !consists_of(text, LETTERS DIGITS "._-"))
		return document_err(doc, place,
				    "\"%s\" is no name of a credential: letters, digits, \".\", "
				    "\"_\" and \"-\"",
				    err_name(name, text));
	return 0;
}

static const struct document_key secret_keys[] = {
	{ .name = "file", .read = read_absolute },
	{ .name = "credential", .read = read_credential },
	{ .name = NULL },
};

static int
read_secret(struct document *doc, void *into, json_t *value, const struct place *place)
{
	if (json_is_string(value))
		return document_err(doc, place,
				    "a secret does not stand in the policy: write it into a file "
				    "that only its owner can read, and name it with {\"file\": "
				    "\"/PATH\"}");
	if (document_object(doc, into, value, place, secret_keys) != 0)
		return -1;
	if (json_object_size(value) != 1)
		return document_err(doc, place, "needs \"file\" or \"credential\", one of them");
	return 0;
}

int
targets_read_secrets(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->rest = *place;
	if (document_members(doc, into, value, place, read_secret) != 0)
		return -1;
	targets_current(r)->secrets = json_incref(value);
	return 0;
}

/* --- the way to the provider --------------------------------------------------------------------
 */

int
targets_read_ca_file(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->rest = *place;
	if (read_absolute(doc, into, value, place) != 0)
		return -1;
	return targets_copy_text(doc, &targets_current(r)->ca_file, json_string_value(value));
}

static bool
is_pin(const char *text)
{
	static const char scheme[] = "sha256//";

	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return false;
	text += strlen(scheme);
	return strlen(text) == PIN_HASH && text[PIN_HASH - 1] == '=' &&
	       strspn(text, LETTERS DIGITS "+/") == PIN_HASH - 1;
}

int
targets_read_pin(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);
	struct reading *r = into;
	char name[NAME_BUF];

	if (text == NULL)
		return -1;
	r->rest = *place;
	if (!is_pin(text))
		return document_err(doc, place,
				    "\"%s\" is not \"sha256//\" and the base64 of the public key's "
				    "SHA-256, as curl's --pinnedpubkey has it",
				    err_name(name, text));
	return targets_copy_text(doc, &targets_current(r)->pin, text);
}

int
targets_read_plain(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->rest = *place;
	if (!json_is_boolean(value))
		return document_type_err(doc, value, place, "true or false");
	targets_current(r)->plain = json_is_true(value);
	return 0;
}
