/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classify.h"

#include "nf.h"

/* A branch that leaves the rule's chain for its caller: in a base chain that is the policy. */
static unsigned
leave(const struct chain *chain)
{
	if (!chain->base)
		return MAY_ACCEPT; /* past the rest of the chain, which drops or does nothing */
	return chain->policy == NF_DROP ? MAY_DROP : MAY_ACCEPT;
}

static unsigned
branch_outcomes(struct eval *eval, const struct chain *chain, const struct branch *branch,
		const struct packet *packet)
{
	unsigned o = eval_branch(eval, chain, branch, packet, VIEW_OUTSIDE, 0);

	if (o & MAY_FALL &&
	    ((int32_t)branch->verdict == NFT_RETURN || (int32_t)branch->verdict == NFT_GOTO))
		o |= leave(chain);
	return o & (MAY_ACCEPT | MAY_DROP);
}

/* What the rule does with a packet whose source it looks for. */
static unsigned
inside_outcomes(struct eval *eval, const struct suspect *s, const struct packet *packet,
		bool *matches, bool *unread)
{
	struct evaluation result;
	unsigned outcomes = 0;

	eval_new_packet(eval);
	eval_rule(eval, s->rule, packet, VIEW_INSIDE, &result);
	*matches = result.match != TRUTH_NO;
	if (!*matches)
		return 0;
	*unread |= result.unread;
	for (size_t i = 0; i < result.n; i++)
		outcomes |= branch_outcomes(eval, s->rule->chain, &result.v[i], packet);
	return outcomes;
}

static void
look_inside(struct eval *eval, struct suspect *s, const struct packets *packets)
{
	unsigned outcomes = 0;
	bool unread = false;

	s->concerns = 0;
	for (size_t p = 0; p < packets->n; p++) {
		bool matches;

		if (!(s->rule->reached & 1u << p))
			continue;
		outcomes |= inside_outcomes(eval, s, &packets->v[p], &matches, &unread);
		if (matches)
			s->concerns |= 1u << p;
	}
	s->effect = outcomes & MAY_DROP ? EFFECT_DENY : outcomes ? EFFECT_ALLOW : EFFECT_NONE;
	s->unclear = unread || outcomes == (MAY_ACCEPT | MAY_DROP);
	if (s->unclear)
		s->effect = EFFECT_DENY;
}

unsigned
classify_outside(struct eval *eval, const struct rule *rule, uint32_t concerns,
		 const struct packets *packets)
{
	unsigned outcomes = 0;

	for (size_t i = 0; i < eval->rs->n_chains; i++) {
		const struct chain *base = eval->rs->chains[i];

		if (!base->base || !base->table->loaded || !(rule->bases & base_bit(i)))
			continue;
		for (size_t p = 0; p < packets->n; p++) {
			if (concerns & 1u << p && eval_sees(base, &packets->v[p]))
				outcomes |= eval_base(eval, base, &packets->v[p], VIEW_OUTSIDE);
		}
	}
	return outcomes;
}

/*
 * A rule that may drop and may let through is a deny-list if packets that it does not touch come
 * through, and an allow-list if they do not.
 */
static void
settle(struct eval *eval, struct suspect *s, const struct packets *packets)
{
	unsigned outside = classify_outside(eval, s->rule, s->concerns, packets);

	if (!(outside & MAY_DROP))
		return;
	if (!eval->read_source_maps && s->criterion.decides) {
		eval->read_source_maps = true;
		look_inside(eval, s, packets);
		eval->read_source_maps = false;
	}
	if (s->unclear && outside == MAY_DROP) {
		s->effect = EFFECT_ALLOW;
		s->rule->lifted = false;
	} else {
		s->rule->lifted = s->effect == EFFECT_DENY;
	}
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
		s->rule->lifted = s->effect == EFFECT_DENY;
	}
	for (size_t i = 0; i < n; i++) {
		if (suspects[i].unclear)
			settle(eval, &suspects[i], packets);
	}
}
