/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking lifts back, from the present ruleset alone: our marks are found in it (mark.h), whatever
 * became of handles and tables since. What is gone already is gone.
 */
#ifndef GEOPAUSE_RESTORE_H
#define GEOPAUSE_RESTORE_H

#include "backend.h"
#include "record.h"

/* record NULL: the marks of every transaction in every table. Notes get a line for each find. */
enum outcome restore_apply(struct nl *nl, const struct record *record, struct names *notes,
			   struct err *e);
/* What restore_apply would remove; nothing is changed. *n: how many marks. */
int restore_look(struct nl *nl, const struct record *record, struct names *notes, size_t *n,
		 struct err *e);

enum lift_state restore_inspect(struct nl *nl, const struct record *record, unsigned *left_s,
				struct err *e);
enum outcome restore_extend(struct nl *nl, const struct record *record, unsigned expiry_s,
			    struct err *e);

#endif
