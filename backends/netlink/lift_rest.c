/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Allow-lists in which a rule drops what the others did not let through. Where these ask for no
 * more than the source, to skip that rule lets in the same packets as copies of them would: and in
 * place, so that all that stands behind it goes on working.
 */
#include "bans.h"
#include "lift_private.h"
#include "nf.h"
#include "tests_of.h"

/* Does the rule drop the packet for certain, if its tests that are not known match? */
static bool
drops(struct eval *eval, const struct rule *rule, const struct packet *packet)
{
	struct evaluation result;

	eval_new_packet(eval);
	eval_rule(eval, rule, packet, VIEW_OUTSIDE, &result);
	for (size_t b = 0; result.match != TRUTH_NO && b < result.n; b++) {
		if (eval_branch(eval, rule->chain, &result.v[b], packet, VIEW_OUTSIDE, 0) !=
		    MAY_DROP)
			return false;
	}
	return result.match != TRUTH_NO && result.n > 0;
}

/* It lets through by itself: no chain that asks for more. */
static bool
just_lets_through(const struct rule *rule)
{
	for (size_t i = rule->core; i < rule->n; i++) {
		if (rule->v[i].is_verdict && rule->v[i].chain)
			return false;
	}
	return true;
}

/* Does `rest` drop just what the suspect lets through of some sources? */
static bool
is_rest_of(struct eval *eval, const struct rule *rest, const struct suspect *s,
	   const struct packets *packets)
{
	if (!s->has_criterion || s->criterion.decides || !just_lets_through(s->rule) ||
	    !tests_no_more(s->rule, s->criterion.uses, rest) || !tests_no_more(rest, NULL, s->rule))
		return false;
	for (size_t p = 0; p < packets->n; p++) {
		if (s->concerns & 1u << p && !drops(eval, rest, &packets->v[p]))
			return false;
	}
	return true;
}

static struct rule *
find_rest(struct eval *eval, const struct suspect *s, const struct packets *packets)
{
	const struct chain *chain = s->rule->chain;

	for (size_t i = place_index(chain, s->rule) + 1; i < chain->n; i++) {
		if (!chain->rules[i]->ours && is_rest_of(eval, chain->rules[i], s, packets))
			return chain->rules[i];
	}
	return NULL;
}

/* Packets to the asked ports that no allow-list without other conditions lets through. */
static bool
drops_others(struct eval *eval, const struct selection *sel, const struct rule *rest,
	     const struct packets *packets)
{
	uint32_t allowed = 0;

	for (size_t i = 0; i < sel->n; i++) {
		const struct suspect *s = &sel->suspects[i];

		if (s->rule->chain == rest->chain && s->effect == EFFECT_ALLOW &&
		    is_rest_of(eval, rest, s, packets))
			allowed |= s->concerns;
	}
	for (size_t p = 0; p < packets->n; p++) {
		struct evaluation result;

		if (allowed & 1u << p || !(rest->reached & 1u << p))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, rest, &packets->v[p], VIEW_OUTSIDE, &result);
		if (result.match != TRUTH_NO)
			return true;
	}
	return false;
}

/* Would what this rule lets through come in for certain, were `rest` out of the way? */
static bool
is_enough(struct eval *eval, const struct suspect *s, struct rule *rest,
	  const struct packets *packets)
{
	bool enough, lifted = rest->lifted;

	rest->lifted = true;
	enough = !(classify_outside(eval, s->rule, s->concerns, packets) & MAY_DROP);
	rest->lifted = lifted;
	return enough;
}

/* Are some allowed sent by way of bans, or limited? Who skips the rest would not meet that. */
static bool
others_ban(struct eval *eval, const struct selection *sel, const struct suspect *s,
	   const struct packets *packets)
{
	for (size_t i = 0; i < sel->n; i++) {
		const struct suspect *other = &sel->suspects[i];

		if (other->rule->chain->table != s->rule->chain->table)
			continue;
		if (lift_checked_by(eval, other, s->concerns, packets))
			return true;
		if (other->effect == EFFECT_ALLOW && other->rule->bases & s->rule->bases &&
		    other->concerns & s->concerns && lift_ban_of(eval, other, NULL, packets))
			return true;
	}
	return false;
}

/* A copy before `rest` must not pass by bans behind it, to which nobody comes now. */
static int
check_copy(struct eval *eval, const struct suspect *s, const struct rule *rest,
	   const struct packets *packets, struct err *e)
{
	const struct leap leap = { .rule = s->rule,
				   .place = { rest->chain, rest },
				   .anyway = true };
	const struct rule *ban = bans_bypassed(eval, &leap, s->concerns, packets);

	return ban ? lift_refuse_ban(e, s->rule, ban) : 0;
}

int
lift_plan_rest(struct lift *lift, struct eval *eval, const struct selection *sel,
	       const struct suspect *s, bool *done, struct err *e)
{
	struct suspect rest = { .target = s->target, .effect = EFFECT_DENY };
	const struct packets *packets = &lift->packets;

	rest.rule = find_rest(eval, s, packets);
	rest.concerns = s->concerns;
	*done = rest.rule && lift_is_planned(lift, rest.rule);
	if (*done || !rest.rule)
		return 0;
	if (!is_enough(eval, s, rest.rule, packets) ||
	    drops_others(eval, sel, rest.rule, packets) ||
	    bans_skipped(eval, rest.rule, rest.concerns, packets) ||
	    others_ban(eval, sel, s, packets))
		return check_copy(eval, s, rest.rule, packets, e);
	*done = true;
	rest.rule->lifted = true;
	return lift_plan_skip(lift, &rest, e);
}
