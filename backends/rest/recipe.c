/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recipe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recipe_private.h"
#include "trusted.h"

static const char suffix[] = ".json";

/* The parts of a document that was checked. */
static void
take_parts(struct recipe *recipe, const char *part)
{
	const json_t *json = recipe->json;

	recipe->name = json_string_value(json_object_get(json, "name"));
	recipe->title = json_string_value(json_object_get(json, "title"));
	recipe->opens = json_string_value(json_object_get(json, "opens"));
	recipe->auth = json_object_get(json, "auth");
	recipe->ok = json_object_get(json, "ok");
	recipe->error = json_object_get(json, "error");
	recipe->retry = json_object_get(json, "retry");
	recipe->ignore = json_object_get(json, "ignore");
	recipe->settle = json_object_get(json, "settle");
	recipe->deadman = json_object_get(json, "deadman");
	recipe->part = json_object_get(json, part);
	recipe->mode = strcmp(part, "own") == 0 ? RECIPE_OWN : RECIPE_PATCH;
}

/* name: what the recipe's must be, or NULL. */
static int
parse(struct recipe **recipe, const char *file, const char *name, const char *text, size_t len,
      struct err *e)
{
	struct document doc;
	struct recipe *read;
	const char *part = NULL;

	if (document_init(&doc, file, text, len, e) != 0)
		return -1;
	read = recipe_read(&doc, name, &part) == 0 ? calloc(1, sizeof(*read)) : NULL;
	if (read != NULL) {
		read->json = json_incref(doc.root);
		take_parts(read, part);
		*recipe = read;
	} else if (e->code == ERR_NONE) {
		document_no_memory(&doc);
	}
	document_fini(&doc);
	return read != NULL ? 0 : -1;
}

int
recipe_parse(struct recipe **recipe, const char *file, const char *text, size_t len, struct err *e)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash != NULL ? slash + 1 : file;
	size_t base_len = strlen(base);
	char name[NAME_MAX + 1];
	char escaped[NAME_BUF];

	if (base_len < sizeof(suffix) || base_len > NAME_MAX ||
	    strcmp(base + base_len - strlen(suffix), suffix) != 0)
		return err_set(e, ERR_POLICY, "%s: a recipe's file is called NAME.json",
			       err_name(escaped, file));
	snprintf(name, sizeof(name), "%.*s", (int)(base_len - strlen(suffix)), base);
	return parse(recipe, file, name, text, len, e);
}

int
recipe_from_json(struct recipe **recipe, const json_t *json, struct err *e)
{
	char *text = json_dumps(json, JSON_INDENT(2));
	int rc;

	if (text == NULL)
		return err_set(e, ERR_FAILED, "the recipe of the journal: out of memory");
	rc = parse(recipe, "the recipe of the journal", NULL, text, strlen(text), e);
	free(text);
	return rc;
}

void
recipe_free(struct recipe *recipe)
{
	if (recipe == NULL)
		return;
	json_decref(recipe->json);
	free(recipe);
}

/* --- where they are -----------------------------------------------------------------------------
 */

/* As backends are found: an uninstalled program has modules/ beside it. */
int
recipe_directory(char *path, size_t size, struct err *e)
{
	char exe[PATH_MAX];
	char modules[PATH_MAX + 16];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *slash;
	struct stat st;
	int n;

	if (len < 0)
		return err_sys(e, ERR_FAILED, errno, "reading /proc/self/exe (is /proc mounted?)");
	exe[len] = '\0';
	slash = strrchr(exe, '/');
	len = slash != NULL ? slash - exe : 0;
	snprintf(modules, sizeof(modules), "%.*s/modules", (int)len, exe);
	if (stat(modules, &st) == 0 && S_ISDIR(st.st_mode))
		n = snprintf(path, size, "%.*s/recipes", (int)len, exe);
	else
		n = snprintf(path, size, "%s", GEOPAUSE_RECIPE_DIR);
	if (n < 0 || (size_t)n >= size)
		return err_set(e, ERR_FAILED, "the path of the recipes is too long");
	return 0;
}

static int
recipe_path(char *path, size_t size, const char *name, struct err *e)
{
	size_t used;
	int n;

	if (name[0] == '/') {
		n = snprintf(path, size, "%s", name);
	} else {
		if (recipe_directory(path, size, e) != 0)
			return -1;
		used = strlen(path);
		n = snprintf(path + used, size - used, "/%s%s", name, suffix);
		size -= used;
	}
	if (n < 0 || (size_t)n >= size)
		return err_set(e, ERR_POLICY, "the path of the recipe is too long");
	return 0;
}

int
recipe_load(struct recipe **recipe, const char *name_or_path, struct err *e)
{
	struct err why = ERR_INIT;
	char path[PATH_MAX];
	char name[NAME_BUF];
	size_t len = 0;
	char *text;
	int rc;

	if (recipe_path(path, sizeof(path), name_or_path, e) != 0)
		return -1;
	text = trusted_read(path, "a recipe", RECIPE_MAX, &len, &why);
	if (text == NULL && why.sys == ENOENT)
		return err_set(e, ERR_POLICY, "there is no recipe %s: %s is missing",
			       err_name(name, name_or_path), path);
	if (text == NULL) {
		*e = why;
		return -1;
	}
	rc = recipe_parse(recipe, path, text, len, e);
	free(text);
	return rc;
}
