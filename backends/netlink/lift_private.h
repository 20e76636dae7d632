/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files lift*.c. */
#ifndef GEOPAUSE_LIFT_PRIVATE_H
#define GEOPAUSE_LIFT_PRIVATE_H

#include "lift.h"

#define WHERE_BUF (2 * NAME_BUF + 64)
/* "inet filter input handle 7"; returns buf. */
const char *lift_where_rule(char buf[WHERE_BUF], const struct rule *rule);

/* A zeroed step at the end; NULL with e set when memory is gone. */
struct lift_step *lift_add_step(struct lift *lift, size_t target, enum action action,
				struct err *e);
int lift_plan_own_set(struct lift *lift, struct nl *nl, const struct own_set *own, struct err *e);

#endif
