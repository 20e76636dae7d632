/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broken.json lists what is done to a good recipe beside it ("of"; "patch" as in RFC 6902), and the
 * message that refuses the result, with the line that it would have when it is indented by two.
 * The good ones themselves, and those that come with geopause, are accepted.
 * Usage: recipe_golden DIRECTORY RECIPES [--update]
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pointer.h"
#include "recipe.h"

static int n_cases, n_failed;

static json_t *
load_json(const char *dir, const char *name)
{
	char path[4096];
	json_error_t error;
	json_t *json;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	json = json_load_file(path, 0, &error);
	if (json == NULL) {
		fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
		exit(1);
	}
	return json;
}

static const char *
text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (text == NULL) {
		fprintf(stderr, "a case without \"%s\"\n", key);
		exit(1);
	}
	return text;
}

static void
apply(json_t *recipe, const json_t *op)
{
	const char *name = text_of(op, "op");
	const char *path = text_of(op, "path");
	json_t *value = json_incref(json_object_get(op, "value"));
	struct err e = ERR_INIT;

	if (strcmp(name, "remove") == 0)
		pointer_remove(recipe, path, &e);
	else if (strcmp(name, "add") == 0)
		pointer_add(recipe, path, value, &e);
	else
		pointer_replace(recipe, path, value, &e);
	if (e.code != ERR_NONE) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
}

/* What the loader says of it; "" if nothing. Also that a journal's copy is judged the same. */
static void
judge(const char *file, const json_t *json, struct err *e)
{
	char *text = json_dumps(json, JSON_INDENT(2));
	struct err again = ERR_INIT;
	struct recipe *recipe = NULL;

	if (recipe_parse(&recipe, file, text, strlen(text), e) == 0) {
		struct recipe *journaled = NULL;

		if (recipe_from_json(&journaled, recipe->json, &again) != 0)
			*e = again;
		recipe_free(journaled);
	}
	recipe_free(recipe);
	free(text);
}

static void
run_case(const char *dir, json_t *one, int update)
{
	const char *of = text_of(one, "of");
	json_t *recipe = load_json(dir, of);
	const json_t *patch = json_object_get(one, "patch");
	struct err e = ERR_INIT;

	for (size_t i = 0; i < json_array_size(patch); i++)
		apply(recipe, json_array_get(patch, i));
	judge(of, recipe, &e);
	json_decref(recipe);
	n_cases++;
	if (update) {
		json_object_set_new(one, "expected", json_string(e.msg));
	} else if (e.code != ERR_POLICY || strcmp(text_of(one, "expected"), e.msg) != 0) {
		fprintf(stderr, "expected (5) %s\n     got (%d) %s\n", text_of(one, "expected"),
			(int)e.code, e.msg);
		n_failed++;
	}
}

static void
accept_file(const char *dir, const char *name)
{
	json_t *json = load_json(dir, name);
	struct err e = ERR_INIT;

	judge(name, json, &e);
	json_decref(json);
	n_cases++;
	if (e.code != ERR_NONE) {
		fprintf(stderr, "%s\n", e.msg);
		n_failed++;
	}
}

/* All recipes there; their number. */
static int
accept_all(const char *dir)
{
	DIR *open = opendir(dir);
	struct dirent *entry;
	int n = 0;

	while (open != NULL && (entry = readdir(open)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < 6 || strcmp(entry->d_name + len - 5, ".json") != 0 ||
		    strcmp(entry->d_name, "broken.json") == 0)
			continue;
		accept_file(dir, entry->d_name);
		n++;
	}
	if (open != NULL)
		closedir(open);
	return n;
}

/* A case a line. */
static int
write_cases(const char *dir, const json_t *cases)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/broken.json", dir);
	f = fopen(path, "we");
	if (f == NULL)
		return -1;
	for (size_t i = 0; i < json_array_size(cases); i++) {
		fputs(i == 0 ? "[\n" : ",\n", f);
		json_dumpf(json_array_get(cases, i), f, 0);
	}
	fputs("\n]\n", f);
	return fclose(f);
}

int
main(int argc, char **argv)
{
	int update = argc == 4 && strcmp(argv[3], "--update") == 0;
	json_t *cases;

	if (argc < 3) {
		fprintf(stderr, "usage: recipe_golden DIRECTORY RECIPES [--update]\n");
		return 2;
	}
	cases = load_json(argv[1], "broken.json");
	for (size_t i = 0; i < json_array_size(cases); i++)
		run_case(argv[1], json_array_get(cases, i), update);
	if (update && write_cases(argv[1], cases) != 0)
		return 1;
	if (accept_all(argv[1]) == 0 || accept_all(argv[2]) == 0) {
		fprintf(stderr, "no recipes to accept\n");
		n_failed++;
	}
	printf("%d cases, %d failed\n", n_cases, n_failed);
	json_decref(cases);
	return n_failed == 0 ? 0 : 1;
}
