/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_follow.h"

#include <string.h>

#include "legacy_mark.h"

#define DEPTH_MAX 64u

static unsigned follow_chain(struct legacy_follow *f, size_t index, unsigned depth);

/* --- marks --- */

/* -j MARK --set-xmark VALUE/MASK, as iptables-save says all of its forms. */
static void
set_mark(struct legacy_packet *packet, const struct rule *rule, enum answer met)
{
	uint32_t value, mask;

	if (strcmp(rule->target_name, "MARK") != 0 && strcmp(rule->target_name, "CONNMARK") != 0)
		return;
	packet->mark_known &= met == ANSWER_YES && !strcmp(rule->target_name, "MARK");
	for (size_t i = 0; packet->mark_known && i + 1 < rule->at->n; i++) {
		const struct save_token *t = &rule->save->tokens[rule->at->first + i];

		if (strcmp(t[0].text, "--set-xmark") != 0)
			continue;
		packet->mark_known = packet_read_mark(t[1].text, &value, &mask);
		packet->mark = (packet->mark & ~mask) ^ value;
		return;
	}
	packet->mark_known = false;
}

/* --- one rule --- */

static unsigned
follow_verdict(struct legacy_follow *f, const struct rule *rule, enum answer met, unsigned depth)
{
	switch (rule->target) {
	case RULE_ACCEPT:
		return MAY_ACCEPT;
	case RULE_DENY:
		return MAY_DENY;
	case RULE_RETURN:
		return MAY_FALL;
	case RULE_CHAIN:
		return follow_chain(f, rule->chain, depth + 1);
	case RULE_NONE:
		if (rule->target_name)
			set_mark(&f->packet, rule, met);
		return MAY_FALL;
	case RULE_OTHER:
		break;
	}
	return MAY_ACCEPT | MAY_DENY | MAY_FALL;
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
	return verdict == MAY_DENY;
}

static unsigned
follow_rule(struct legacy_follow *f, size_t index, unsigned depth, bool *goes_on)
{
	bool lifted = false, unclear = false;
	struct rule rule;
	enum answer met;
	unsigned verdict;

	*goes_on = true;
	rule_read(&rule, f->save, index);
	if (!find_own(f->save, &rule, &lifted, f->txn)) {
		f->widens |= packet_meets(&f->packet, &rule, NULL) != ANSWER_NO;
		return 0;
	}
	met = packet_meets(&f->packet, &rule, &unclear);
	if (met == ANSWER_NO)
		return 0;
	verdict = follow_verdict(f, &rule, met, depth);
	if (met == ANSWER_MAYBE && only_stops(verdict) && !lifted)
		return 0;
	f->unclear |= unclear && met == ANSWER_MAYBE;
	f->stops |= lifted && !unclear && verdict & MAY_DENY;
	*goes_on = met == ANSWER_MAYBE;
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
		return MAY_ACCEPT | MAY_DENY | MAY_FALL;
	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		bool goes_on;

		if (f->budget == 0)
			return MAY_ACCEPT | MAY_DENY | MAY_FALL;
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
	return outcomes | (strcmp(f->save->chains[chain].policy, "ACCEPT") ? MAY_DENY : MAY_ACCEPT);
}
