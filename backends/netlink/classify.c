/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classify.h"

#include "alike.h"
#include "nf.h"
#include "sends.h"

/* Leaving the rule's chain for its caller: in a base chain that is the policy. */
static unsigned
leave(const struct chain *chain, bool *unclear)
{
	if (chain->base)
		return chain->policy == NF_DROP ? MAY_DROP : MAY_ACCEPT;
	*unclear = true; /* what it leads to depends on what it passes, and on the caller */
	return MAY_ACCEPT;
}

static unsigned
branch_outcomes(struct eval *eval, const struct chain *chain, const struct branch *branch,
		const struct packet *packet, bool *unclear)
{
	unsigned o = eval_branch(eval, chain, branch, packet, VIEW_OUTSIDE, 0);

	if (o & MAY_FALL &&
	    ((int32_t)branch->verdict == NFT_RETURN || (int32_t)branch->verdict == NFT_GOTO))
		o |= leave(chain, unclear);
	return o & (MAY_ACCEPT | MAY_DROP);
}

/* What the rule does with a packet whose source it looks for. */
static unsigned
inside_outcomes(struct eval *eval, const struct suspect *s, const struct packet *packet,
		bool *matches, bool *unclear)
{
	struct evaluation result;
	unsigned outcomes = 0;

	eval_new_packet(eval);
	eval_rule(eval, s->rule, packet, VIEW_INSIDE, &result);
	*matches = result.match != TRUTH_NO;
	if (!*matches)
		return 0;
	*unclear |= result.unread;
	for (size_t i = 0; i < result.n; i++)
		outcomes |= branch_outcomes(eval, s->rule->chain, &result.v[i], packet, unclear);
	return outcomes;
}

static void
look_inside(struct eval *eval, struct suspect *s, const struct packets *packets)
{
	unsigned outcomes = 0;
	bool unclear = false;

	s->concerns = s->may_drop = s->may_accept = 0;
	for (size_t p = 0; p < packets->n; p++) {
		bool matches, not_clear = false;
		unsigned o;

		if (!(s->rule->reached & 1u << p))
			continue;
		o = inside_outcomes(eval, s, &packets->v[p], &matches, &not_clear);
		outcomes |= o;
		unclear |= not_clear;
		s->concerns |= (uint32_t)matches << p;
		s->may_drop |= (uint32_t)(not_clear || o & MAY_DROP) << p;
		s->may_accept |= (uint32_t)(not_clear || o & MAY_ACCEPT) << p;
	}
	if (outcomes & MAY_DROP)
		s->effect = EFFECT_DENY;
	else if (outcomes & MAY_ACCEPT)
		s->effect = EFFECT_ALLOW;
	else
		s->effect = unclear ? EFFECT_DENY : EFFECT_NONE;
	s->unclear = unclear || outcomes == (MAY_ACCEPT | MAY_DROP);
}

unsigned
classify_outside(struct eval *eval, const struct rule *rule, uint32_t concerns,
		 const struct packets *packets)
{
	unsigned outcomes = sends_others(eval, rule, concerns, packets);

	for (size_t i = 0; i < eval->rs->n_chains; i++) {
		const struct chain *base = eval->rs->chains[i];

		if (!base->base || !base->table->loaded || !(rule->bases & base_bit(i)))
			continue;
		for (size_t p = 0; p < packets->n; p++) {
			if (concerns & 1u << p && reach_sees(base, &packets->v[p]))
				outcomes |= eval_base(eval, base, &packets->v[p], VIEW_OUTSIDE);
		}
	}
	return outcomes;
}

uint32_t
classify_dropped(struct eval *eval, const struct suspect *s, const struct packets *packets)
{
	uint32_t dropped = 0;

	for (size_t p = 0; p < packets->n; p++) {
		uint32_t one = s->concerns & 1u << p;

		if (one && classify_outside(eval, s->rule, one, packets) & MAY_DROP)
			dropped |= one;
	}
	return dropped;
}

/*
 * The rule is out of the way of a blocked source: because it is lifted if it denies, because it
 * does not match if it lets through.
 */
static void
pass(struct suspect *s)
{
	s->rule->lifted =
		s->effect == EFFECT_DENY || (s->effect == EFFECT_ALLOW && s->has_criterion);
}

static unsigned
outside_if_taken(struct eval *eval, const struct suspect *s, const struct packets *packets)
{
	unsigned outcomes;

	s->rule->lifted = false;
	s->rule->forced = true;
	outcomes = classify_outside(eval, s->rule, s->concerns, packets);
	s->rule->forced = false;
	s->rule->lifted = true;
	return outcomes;
}

/*
 * A rule of which it is not clear what it leads to: what happens to a packet that takes it, and to
 * one that passes it? If passing leads to a drop and taking it does not, it lets through; and the
 * other way round it denies.
 */
static void
settle(struct eval *eval, struct suspect *s, const struct packets *packets)
{
	unsigned passed, taken;

	s->rule->lifted = true;
	passed = classify_outside(eval, s->rule, s->concerns, packets);
	if (passed & MAY_DROP && !eval->read_source_maps && s->criterion.decides) {
		eval->read_source_maps = true;
		look_inside(eval, s, packets);
		eval->read_source_maps = false;
		if (!s->unclear)
			return;
	}
	taken = outside_if_taken(eval, s, packets);
	if (passed == MAY_DROP || (passed & MAY_DROP && !(taken & MAY_DROP)))
		s->effect = EFFECT_ALLOW;
	else if (taken == MAY_DROP || (taken & MAY_DROP && !(passed & MAY_DROP)))
		s->effect = EFFECT_DENY;
	else if (!(passed & MAY_DROP))
		s->effect = EFFECT_NONE;
	/* Else both may: it stays what its verdict looks like. */
}

static void
settle_all(struct eval *eval, struct suspect *suspects, size_t n, const struct packets *packets)
{
	enum effect settled[ALIKE_MAX];
	struct alike alike = { .n = 0 };

	for (size_t i = 0; i < n; i++) {
		struct suspect *s = &suspects[i];
		size_t kind;

		if (alike_seen(&alike, s, &kind)) {
			s->effect = settled[kind];
		} else {
			if (s->unclear)
				settle(eval, s, packets);
			settled[kind] = s->effect;
		}
		pass(s);
	}
}

/* Addresses and ports in one key, and what is not in there is kept out. */
static bool
tells_of_ports(const struct suspect *s)
{
	const struct criterion *c = &s->criterion;

	return s->has_criterion && c->of == OF_SOURCE && c->set && set_is_concat(c->set) &&
	       (s->effect == EFFECT_ALLOW || c->inverted);
}

/*
 * For a port that the rule does not block it does not have to be lifted: a chain that it leads to
 * may block one port and limit the rate of another. With "action": "skip" it is skipped whatever
 * it does.
 */
static void
narrow(struct eval *eval, struct suspect *s, const struct packets *packets, bool forced)
{
	enum effect effect = s->effect;
	uint32_t matching = s->concerns;

	if (tells_of_ports(s) && !(forced && effect == EFFECT_DENY)) {
		bool unclear = s->unclear;

		eval->read_ports = true;
		look_inside(eval, s, packets);
		eval->read_ports = false;
		s->concerns &= matching;
		s->effect = effect;
		s->unclear = unclear;
	}
	if (effect == EFFECT_DENY && !forced)
		s->concerns &= s->may_drop;
	else if (!forced && effect == EFFECT_ALLOW)
		s->concerns &= s->may_accept;
	s->spares = matching & ~s->concerns;
}

void
classify(struct eval *eval, struct suspect *suspects, size_t n, const struct packets *packets,
	 const enum action actions[])
{
	for (size_t i = 0; i < n; i++) {
		struct suspect *s = &suspects[i];
		enum action action = actions ? actions[s->target] : ACTION_AUTO;

		look_inside(eval, s, packets);
		if (action != ACTION_AUTO && s->concerns) {
			s->effect = action == ACTION_WIDEN ? EFFECT_ALLOW : EFFECT_DENY;
			s->unclear = false;
		}
		pass(s);
	}
	settle_all(eval, suspects, n, packets);
	for (size_t i = 0; i < n; i++)
		narrow(eval, &suspects[i], packets,
		       actions && actions[suspects[i].target] != ACTION_AUTO);
}
