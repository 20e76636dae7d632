/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever the bytes: no crash; an error with a place, or a recipe that a journal's copy is
 * understood as, too, and that says of a target what is missing.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void
is_printable(const struct err *e)
{
	for (const char *p = e->msg; *p != '\0'; p++)
		MUST(*p >= 0x20 && *p < 0x7f);
}

static void
check_target(const struct recipe *recipe)
{
	char name[] = "t";
	const struct ports ports = challenges_ports(CHALLENGE_DEFAULT);
	struct target target = { .name = name, .params = json_object() };
	const char *param;
	json_t *described;
	struct err e = ERR_INIT;

	json_object_foreach (json_object_get(recipe->json, "params"), param, described)
		json_object_set_new(target.params, param, json_string("1"));
	MUST(recipe_check_target(recipe, &target, &ports, &e) == 0 || e.code != ERR_NONE);
	is_printable(&e);
	json_decref(target.params);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size == 0 ? "" : (const char *)data;
	struct recipe *recipe = NULL;
	struct recipe *journaled = NULL;
	struct err e = ERR_INIT;

	if (recipe_parse(&recipe, "fuzz.json", text, size, &e) == 0) {
		MUST(recipe->name != NULL && recipe->part != NULL && recipe->auth != NULL);
		MUST(recipe_from_json(&journaled, recipe->json, &e) == 0);
		MUST(json_equal(recipe->json, journaled->json));
		check_target(recipe);
		recipe_free(journaled);
	} else {
		MUST(e.code == ERR_POLICY && strncmp(e.msg, "fuzz.json:", 10) == 0);
		is_printable(&e);
	}
	recipe_free(recipe);
	return 0;
}
