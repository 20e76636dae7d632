/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes that may be made twice, and the one that puts the others into force. */
#ifndef GEOPAUSE_REST_COMMIT_H
#define GEOPAUSE_REST_COMMIT_H

#include "call.h"

#define WRITE_REPEATS 2 /* of a write that is not known to have been done */

/* A refusal; anything else may be different the next time. */
bool write_is_final(enum outcome outcome, const struct answer *answer);
/* Until the next attempt. */
int64_t write_pause_ms(const struct answer *answer);
/* A write that may be done twice: until it is known to be done. */
enum outcome write_again(struct session *s, const json_t *call, const struct scope *scope,
			 struct err *e);
/* Before a write that the recipe's "commit", if it has one, puts into force: sets s->uncommitted.
 */
void commit_is_due(struct session *s);
/*
 * The recipe's "commit", if it has one, unless what was written before is not done;
 * s->uncommitted is set unless it is known to be done.
 */
enum outcome commit(struct session *s, const struct scope *scope, struct err *e);

#endif
