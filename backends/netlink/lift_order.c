/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several allow-lists: one lets its sources through a chain that bans some of them, another lets
 * its own through at once. Who is in neither is let in by both copies, and is not to get past the
 * bans. The same if a rule sends the allowed through such a chain before another lets them in.
 */
#include "lift_private.h"
#include "nf.h"

const struct rule *
lift_ban_of(struct eval *eval, const struct suspect *s, const struct branch *verdict,
	    const struct packets *packets)
{
	const struct rule *ban = NULL;

	for (size_t p = 0; !ban && p < packets->n; p++) {
		struct evaluation result;

		if (!(s->concerns & 1u << p))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, s->rule, &packets->v[p], VIEW_INSIDE, &result);
		if (verdict) {
			result.v[0] = *verdict;
			result.n = 1;
		}
		for (size_t i = 0; !ban && i < result.n; i++)
			if (result.v[i].chain)
				ban = bans_met(eval, s->rule->chain, &result.v[i], &packets->v[p],
					       1u << p);
	}
	return ban;
}

static const struct rule *
find_ban(struct eval *eval, const struct lift_step *step, const struct packets *packets)
{
	const struct suspect *s = &step->suspect;

	return lift_ban_of(eval, s, s->criterion.decides ? &step->verdict : NULL, packets);
}

/* Do packets come to both copies, and to the first one first? */
static bool
is_passed_by(const struct lift_step *first, const struct lift_step *step)
{
	const struct place *a = &first->place, *b = &step->place;

	return first->action == ACTION_WIDEN && first->suspect.concerns & step->suspect.concerns &&
	       a->chain == b->chain &&
	       place_index(a->chain, a->before) <= place_index(b->chain, b->before);
}

/* Puts step i before step k; what is between them moves on. */
static void
move(struct lift *lift, size_t i, size_t k)
{
	struct lift_step step = lift->steps[i];

	for (; i > k; i--)
		lift->steps[i] = lift->steps[i - 1];
	lift->steps[k] = step;
}

static int
order_copy(struct lift *lift, struct eval *eval, size_t i, const struct rule *ban, struct err *e)
{
	size_t to = i;
	char where[WHERE_BUF];

	for (size_t k = 0; k < lift->n; k++) {
		const struct lift_step *other = &lift->steps[k];

		if (k == i || !is_passed_by(other, &lift->steps[i]) ||
		    find_ban(eval, other, &lift->packets))
			continue;
		if (other->place.before != lift->steps[i].place.before)
			return lift_refuse(
				e, other->suspect.rule,
				"it lets packets through before they come to another allow rule, "
				"and so past rule %s, which keeps some of that one's sources out: "
				"move this rule behind the other",
				lift_where_rule(where, ban));
		to = k < to ? k : to;
	}
	move(lift, i, to);
	return 0;
}

/* --- what the allowed are sent through before --- */

/* Which packets the rule drops if too many come; of others it does not drop any. */
static uint32_t
limited_by(struct eval *eval, const struct rule *rule, const struct packets *packets)
{
	uint32_t limited = 0;

	eval->over_limits = true;
	for (size_t p = 0; p < packets->n; p++)
		limited |= (uint32_t)eval_may_drop(eval, rule, &packets->v[p], VIEW_INSIDE) << p;
	eval->over_limits = false;
	return limited;
}

uint32_t
lift_checked_by(struct eval *eval, const struct suspect *s, uint32_t concerns,
		const struct packets *packets)
{
	/* An inverted one takes those who are let in, too. */
	if (s->effect != EFFECT_NONE || !s->has_criterion || s->criterion.of != OF_SOURCE ||
	    s->criterion.decides || s->criterion.inverted)
		return 0;
	if (!s->concerns)
		return limited_by(eval, s->rule, packets) & concerns;
	return lift_ban_of(eval, s, NULL, packets) ? s->concerns & concerns : 0;
}

/* Of the copy's packets, those that the suspect may keep out before they come to the copied rule.
 */
static uint32_t
checks_copy(struct eval *eval, const struct suspect *s, const struct lift_step *step,
	    const struct packets *packets)
{
	const struct chain *chain = s->rule->chain;

	if (step->action != ACTION_WIDEN || step->suspect.effect != EFFECT_ALLOW ||
	    chain->table != step->place.chain->table ||
	    (chain == step->place.chain &&
	     place_index(chain, s->rule) >= place_index(chain, step->place.before)))
		return 0;
	/* A limit is no rule that packets come to, so that its way is not known. */
	if (s->concerns ? !(s->rule->bases & step->suspect.rule->bases)
			: chain != step->suspect.rule->chain)
		return 0;
	return lift_checked_by(eval, s, step->suspect.concerns, packets);
}

/* A copy for everybody whom copy k lets in, right before that. */
static int
add_check(struct lift *lift, const struct suspect *s, size_t k, uint32_t checked, struct err *e)
{
	const struct lift_step copy = lift->steps[k];
	struct lift_step *step;

	step = lift_add_copy(lift, s, e);
	if (!step)
		return -1;
	step->suspect.concerns = checked;
	step->place = copy.place;
	step->port = copy.port;
	step->only = copy.only;
	step->by_original = copy.by_original;
	if (s->rule->chain->table->iptables)
		lift_iptables_step(lift, step);
	move(lift, lift->n - 1, k);
	return 0;
}

static bool
is_checked(const struct lift *lift, const struct suspect *s, const struct place *place)
{
	for (size_t k = 0; k < lift->n; k++) {
		const struct lift_step *step = &lift->steps[k];

		if (step->action == ACTION_WIDEN && step->suspect.rule == s->rule &&
		    step->place.chain == place->chain && step->place.before == place->before)
			return true;
	}
	return false;
}

static int
add_checks(struct lift *lift, struct eval *eval, const struct suspect *s, struct err *e)
{
	for (size_t k = 0; k < lift->n; k++) {
		uint32_t checked = checks_copy(eval, s, &lift->steps[k], &lift->packets);

		if (checked && !is_checked(lift, s, &lift->steps[k].place) &&
		    add_check(lift, s, k, checked, e) < 0)
			return -1;
	}
	return 0;
}

int
lift_plan_checks(struct lift *lift, struct eval *eval, const struct selection *sel, struct err *e)
{
	for (size_t i = 0; i < sel->n; i++) {
		if (add_checks(lift, eval, &sel->suspects[i], e) < 0)
			return -1;
	}
	return 0;
}

int
lift_order_copies(struct lift *lift, struct eval *eval, struct err *e)
{
	size_t copies = 0;

	for (size_t i = 0; i < lift->n; i++)
		copies += lift->steps[i].action == ACTION_WIDEN;
	for (size_t i = 0; copies > 1 && i < lift->n; i++) {
		const struct rule *ban = NULL;

		if (lift->steps[i].action == ACTION_WIDEN)
			ban = find_ban(eval, &lift->steps[i], &lift->packets);
		if (ban && order_copy(lift, eval, i, ban, e) < 0)
			return -1;
	}
	return 0;
}
