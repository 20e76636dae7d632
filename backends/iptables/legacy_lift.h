/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Planning a lift in x_tables, and doing it. */
#ifndef GEOPAUSE_LEGACY_LIFT_H
#define GEOPAUSE_LEGACY_LIFT_H

#include "legacy_host.h"
#include "legacy_select.h"

#define LEGACY_TABLES 3 /* filter, mangle, raw */
extern const char *const legacy_tables[LEGACY_TABLES];

/* One table of one family that has steps. */
struct legacy_part {
	struct legacy_edits edits;
	struct legacy_table *table; /* that they were selected from */
	struct legacy_nat nat;
	unsigned original, both; /* as struct lift_words */
};

struct legacy_lift {
	struct lift_request request; /* its targets are our own array */
	const struct target **targets;
	struct legacy_part parts[FAMILIES * LEGACY_TABLES];
	size_t n;
	struct legacy_host *held; /* whose lock ends with this at the latest; NULL: nobody's */
};

/* Reads the tables of the request's targets; fills in the plan's steps and notes. */
int legacy_lift_plan(struct legacy_lift *lift, const struct legacy_host *host,
		     const struct lift_request *request, struct met *met, struct plan *plan,
		     struct err *e);
/* What is planned to be done at once leaves the lock to legacy_inspect. */
enum outcome legacy_lift_apply(struct legacy_lift *lift, struct legacy_host *host, struct err *e);
json_t *legacy_lift_record(const struct legacy_lift *lift);
void legacy_lift_fini(struct legacy_lift *lift);

#endif
