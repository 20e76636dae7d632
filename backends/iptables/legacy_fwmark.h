/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets' marks (-j MARK, -j CONNMARK): one rule sets them by the source, and another one, often
 * of another table, decides by them.
 */
#ifndef GEOPAUSE_LEGACY_FWMARK_H
#define GEOPAUSE_LEGACY_FWMARK_H

#include "legacy_reach.h"

/* Where a rule is. */
struct fwmark_place {
	const struct legacy_host *host;
	enum family family;
	const char *table;
	const struct reach *reach;    /* of that table */
	const struct legacy_nat *nat; /* NULL: that table is nat itself */
};

/* What becomes of packets that get a mark. */
struct fwmark_meaning {
	bool stops, lets;
	bool alone; /* nothing else writes to these bits, and no ban comes behind what lets through
		     */
};

/* The rule, or one in the chain that it leads to, sets a mark. */
bool fwmark_is_set(const struct reach *reach, const struct rule *rule);
/* Looks in all tables for what decides by the mark that this rule sets. */
int fwmark_meaning(struct fwmark_meaning *meaning, const struct fwmark_place *place,
		   const struct rule *rule, struct err *e);
/*
 * The first rule behind that one, from rule `from` of its chain on, which marks packets whatever
 * their source, so that what looks at the mark stops them; SAVE_NONE: there is none.
 */
int fwmark_stopping(size_t *found, const struct fwmark_place *place, size_t from, struct err *e);
/* How many rules set a mark that this rule asks for. */
int fwmark_setters(size_t *n, const struct fwmark_place *place, const struct rule *rule,
		   struct err *e);

#endif
