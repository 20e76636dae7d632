/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that keep single sources out (fail2ban, crowdsec, blacklists): a copy that lets everybody
 * through must not stand where packets pass these by.
 */
#ifndef GEOPAUSE_BANS_H
#define GEOPAUSE_BANS_H

#include "eval.h"
#include "reach.h"

/* Where a rule is inserted. */
struct place {
	const struct chain *chain;
	const struct rule *before; /* NULL: at the end of the chain */
};

/* A copy of a rule that is to stand at `place`. */
struct leap {
	const struct rule *rule;
	struct place place;
	const struct branch *verdict; /* what it does; NULL: what the rule does */
	bool anyway;                  /* bans count that no packet comes to now */
};

/*
 * A rule that drops by the source (or by a mark), which the packets would come to if nothing else
 * dropped them, but not by way of the copy. NULL: there is none. Suspects have to be classified:
 * lifted rules are no bans.
 */
const struct rule *bans_bypassed(struct eval *eval, const struct leap *leap, uint32_t concerns,
				 const struct packets *packets);

/*
 * The same, for a rule that is skipped, perhaps with a chain that it jumps to. Drops of addresses
 * that are no country's (private, multicast) do not count: who is let in comes from somewhere.
 */
const struct rule *bans_skipped(struct eval *eval, const struct rule *rule, uint32_t concerns,
				const struct packets *packets);

/* What keeps single sources, or too many packets, out where the branch leads to; or NULL. */
const struct rule *bans_met(struct eval *eval, const struct chain *chain,
			    const struct branch *branch, const struct packet *packet, uint32_t bit);

/* The number of the rule in its chain; chain->n for NULL, the end. */
size_t place_index(const struct chain *chain, const struct rule *rule);

#endif
