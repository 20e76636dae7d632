/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rule that decides by the source does to a CA's packets, and so how it has to be lifted. */
#ifndef GEOPAUSE_CLASSIFY_H
#define GEOPAUSE_CLASSIFY_H

#include "criterion.h"
#include "eval.h"
#include "observation.h"
#include "reach.h"
#include "target.h"

struct suspect {
	struct rule *rule;
	struct criterion criterion;
	bool has_criterion;          /* else only the verdict counts */
	const struct set *marked_by; /* tests a mark that was written by this set or map; or NULL */
	bool by_mark;
	size_t target;     /* of the request */
	uint32_t concerns; /* bit i: packet i may match it */
	enum effect effect;
	bool unclear; /* may drop and may let through */
};

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

#endif
