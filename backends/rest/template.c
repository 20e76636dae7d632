/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "template.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

#define FILTER_MAX 16 /* bytes of a filter's name, terminator included */
#define FILTERS_MAX 4 /* of one variable */

/* --- the syntax ---------------------------------------------------------------------------------
 */

/* A part of a template: text as it is, or one variable. */
struct piece {
	const char *text; /* what it is written as */
	size_t len;
	char name[VARIABLE_MAX + 1]; /* "": text as it is */
	bool optional;
	char filters[FILTERS_MAX][FILTER_MAX];
	size_t n_filters;
};

bool
variable_is_name(const char *name, bool parts)
{
	size_t len = strlen(name);
	char before = '.';

	for (const char *p = name; *p != '\0'; before = *p++) {
		bool letter = *p >= 'a' && *p <= 'z';

		if (before == '.' ? !letter
				  : !letter && !(*p >= '0' && *p <= '9') && *p != '_' &&
					    !(parts && *p == '.'))
			return false;
	}
	return len > 0 && len <= VARIABLE_MAX && before != '.';
}

static int
syntax_err(struct err *e, const char *template, const char *fmt, const char *what)
{
	char whole[NAME_BUF];
	char part[NAME_BUF];
	char why[2 * NAME_BUF];

	snprintf(why, sizeof(why), "%s%s%s%s", fmt, what != NULL ? " \"" : "",
		 what != NULL ? err_name(part, what) : "", what != NULL ? "\"" : "");
	return err_set(e, ERR_FAILED, "the template \"%s\": %s", err_name(whole, template), why);
}

/* Copies what is before the next of these characters; false if it is too long. */
static bool
take_word(char *word, size_t size, const char **at, const char *ends)
{
	size_t len = strcspn(*at, ends);
	bool fits = len < size;

	snprintf(word, size, "%.*s", (int)(fits ? len : size - 1), *at);
	*at += len;
	return fits;
}

static int
parse_filters(struct piece *piece, const char **at, const char *template, struct err *e)
{
	while (**at == '|') {
		char *name;
		bool fits;

		++*at;
		if (piece->n_filters == FILTERS_MAX)
			return syntax_err(e, template, "too many filters at", piece->name);
		name = piece->filters[piece->n_filters];
		fits = take_word(name, FILTER_MAX, at, "|}");
		if (!fits || !filter_is_known(name))
			return syntax_err(e, template, "unknown filter", name);
		piece->n_filters++;
	}
	return 0;
}

/* at: behind "${". */
static int
parse_variable(struct piece *piece, const char *at, const char *template, struct err *e)
{
	bool fits = take_word(piece->name, sizeof(piece->name), &at, "?|}");

	if (!fits || !variable_is_name(piece->name, true))
		return syntax_err(e, template, "no name of a variable:", piece->name);
	piece->optional = *at == '?';
	if (piece->optional)
		at++;
	if (parse_filters(piece, &at, template, e) != 0)
		return -1;
	if (*at != '}')
		return syntax_err(e, template, "a } is missing after", piece->name);
	piece->len = (size_t)(at + 1 - piece->text);
	return 0;
}

/* The piece at *at, which moves on. 1: there is one, 0: that was all, -1: syntax. */
static int
next_piece(struct piece *piece, const char **at, const char *template, struct err *e)
{
	*piece = (struct piece){ .text = *at, .len = strcspn(*at, "$") };
	if (**at == '\0')
		return 0;
	if (piece->len == 0 && (*at)[1] == '$') {
		piece->len = 1;
		*at += 2;
		return 1;
	}
	if (piece->len == 0 && (*at)[1] != '{')
		return syntax_err(e, template, "a $ begins ${name}; the sign itself is $$", NULL);
	if (piece->len == 0 && parse_variable(piece, *at + 2, template, e) != 0)
		return -1;
	*at += piece->len;
	return 1;
}

static bool
has_filter(const struct piece *piece, const char *name)
{
	for (size_t i = 0; i < piece->n_filters; i++)
		if (strcmp(piece->filters[i], name) == 0)
			return true;
	return false;
}

int
template_variables(const char *text,
		   int (*each)(void *data, const char *name, bool optional, struct err *e),
		   void *data, struct err *e)
{
	const char *at = text;
	struct piece piece;
	int more;

	while ((more = next_piece(&piece, &at, text, e)) > 0) {
		if (has_filter(&piece, "number") && piece.len != strlen(text))
			return syntax_err(e, text, "the filter number must stand alone at",
					  piece.name);
		if (piece.name[0] != '\0' && each(data, piece.name, piece.optional, e) != 0)
			return -1;
	}
	return more;
}

/* --- values -------------------------------------------------------------------------------------
 */

json_t *
scope_get(const struct scope *scope, const char *name)
{
	json_t *value = NULL;

	for (; scope != NULL && value == NULL; scope = scope->parent)
		value = json_object_get(scope->names, name);
	return value;
}

/* A new string, or NULL. */
static char *
value_text(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	return json_is_number(value) ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
}

static char *
filtered_take(char *text, const struct piece *piece, const char **why)
{
	for (size_t i = 0; text != NULL && i < piece->n_filters; i++) {
		char *done = filter_apply(piece->filters[i], text, why);

		free(text);
		text = done;
	}
	return text;
}

/* What is written in place of a variable that has this value. */
static char *
variable_text(const struct piece *piece, const json_t *value, const char *template, struct err *e)
{
	const char *why = json_is_string(value) || json_is_number(value)
				  ? "out of memory"
				  : "its value is neither text nor a number";
	char *text = filtered_take(value_text(value), piece, &why);
	char whole[NAME_BUF];

	if (text == NULL)
		err_set(e, ERR_FAILED, "the template \"%s\": ${%s}: %s", err_name(whole, template),
			piece->name, why);
	return text;
}

static int
write_piece(FILE *out, const struct piece *piece, const struct scope *scope, enum template_use use,
	    const char *template, struct err *e)
{
	json_t *value;
	char *text;

	if (piece->name[0] == '\0') {
		fwrite(piece->text, 1, piece->len, out);
		return 0;
	}
	value = scope_get(scope, piece->name);
	if (value == NULL && piece->optional)
		return 0;
	if (value == NULL)
		return syntax_err(e, template, "there is no value for", piece->name);
	text = variable_text(piece, value, template, e);
	if (text != NULL && use == TEMPLATE_PATH && !has_filter(piece, "raw") &&
	    !has_filter(piece, "urlenc")) {
		char *encoded = filter_urlenc(text);

		free(text);
		text = encoded;
	}
	if (text == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	fputs(text, out);
	free(text);
	return 0;
}

char *
template_expand(const char *text, const struct scope *scope, enum template_use use, struct err *e)
{
	const char *at = text;
	struct piece piece;
	char *expanded = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&expanded, &len);
	int rc = out == NULL ? err_set(e, ERR_FAILED, "out of memory") : 1;

	while (rc > 0 && (rc = next_piece(&piece, &at, text, e)) > 0)
		if (write_piece(out, &piece, scope, use, text, e) != 0)
			rc = -1;
	if (out != NULL && (ferror(out) != 0) + (fclose(out) != 0) > 0)
		rc = err_set(e, ERR_FAILED, "out of memory");
	if (rc == 0)
		return expanded;
	free(expanded);
	return NULL;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

/* True when the text is one variable and nothing else. */
static bool
is_one_variable(const char *text, struct piece *piece)
{
	struct err ignored = ERR_INIT;
	const char *at = text;

	return next_piece(piece, &at, text, &ignored) > 0 && piece->name[0] != '\0' && *at == '\0';
}

static json_t *
number_or_string(const struct piece *piece, const char *text, struct err *e)
{
	bool number =
		piece->n_filters > 0 && strcmp(piece->filters[piece->n_filters - 1], "number") == 0;
	json_t *json = number ? json_loads(text, JSON_DECODE_ANY, NULL) : json_string(text);

	if (json == NULL)
		err_set(e, ERR_FAILED, "out of memory");
	return json;
}

static json_t *
expand_string(const char *text, const struct scope *scope, struct err *e)
{
	struct piece piece;
	json_t *json;
	char *expanded;

	if (is_one_variable(text, &piece) && piece.n_filters == 0 &&
	    (json = scope_get(scope, piece.name)) != NULL) {
		json = json_deep_copy(json);
		if (json == NULL)
			err_set(e, ERR_FAILED, "out of memory");
		return json;
	}
	expanded = template_expand(text, scope, TEMPLATE_TEXT, e);
	if (expanded == NULL)
		return NULL;
	json = number_or_string(&piece, expanded, e);
	free(expanded);
	return json;
}

static bool
is_left_out(const json_t *json, const struct scope *scope)
{
	const char *text = json_string_value(json);
	struct piece piece;

	return text != NULL && is_one_variable(text, &piece) && piece.optional &&
	       scope_get(scope, piece.name) == NULL;
}

static json_t *
expand_object(const json_t *json, const struct scope *scope, struct err *e)
{
	json_t *object = json_object();
	const char *key;
	json_t *member;

	json_object_foreach ((json_t *)(uintptr_t)json, key, member) {
		json_t *expanded;

		if (is_left_out(member, scope))
			continue;
		expanded = template_expand_json(member, scope, e);
		if (expanded == NULL || json_object_set_new(object, key, expanded) != 0) {
			err_set(e, ERR_FAILED, "out of memory");
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *
expand_array(const json_t *json, const struct scope *scope, struct err *e)
{
	json_t *array = json_array();
	json_t *item;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)json, i, item) {
		json_t *expanded;

		if (is_left_out(item, scope))
			continue;
		expanded = template_expand_json(item, scope, e);
		if (expanded == NULL || json_array_append_new(array, expanded) != 0) {
			err_set(e, ERR_FAILED, "out of memory");
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *
template_expand_json(const json_t *json, const struct scope *scope, struct err *e)
{
	json_t *expanded;

	if (json_is_string(json))
		return expand_string(json_string_value(json), scope, e);
	if (json_is_object(json))
		expanded = expand_object(json, scope, e);
	else if (json_is_array(json))
		expanded = expand_array(json, scope, e);
	else
		expanded = json_deep_copy(json);
	if (expanded == NULL)
		err_set(e, ERR_FAILED, "out of memory");
	return expanded;
}
