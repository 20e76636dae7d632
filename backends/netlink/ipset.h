/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of ipset(8), as iptables' extension `set` looks addresses up in them. */
#ifndef GEOPAUSE_IPSET_H
#define GEOPAUSE_IPSET_H

#include "eval.h"
#include "expr.h"
#include "ipset_ask.h"
#include "observation.h"

/* How an xt match `set` uses its set. */
struct ipset_use {
	uint16_t index;
	uint8_t dimensions; /* 1: an address alone */
	bool source;        /* the first of them is the packet's source */
	bool inverted;
	bool plain; /* no counters and other options are tested */
};

/* False: it is no match `set`, or of a revision that is not known. */
bool ipset_use_of(const struct expr *x, struct ipset_use *use);

/* The same for the set that a target `SET` adds to. */
bool ipset_filled_by(const struct expr *x, struct ipset_use *use);

/*
 * Fills in expr->ipset of all rules that look an ipset up, or add to it. A set that is gone, or may
 * not be asked for, has no name.
 */
int ipset_names_read(struct ruleset *rs, struct err *e);
void ipset_names_free(struct ruleset *rs);

/* What the set holds, element by element. 0, or -1: it could not be read. */
int ipset_facts(struct nl *nl, const char *name, struct set_facts *facts, struct err *e);
/* Is the set of a type that holds networks? */
bool ipset_holds_networks(struct nl *nl, const char *name);

/*
 * Asks the kernel whether an xt match `set` matches the packet, which is addressed. TRUTH_MAYBE:
 * it tests more than an address, or the set cannot be asked.
 */
enum truth ipset_match(struct nl *nl, const struct expr *x, const struct packet *packet);

#endif
