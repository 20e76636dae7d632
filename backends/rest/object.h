/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The objects of a lift of mode "own": one for each of the recipe's "each", or just one. Which they
 * are follows from the recipe, the ports and the transaction id alone, so that every process finds
 * the same.
 */
#ifndef GEOPAUSE_REST_OBJECT_H
#define GEOPAUSE_REST_OBJECT_H

#include "session.h"

#define OBJECTS_MAX 64

struct object {
	size_t index;
	struct scope scope; /* each.*, port, protocol, uuid, priority; then once's, then params */
	struct scope once;  /* what that borrows */
};

/* 0: none of the ports is one for the recipe. */
size_t objects_count(const struct session *s);
/* The priority, if any, is the entry's. s->once is used as it is now. */
int object_init(struct object *object, const struct session *s, size_t index, struct err *e);
void object_fini(struct object *object);
/* Our identity for what has no room for the transaction id but for a UUID (RFC 9562 version 8). */
#define UUID_BUF 37
int object_uuid(char uuid[UUID_BUF], const char *txn, const char *target, size_t index);

#endif
