/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recipes of mode "patch": what is read, the rule in it, and the body that is written back. */
#ifndef GEOPAUSE_REST_READING_H
#define GEOPAUSE_REST_READING_H

#include "session.h"

struct reading {
	json_t *body;       /* the whole reply: a copy that may be changed */
	json_t *rule;       /* in it, borrowed; NULL: there is none */
	json_t *captured;   /* lock token, ETag, ... */
	struct scope scope; /* captured, then params; valid while the reading stays where it is */
};

/* 0, also without a rule. More than one rule that matches is an error. */
int reading_init(struct reading *reading, struct session *s, struct err *e);
/*
 * What the recipe's "write" sends of it: {"$document": ...} or {"$rule": ...}, never expanded as a
 * template; a new reference, or NULL: e says why.
 */
json_t *reading_write_body(const struct reading *reading, const struct session *s, struct err *e);
void reading_fini(struct reading *reading);

#endif
