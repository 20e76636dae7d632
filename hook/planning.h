/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is to be lifted, decided by the backends and not yet done. Reads only. */
#ifndef GEOPAUSE_PLANNING_H
#define GEOPAUSE_PLANNING_H

#include "backend.h"
#include "backends.h"
#include "journal.h"

/* One backend's plan for targets that lack the same ports, or for one (BACKEND_APART). */
struct planned {
	const struct open_backend *on;
	const struct target **targets;
	struct lift_request request;
	struct plan *plan;
};

struct planning {
	struct planned *v;
	size_t n;
};

struct planning_input {
	const struct target *targets;
	size_t n;
	struct ports ports;
	const struct lifts *lifts; /* what is lifted already; may be NULL */
	unsigned expiry_s;
	unsigned heartbeat_s; /* as the expiry where it can be moved on cheaply; 0: nobody does */
	bool explain;
	bool watched; /* only targets of backends whose changes are seen (generation) */
	bool applied; /* when it is journalled; lifts is not NULL then */
};

/* The expiry that a backend with these capabilities is asked for. */
unsigned planning_expiry(unsigned expiry_s, unsigned heartbeat_s, bool beats);

/* Plans that have no step are in it, too. On errors *planning is empty and nothing was changed. */
int planning_make(struct planning *planning, struct backends *backends,
		  const struct planning_input *input, struct err *e);
void planning_fini(struct planning *planning);
/* Steps in all plans. */
size_t planning_steps(const struct planning *planning);

/* Appends what the journal must know before the plan is applied. */
int planned_journal(const struct planned *planned, struct lifts *lifts, struct err *e);

/* Twelve random hexadecimal digits. */
int txn_new(char *txn, struct err *e);

/* After apply, which may have planned again: the record becomes what was really done. */
int planned_update(const struct planned *planned, struct lift *lift, struct err *e);

#endif
