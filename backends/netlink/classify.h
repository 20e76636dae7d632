/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rule that decides by the source does to a CA's packets, and so how it has to be lifted. */
#ifndef GEOPAUSE_CLASSIFY_H
#define GEOPAUSE_CLASSIFY_H

#include "criterion.h"
#include "eval.h"
#include "nf.h"
#include "observation.h"
#include "reach.h"
#include "target.h"

enum {
	FAMILY_IPV4 = 1 << 0,
	FAMILY_IPV6 = 1 << 1,
};

struct suspect {
	struct rule *rule;
	struct criterion criterion;
	bool has_criterion;          /* else only the verdict counts */
	const struct set *marked_by; /* tests a mark that was written by this set or map; or NULL */
	const char *marked_by_ipset; /* the same: the name of an ipset, or NULL */
	const struct rule *writer;   /* with by_mark: a rule that writes the mark */
	bool by_mark;
	bool mark_tested;       /* writes a mark by the source, and some rule tests it */
	unsigned mark_families; /* with by_mark: FAMILY_* bits of those that get the mark */
	size_t target;          /* of the request */
	/* Bit i: packet i may match it; of what it then does, only by that which is its effect. */
	uint32_t concerns;
	uint32_t may_drop, may_accept; /* of those that match */
	uint32_t spares;               /* match it too, but what it does to them is to stay */
	enum effect effect;
	bool unclear;                /* may drop and may let through */
	const struct set *spared_by; /* discover's: a set of ports that, once it is filled, accepts
					packets before they come here; or NULL */
};

/* Tests a mark that only one family's sources get, where packets of both come by. */
static inline bool
suspect_one_family(const struct suspect *s)
{
	uint8_t family = s->rule->chain->table->family;

	return s->by_mark && (family == NFPROTO_INET || family == NFPROTO_NETDEV) &&
	       (s->mark_families == FAMILY_IPV4 || s->mark_families == FAMILY_IPV6);
}

/*
 * Judges all suspects together: concerns and effect of each, and rule->lifted of those that deny
 * (an action that is not ACTION_AUTO overrides). A verdict map by source is read only where the
 * rest of the ruleset does not settle what it is.
 */
void classify(struct eval *eval, struct suspect *suspects, size_t n, const struct packets *packets,
	      const enum action actions[]);

/* What a source that no set holds meets at the base chains that lead to the rule. */
unsigned classify_outside(struct eval *eval, const struct rule *rule, uint32_t concerns,
			  const struct packets *packets);
/* Which of the packets that it concerns may then be dropped. */
uint32_t classify_dropped(struct eval *eval, const struct suspect *s,
			  const struct packets *packets);

#endif
