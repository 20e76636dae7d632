/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations of a recipe's "lift" on somebody else's rule, as they are journaled: {"op",
 * "path", "old": what stood there, "new": what is put there}; a member is left out where there is
 * nothing. What is done and taken back follows from these and from what stands there now, never
 * from a copy of the whole.
 */
#ifndef GEOPAUSE_REST_OPERATION_H
#define GEOPAUSE_REST_OPERATION_H

#include "session.h"

/*
 * The recipe's operations for this rule, but those that would change nothing; a new array, or NULL:
 * e says why.
 */
json_t *operations_make(const struct session *s, const json_t *rule, const struct scope *scope,
			struct err *e);

enum operation_state {
	OPERATION_OLD,        /* as it was */
	OPERATION_OURS,       /* as we put it */
	OPERATION_OTHER,      /* somebody has changed it, and ours is gone */
	OPERATION_OTHER_OURS, /* somebody has changed it, and ours may be part of that */
};
enum operation_state operation_state(const json_t *operation, const json_t *rule);

/* In place. ERR_FAILED: it cannot be done there. */
int operation_do(const json_t *operation, json_t *rule, struct err *e);
/* Only where its state is OPERATION_OURS. */
int operation_undo(const json_t *operation, json_t *rule, struct err *e);
/* Does any text in it have all that these operations brought? */
bool operations_are_in(const json_t *operations, const json_t *json);

#endif
