/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What own.c and own_write.c share. Nobody else includes it. */
#ifndef GEOPAUSE_REST_OWN_PRIVATE_H
#define GEOPAUSE_REST_OWN_PRIVATE_H

#include "call.h"
#include "object.h"
#include "own.h"

/* What the recipe's "once" captures: read anew when it is older than a minute. */
int own_once(struct session *s, struct err *e);
const json_t *own_call(const struct session *s, const char *name);
bool own_is_absence(const struct session *s);
/* *found is a new reference, or NULL: it is not there. */
int own_find(struct session *s, const struct object *object, json_t **found, json_t *captured,
	     struct err *e);

/* own_write.c. Each looks before it does anything a second time. */
enum outcome own_create(struct session *s, const struct object *object, struct err *e);
/* Only if it is not there. */
enum outcome own_create_absent(struct session *s, const struct object *object, struct err *e);
enum outcome own_delete(struct session *s, const struct object *object, struct err *e);
enum outcome own_move(struct session *s, const struct object *object, struct err *e);

#endif
