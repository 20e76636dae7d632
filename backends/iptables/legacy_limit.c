/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What keeps some out: bans, and limits, which stop only packets that come too often. An ordinary
 * packet does not meet these, so that nothing else here takes them for rules that stop anybody.
 */
#include "legacy_select_private.h"

#define DEPTH_MAX 16u /* of jumps */

/* Only those that come too often meet the rule. */
static bool
limits(const struct selection *s, const struct rule *rule, size_t k)
{
	const struct legacy_packet *packet = &s->reach.packets[k];
	struct legacy_packet often = *packet;

	often.over_limits = true;
	return packet_meets(packet, rule, NULL) == TRUTH_NO &&
	       packet_meets(&often, rule, NULL) != TRUTH_NO;
}

static bool
may_meet(const struct selection *s, const struct rule *rule, size_t k)
{
	return reach_meets(&s->reach, rule, k) || limits(s, rule, k);
}

/* --- does it stop anybody? --- */

static bool
may_stop(const struct selection *s, const struct rule *rule, size_t k, bool often, unsigned depth)
{
	const struct save_chain *chain;

	if (!reach_meets(&s->reach, rule, k) && !(often && limits(s, rule, k)))
		return false;
	if (rule->target != RULE_CHAIN)
		return rule->target == RULE_DENY || (often && rule->target == RULE_OTHER);
	chain = &s->save->chains[rule->chain];
	for (size_t i = chain->first; i < chain->first + chain->n && depth > 0; i++)
		if (may_stop(s, reach_rule(&s->reach, i), k, often, depth - 1))
			return true;
	return depth == 0;
}

bool
edit_may_stop(const struct selection *s, const struct rule *rule, size_t k)
{
	return may_stop(s, rule, k, true, DEPTH_MAX);
}

bool
edit_only_limits(const struct selection *s, const struct rule *rule, size_t k)
{
	return may_stop(s, rule, k, true, DEPTH_MAX) && !may_stop(s, rule, k, false, DEPTH_MAX);
}

static bool
is_of_port(const struct legacy_packet *packet, const struct legacy_packet *other)
{
	return packet->any_port ||
	       (packet->original == other->original && packet->port.proto == other->port.proto);
}

bool
edit_is_spared(const struct selection *s, const struct rule *rule, size_t k)
{
	bool limited = false;

	/* What is sent out of its chain is not skipped in its place, but for all ports. */
	if (reach_leaves_chain(&s->reach, rule))
		return false;
	for (size_t i = 0; i < s->reach.n_packets; i++) {
		if (!is_of_port(&s->reach.packets[i], &s->reach.packets[k]))
			continue;
		if (may_stop(s, rule, i, false, DEPTH_MAX))
			return false;
		limited |= may_stop(s, rule, i, true, DEPTH_MAX);
	}
	return limited;
}

/* --- all that does on a way --- */

/* Nothing of the packet comes to the next rule. */
static bool
ends_way(const struct selection *s, const struct rule *rule, size_t k)
{
	return reach_meets_unnamed(&s->reach, rule, k) == TRUTH_YES &&
	       (rule->target == RULE_RETURN || rule->is_goto ||
		!(reach_verdict(&s->reach, rule, k) & MAY_FALL));
}

static bool
is_lifted(const struct selection *s, size_t rule)
{
	return s->skipped[rule] || s->bypassed[rule];
}

/* Some packets may be let through before they come to the next rule. */
static bool
may_accept(const struct selection *s, const struct rule *rule, size_t k)
{
	return reach_meets_unnamed(&s->reach, rule, k) != TRUTH_NO &&
	       reach_verdict(&s->reach, rule, k) & MAY_ACCEPT;
}

static bool
bans_in(const struct selection *s, size_t in, size_t k, unsigned depth, bool certain, bool *bans)
{
	const struct save_chain *chain = &s->save->chains[in];
	bool any = false;

	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		const struct rule *rule = reach_rule(&s->reach, i);
		const bool all = reach_meets_unnamed(&s->reach, rule, k) == TRUTH_YES;

		if (!may_meet(s, rule, k) || is_lifted(s, i))
			continue;
		if ((!all || depth == 0) && edit_may_stop(s, rule, k))
			any = bans[i] = true;
		if (rule->target == RULE_CHAIN && depth > 0 && (all || !certain))
			any |= bans_in(s, rule->chain, k, depth - 1, certain, bans);
		if (ends_way(s, rule, k) || (certain && may_accept(s, rule, k)))
			break;
	}
	return any;
}

bool
edit_bans_of(const struct selection *s, const struct rule *rule, size_t k, bool certain, bool *bans)
{
	return rule->target == RULE_CHAIN && bans_in(s, rule->chain, k, DEPTH_MAX, certain, bans);
}
