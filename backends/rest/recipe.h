/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recipe: what one provider's API needs, read from its JSON file (geopause-recipe(5)). When it
 * is loaded all of it has been checked: keys, types, templates (every variable is known where it
 * is used), pointers, calls. The parts are borrowed from the document and live as long as the
 * recipe; what is optional and missing is NULL.
 */
#ifndef GEOPAUSE_REST_RECIPE_H
#define GEOPAUSE_REST_RECIPE_H

#include <jansson.h>
#include <stdbool.h>

#include "backend.h"

#define RECIPE_MAX (256u * 1024) /* bytes */
#define RECIPE_LEVELS 48u        /* of objects and arrays: it becomes part of other documents */

enum recipe_mode {
	RECIPE_OWN,
	RECIPE_PATCH
};

struct recipe {
	json_t *json; /* the whole document, owned: it is journaled, so that another process needs
			 no file */
	const char *name, *title, *opens;
	enum recipe_mode mode;
	const json_t *auth, *ok, *error, *retry, *ignore, *settle, *deadman;
	const json_t *part; /* "own" or "patch" */
};

/*
 * recipe: the target's name of a recipe, or an absolute path. ERR_POLICY with FILE:LINE: PATH.
 * Files that others can write are refused as the policy is.
 */
int recipe_load(struct recipe **recipe, const char *name_or_path, struct err *e);
/* From text that was read already, with the name of its file for messages. */
int recipe_parse(struct recipe **recipe, const char *file, const char *text, size_t len,
		 struct err *e);
/* Of a journal; the same checks. json is borrowed. */
int recipe_from_json(struct recipe **recipe, const json_t *json, struct err *e);
void recipe_free(struct recipe *recipe);

/*
 * Do the target's params, secrets, the way to the provider and the challenges' ports fit?
 * ERR_POLICY through target_err.
 */
int recipe_check_target(const struct recipe *recipe, const struct target *target,
			const struct ports *ports, struct err *e);
/* Where recipes are: beside an uninstalled program's modules, else where they are installed. */
int recipe_directory(char *path, size_t size, struct err *e);

#endif
