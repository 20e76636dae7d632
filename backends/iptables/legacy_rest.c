/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bans behind the rule that stops whoever a list does not let through: nobody comes to them, but
 * all would if the geo-block were away. A copy of the list's rule for everybody passes them by; to
 * skip the rule that stops the others does not.
 */
#include "legacy_part.h"
#include "legacy_select_private.h"

#define DEPTH_MAX 8u /* of jumps */

/* --- bans --- */

/* Stops sources, or packets with a mark that these may have. */
static bool
is_ban(const struct selection *s, const struct rule *rule)
{
	return (rule->sources || rule->mark) && reach_rule_denies(&s->reach, rule) &&
	       !s->meant[rule->at - s->save->rules];
}

static bool
ends_way(const struct selection *s, const struct rule *rule, size_t k)
{
	unsigned verdict = reach_verdict(&s->reach, rule, k);

	return reach_meets_unnamed(&s->reach, rule, k) == TRUTH_YES && !(verdict & MAY_FALL);
}

/* How a packet goes on that no list names. */
enum way {
	WAY_STOPS,  /* or is let through, or banned */
	WAY_LEAVES, /* the chain */
	WAY_ON,
};

static enum way way_from(const struct selection *s, size_t in, size_t from, size_t k,
			 unsigned depth, const struct rule **ban);

static enum way
way_by(const struct selection *s, const struct rule *rule, size_t k, unsigned depth,
       const struct rule **ban)
{
	const bool all = reach_meets_unnamed(&s->reach, rule, k) == TRUTH_YES;

	if (!reach_meets(&s->reach, rule, k))
		return WAY_ON;
	if (is_ban(s, rule)) {
		*ban = rule;
		return WAY_STOPS;
	}
	if (rule->target == RULE_CHAIN && !rule->named && depth > 0)
		way_from(s, rule->chain, s->save->chains[rule->chain].first, k, depth - 1, ban);
	if (*ban || ends_way(s, rule, k))
		return WAY_STOPS;
	return all && (rule->target == RULE_RETURN || rule->is_goto) ? WAY_LEAVES : WAY_ON;
}

/* WAY_LEAVES also at the chain's end. */
static enum way
way_from(const struct selection *s, size_t in, size_t from, size_t k, unsigned depth,
	 const struct rule **ban)
{
	const struct save_chain *chain = &s->save->chains[in];
	enum way way = WAY_ON;

	for (size_t i = from; i < chain->first + chain->n && way == WAY_ON; i++)
		way = way_by(s, reach_rule(&s->reach, i), k, depth, ban);
	return way == WAY_STOPS ? WAY_STOPS : WAY_LEAVES;
}

static const struct rule *
ban_behind_jumps(const struct selection *s, size_t chain, size_t k, unsigned depth)
{
	const struct rule *ban = NULL;

	for (size_t i = 0; i < s->save->n_rules && depth > 0 && !ban; i++) {
		const struct rule *jump = reach_rule(&s->reach, i);
		const size_t in = jump->at->chain;
		enum way way = WAY_LEAVES;

		if (jump->target != RULE_CHAIN || jump->chain != chain || !s->reach.hooks[in] ||
		    !reach_meets(&s->reach, jump, k))
			continue;
		if (!jump->is_goto)
			way = way_from(s, in, i + 1, k, DEPTH_MAX, &ban);
		if (!ban && way == WAY_LEAVES)
			ban = ban_behind_jumps(s, in, k, depth - 1);
	}
	return ban;
}

const struct rule *
edit_ban_behind(const struct selection *s, const struct rule *list, size_t rest, size_t k)
{
	const size_t in = s->save->rules[rest].chain;
	const struct rule *ban = NULL;

	/* What is sent out of its chain meets the bans that stand where it comes to. */
	if (way_from(s, in, rest + 1, k, DEPTH_MAX, &ban) == WAY_LEAVES &&
	    list->target != RULE_RETURN)
		ban = ban_behind_jumps(s, in, k, DEPTH_MAX);
	return ban;
}

/* --- skipping --- */

/* A packet that is not stopped there is let through for certain, but for bans. */
static bool
comes_through(const struct selection *s, size_t rest, size_t k)
{
	unsigned after = reach_after(&s->reach, rest, k);

	if (after & MAY_FALL)
		after |= reach_end(&s->reach, s->save->rules[rest].chain, k);
	return (after & (MAY_ACCEPT | MAY_DROP)) == MAY_ACCEPT;
}

/* Packets of other states would come along. */
static bool
asks_for_state(const struct rule *rule)
{
	struct part part;

	for (size_t i = 0;
	     i < rule->at->n && part_read(rule->at, i, &part) && !part_is_target(&part);
	     i = part.to)
		if (part.option == OPT_STATE)
			return true;
	return false;
}

/* Does the list's rule let through some of just the packets that the other one stops? */
static bool
is_list_of(const struct rule *list, const struct rule *rest)
{
	return list->sources && (list->target == RULE_ACCEPT || list->target == RULE_RETURN) &&
	       !asks_for_state(list) && edit_asks_no_more(list, rest) &&
	       edit_asks_no_more(rest, list);
}

/* Some list's rule of the target lets packet k through, of some sources. */
static bool
is_listed(const struct selection *s, size_t rest, size_t k)
{
	const size_t chain = s->save->rules[rest].chain;

	for (size_t i = s->save->chains[chain].first; i < rest; i++) {
		const struct rule *rule = s->meant[i] ? reach_rule(&s->reach, i) : NULL;

		if (rule && reach_meets(&s->reach, rule, k) &&
		    is_list_of(rule, reach_rule(&s->reach, rest)))
			return true;
	}
	return false;
}

/* Who does not go there would pass by what stands there. */
static bool
leads_to_ban(const struct selection *s, const struct rule *rest, size_t k)
{
	const struct rule *ban = NULL;

	if (rest->target == RULE_CHAIN)
		way_from(s, rest->chain, s->save->chains[rest->chain].first, k, DEPTH_MAX, &ban);
	return ban != NULL;
}

bool
edit_may_skip_rest(const struct selection *s, const struct rule *list, size_t rest)
{
	const struct rule *rule = reach_rule(&s->reach, rest);

	if (list->at->chain != rule->at->chain || s->target->action == ACTION_WIDEN ||
	    !is_list_of(list, rule))
		return false;
	for (size_t k = 0; k < s->reach.n_packets; k++)
		if (reach_meets(&s->reach, rule, k) &&
		    (!is_listed(s, rest, k) || !comes_through(s, rest, k) ||
		     leads_to_ban(s, rule, k) || edit_check_before(s, rest, k)))
			return false;
	return true;
}
