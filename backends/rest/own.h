/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recipes of mode "own": objects of ours beside the administrator's, made, found and deleted. An
 * object is ours because it carries our transaction id ("identity": "txn"), or because nothing like
 * it was there when it was planned, which was journaled ("absence"). Whatever is not known to have
 * been done is looked for before anything is done again.
 *
 * Errors name what was done and the request, not the target.
 */
#ifndef GEOPAUSE_REST_OWN_H
#define GEOPAUSE_REST_OWN_H

#include "session.h"

/* Reads, and fills in the entry's "objects". ERR_FAILED: what would be ours is there already. */
int own_plan(struct session *s, struct err *e);
/* The write for that object, redacted; a new string, or NULL: e says why. */
char *own_describe(struct session *s, size_t i, struct err *e);
/* As far as it can be done without waiting: see pending_set_remains. */
enum outcome own_apply(struct session *s, struct err *e);
/* From that object on. */
enum outcome own_go_on(struct session *s, size_t first, struct err *e);
enum lift_state own_inspect(struct session *s, unsigned *left_s, struct err *e);
enum outcome own_extend(struct session *s, unsigned expiry_s, struct err *e);
enum outcome own_revert(struct session *s, struct err *e);

#endif
