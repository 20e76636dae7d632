/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One call of a target's program, from the request to what it means. */
#ifndef GEOPAUSE_EXEC_CALL_H
#define GEOPAUSE_EXEC_CALL_H

#include "answer.h"
#include "entry.h"

/*
 * hold: inherited by the program, -1: nothing. The answer is filled in where the outcome is
 * OUTCOME_DONE, and empty otherwise. Of the reads, plan and inspect, every failure is
 * OUTCOME_NOT_DONE. Errors are ERR_FAILED and name target and operation.
 */
enum outcome call(const struct entry *entry, enum operation operation, unsigned expiry_s, int hold,
		  struct answer *answer, struct err *e);

#endif
