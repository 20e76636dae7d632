/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lifting: what has to change in the ruleset for a request (a plan), and the transaction that does
 * it. Shared by all backends that change nf_tables.
 *
 * SKIP   the rule denies: it is replaced in place by our prefix and its own expressions; handle,
 *        position and comment stay.
 * WIDEN  the rule lets through: a copy of it without its test of the source, behind our prefix, is
 *        inserted before it.
 * SET    the administrator's own set of ports gets elements that expire.
 */
#ifndef GEOPAUSE_LIFT_H
#define GEOPAUSE_LIFT_H

#include "backend.h"
#include "batch.h"
#include "classify.h"
#include "mark.h"
#include "select.h"

struct lift_step {
	size_t target;
	enum action action;     /* ACTION_SKIP, _WIDEN or _SET */
	struct suspect suspect; /* of rules */
	enum mark_port port;    /* of rules */
	struct branch verdict;  /* WIDEN of a verdict map: what the copy does */
	struct set *set;        /* SET */
	struct ports add;       /* SET: those that are not in it yet */
};

struct lift {
	struct ruleset rs;
	struct lift_request request; /* borrowed targets */
	struct lift_step *steps;
	size_t n;
	struct names notes;
};

/* Reads the ruleset and decides the steps. Nothing is changed. */
int lift_plan(struct lift *lift, struct nl *nl, const struct lift_request *request, struct err *e);
void lift_fini(struct lift *lift);

/*
 * Does the plan in one transaction. When the ruleset changed since it was read, plans again and
 * tries again, a bounded number of times.
 */
enum outcome lift_apply(struct lift *lift, struct nl *nl, struct err *e);

/* The texts of step i, malloced, ASCII: "inet filter input handle 7", and so on. */
char *lift_where(const struct lift *lift, size_t i);
char *lift_reason(const struct lift *lift, size_t i);

#endif
