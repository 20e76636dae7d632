/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever the bytes: no crash; what the loader accepts and has values for can be expanded; what a
 * pointer finds can be replaced and removed there.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pointer.h"
#include "predicate.h"
#include "template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static struct scope scope;

static int
is_known(void *data, const char *name, bool optional, struct err *e)
{
	bool *filters_fit = data;
	const json_t *value = scope_get(&scope, name);

	(void)e;
	*filters_fit &= json_is_string(value) || json_is_integer(value);
	return value != NULL || optional ? 0 : -1;
}

static void
expand(const char *text)
{
	bool plain = true;
	struct err e = ERR_INIT, why = ERR_INIT;
	bool accepted = template_variables(text, is_known, &plain, &e) == 0;
	char *expanded = template_expand(text, &scope, TEMPLATE_PATH, &why);
	json_t *string = json_string(text);
	json_t *json;

	/* A value may be nothing for a filter, or neither text nor a number. */
	MUST(expanded != NULL || why.code == ERR_FAILED);
	MUST(accepted || expanded == NULL || strstr(text, "number") != NULL);
	if (accepted && plain && strchr(text, '|') == NULL)
		MUST(expanded != NULL);
	if (string != NULL) {
		json = template_expand_json(string, &scope, &why);
		json_decref(json);
	}
	json_decref(string);
	free(expanded);
}

static void
point(const char *text, json_t *document)
{
	json_t *predicates = json_pack("[{s:s,s:s}]", "at", text, "eq", text);
	struct err e = ERR_INIT;

	if (predicates == NULL || !pointer_is_valid(text)) {
		json_decref(predicates);
		return;
	}
	(void)predicates_hold(predicates, document, &scope, &e);
	if (pointer_get(document, text) != NULL && text[0] != '\0') {
		e = ERR_INIT;
		MUST(pointer_replace(document, text, json_integer(7), &e) == 0);
		MUST(json_integer_value(pointer_get(document, text)) == 7);
		MUST(pointer_remove(document, text, &e) == 0);
	}
	e = ERR_INIT;
	(void)pointer_add(document, text, json_integer(8), &e);
	json_decref(predicates);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	json_t *document =
		json_loads("{\"a\":{\"b\":[1,{\"c\":null}]},\"\":[],\"d/e~\":0}", 0, NULL);

	MUST(text != NULL && document != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	scope.names =
		json_pack("{s:s,s:i,s:[i],s:s}", "a", "x/y z\"", "n", 90, "list", 1, "each.b", "");
	expand(text);
	point(text, document);
	json_decref(scope.names);
	json_decref(document);
	free(text);
	return 0;
}
