/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recipes of mode "patch": an existing rule of the administrator's is changed for the time of the
 * window. What is written is derived from what is read right before; what is taken back, too: only
 * where our value stands the old one is put back (operation.h).
 *
 * Errors name what was done and the request, not the target.
 */
#ifndef GEOPAUSE_REST_PATCHING_H
#define GEOPAUSE_REST_PATCHING_H

#include "session.h"

/* Reads, and fills in the entry's "patched"; *already: lifted by the administrator, nothing to do.
 */
int patch_plan(struct session *s, bool *already, struct err *e);
/* What stands there, and the write, redacted; new strings, or NULL: e says why. */
char *patch_describe_before(const struct session *s);
char *patch_describe(struct session *s, struct err *e);
enum outcome patch_apply(struct session *s, struct err *e);
enum lift_state patch_inspect(struct session *s, unsigned *left_s, struct err *e);
/* There is no way to move a provider's deadline but to patch again: it must do as it is. */
enum outcome patch_extend(struct session *s, unsigned expiry_s, struct err *e);
/* Appends to *notes what an administrator has changed meanwhile; it is kept. */
enum outcome patch_revert(struct session *s, struct names *notes, struct err *e);

#endif
