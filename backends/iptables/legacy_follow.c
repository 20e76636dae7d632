/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_follow.h"

#include <string.h>

#include "legacy_mark.h"

#define DEPTH_MAX 64u

static unsigned follow_chain(struct legacy_follow *f, size_t index, unsigned depth);

/* --- marks --- */

static void
set_mark(struct legacy_packet *packet, const struct rule *rule, enum truth met)
{
	bool is_mark = !strcmp(rule->target_name, "MARK");
	uint32_t value, mask;

	if (!is_mark && strcmp(rule->target_name, "CONNMARK") != 0)
		return;
	packet->mark_known &= is_mark && met == TRUTH_YES && rule_sets_mark(rule, &value, &mask);
	if (packet->mark_known)
		packet->mark = (packet->mark & ~mask) ^ value;
}

/* --- one rule --- */

static unsigned
follow_verdict(struct legacy_follow *f, const struct rule *rule, enum truth met, unsigned depth)
{
	if (rule->target == RULE_CHAIN)
		return follow_chain(f, rule->chain, depth + 1);
	if (rule->target == RULE_NONE && rule->target_name)
		set_mark(&f->packet, rule, met);
	return rule_outcomes(rule);
}

/* R, where a jump of ours stands in its place; false: there is none. */
static bool
find_own(const struct save *save, struct rule *rule, bool *lifted, const char *txn)
{
	for (size_t depth = 0; depth < save->n_chains; depth++) {
		const struct save_chain *chain;

		if (!mark_is_our_rule(rule))
			return true;
		if (rule->target != RULE_CHAIN || !mark_is_ours(rule->target_name))
			return false;
		*lifted |= strstr(rule->target_name, txn) != NULL;
		chain = &save->chains[rule->chain];
		if (chain->n == 0)
			return false;
		rule_read(rule, save, chain->first + chain->n - 1);
	}
	return false;
}

/* What such a rule asks in vain does not matter: a flow that lives was not stopped by it. */
static bool
only_stops(unsigned verdict)
{
	return verdict == MAY_DROP;
}

static unsigned
follow_rule(struct legacy_follow *f, size_t index, unsigned depth, bool *goes_on)
{
	bool lifted = false, unclear = false;
	struct rule rule;
	enum truth met;
	unsigned verdict;

	*goes_on = true;
	rule_read(&rule, f->save, index);
	if (!find_own(f->save, &rule, &lifted, f->txn)) {
		f->widens |= packet_meets(&f->packet, &rule, NULL) != TRUTH_NO;
		return 0;
	}
	met = packet_meets(&f->packet, &rule, &unclear);
	if (met == TRUTH_NO)
		return 0;
	verdict = follow_verdict(f, &rule, met, depth);
	if (met == TRUTH_MAYBE && only_stops(verdict) && !lifted)
		return 0;
	f->unclear |= unclear && met == TRUTH_MAYBE;
	f->stops |= lifted && !unclear && verdict & MAY_DROP;
	*goes_on = met == TRUTH_MAYBE;
	if (verdict & MAY_FALL && rule.target != RULE_RETURN && !rule.is_goto) {
		verdict &= ~(unsigned)MAY_FALL;
		*goes_on = true;
	}
	return verdict;
}

static unsigned
follow_chain(struct legacy_follow *f, size_t index, unsigned depth)
{
	const struct save_chain *chain = &f->save->chains[index];
	unsigned outcomes = 0;

	if (depth > DEPTH_MAX)
		return MAY_ACCEPT | MAY_DROP | MAY_FALL;
	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		bool goes_on;

		if (f->budget == 0)
			return MAY_ACCEPT | MAY_DROP | MAY_FALL;
		f->budget--;
		outcomes |= follow_rule(f, i, depth, &goes_on);
		if (!goes_on)
			return outcomes;
	}
	return outcomes | MAY_FALL;
}

unsigned
legacy_follow(struct legacy_follow *f, const char *base)
{
	size_t chain = save_chain(f->save, base);
	unsigned outcomes;

	if (chain == SAVE_NONE || !f->save->chains[chain].policy)
		return MAY_ACCEPT;
	outcomes = follow_chain(f, chain, 0);
	if (!(outcomes & MAY_FALL))
		return outcomes;
	outcomes &= ~(unsigned)MAY_FALL;
	return outcomes | (strcmp(f->save->chains[chain].policy, "ACCEPT") ? MAY_DROP : MAY_ACCEPT);
}
