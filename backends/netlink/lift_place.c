/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a copy that lets everybody through is put: behind the rule that it copies, and as far back
 * as packets come. A source that is banned anywhere on that way stays banned; were the copy before
 * the rule, all bans behind it would be passed by.
 */
#include <string.h>

#include "lift_private.h"
#include "nf.h"
#include "sends.h"
#include "tests_of.h"

struct search {
	struct eval *eval;
	const struct lift_step *step;
	const struct packets *packets;
	uint32_t concerns;
	bool anyway;            /* also where nothing seems to drop packets */
	const struct rule *ban; /* the first that was in the way */
};

/* --- how far packets come --- */

enum barrier {
	BARRIER_NONE,
	BARRIER_MAYBE, /* some packets may be dropped there, or leave the chain */
	BARRIER_ALL,
};

static bool
leaves(const struct branch *branch)
{
	return (int32_t)branch->verdict == NFT_RETURN || (int32_t)branch->verdict == NFT_GOTO;
}

static enum barrier
barrier_for(const struct search *s, const struct rule *rule, const struct packet *packet)
{
	struct evaluation result;
	bool some, all;

	eval_new_packet(s->eval);
	eval_rule(s->eval, rule, packet, VIEW_OUTSIDE, &result);
	if (result.match == TRUTH_NO)
		return BARRIER_NONE;
	some = result.unread;
	all = result.match == TRUTH_YES && !result.unread;
	for (size_t i = 0; i < result.n; i++) {
		unsigned o =
			eval_branch(s->eval, rule->chain, &result.v[i], packet, VIEW_OUTSIDE, 0);

		some |= leaves(&result.v[i]) || o & MAY_DROP;
		all &= leaves(&result.v[i]) || !(o & MAY_FALL);
	}
	return all ? BARRIER_ALL : some ? BARRIER_MAYBE : BARRIER_NONE;
}

/* The worst for any of the packets. */
static enum barrier
barrier_at(const struct search *s, const struct rule *rule)
{
	enum barrier worst = BARRIER_NONE;

	for (size_t p = 0; p < s->packets->n; p++) {
		enum barrier b;

		if (!(s->concerns & 1u << p))
			continue;
		b = barrier_for(s, rule, &s->packets->v[p]);
		worst = b > worst ? b : worst;
	}
	return worst;
}

/* The first rule from there on that is at least such a barrier; NULL: the end of the chain. */
static const struct rule *
next_barrier(const struct search *s, const struct chain *chain, size_t from, enum barrier least)
{
	for (size_t i = from; i < chain->n; i++) {
		const struct rule *rule = chain->rules[i];

		if (!rule->lifted && !rule->ours && barrier_at(s, rule) >= least)
			return rule;
	}
	return NULL;
}

/* --- is it a good place? --- */

/* Is there still something that drops the packets? Else the copy comes too late. */
static bool
drops_from(const struct search *s, const struct place *place)
{
	size_t from = place_index(place->chain, place->before);

	for (size_t p = 0; p < s->packets->n; p++) {
		unsigned o;

		if (!(s->concerns & 1u << p))
			continue;
		eval_new_packet(s->eval);
		o = eval_chain(s->eval, place->chain, from, &s->packets->v[p], VIEW_OUTSIDE, 0);
		if (o & MAY_DROP ||
		    (o & MAY_FALL && (!place->chain->base || place->chain->policy == NF_DROP)))
			return true;
	}
	return false;
}

static bool
try_place(struct search *s, struct lift_step *step, const struct chain *chain,
	  const struct rule *before)
{
	struct leap leap = { .rule = step->suspect.rule, .place = { chain, before } };
	const struct rule *ban;

	if (step->suspect.criterion.decides)
		leap.verdict = &step->verdict;
	if (!s->anyway && !drops_from(s, &leap.place))
		return false;
	ban = bans_bypassed(s->eval, &leap, s->concerns, s->packets);
	if (!s->ban)
		s->ban = ban;
	if (!ban)
		step->place = leap.place;
	return !ban;
}

/* Before what drops some, or else before what nobody passes; *end: they come to the chain's end. */
static bool
try_chain(struct search *s, struct lift_step *step, const struct chain *chain, size_t from,
	  bool *end)
{
	const struct rule *some = next_barrier(s, chain, from, BARRIER_MAYBE);
	const struct rule *all =
		some ? next_barrier(s, chain, place_index(chain, some), BARRIER_ALL) : NULL;

	*end = all == NULL;
	return try_place(s, step, chain, some) || (all != some && try_place(s, step, chain, all));
}

/* --- further up --- */

static bool
leads_to(const struct search *s, const struct rule *rule, const struct chain *to)
{
	for (size_t p = 0; p < s->packets->n; p++) {
		struct evaluation result;

		if (!(rule->reached & 1u << p))
			continue;
		eval_new_packet(s->eval);
		eval_rule(s->eval, rule, &s->packets->v[p], VIEW_ANYWHERE, &result);
		for (size_t i = 0; result.match != TRUTH_NO && i < result.n; i++) {
			if (result.v[i].chain && strcmp(result.v[i].chain, to->name) == 0)
				return true;
		}
		if (result.match != TRUTH_NO && result.unread)
			return true;
	}
	return false;
}

static bool
is_jump(const struct rule *rule, const struct chain *to)
{
	const struct expr *last = rule->n > 0 ? &rule->v[rule->n - 1] : NULL;

	return last && last->is_verdict && (int32_t)last->verdict == NFT_JUMP && last->chain &&
	       strcmp(last->chain, to->name) == 0;
}

/* The only rule that leads to the chain, if it jumps there and asks for nothing but ports. */
static const struct rule *
find_caller(const struct search *s, const struct chain *to)
{
	const struct ruleset *rs = s->eval->rs;
	const struct rule *found = NULL;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		for (size_t j = 0; chain->table == to->table && j < chain->n; j++) {
			if (chain->rules[j]->ours || !leads_to(s, chain->rules[j], to))
				continue;
			if (found)
				return NULL;
			found = chain->rules[j];
		}
	}
	return found && is_jump(found, to) && tests_no_more(found, NULL, NULL) ? found : NULL;
}

/* Does it do nothing else than to accept? What it does is the same in every chain then. */
static bool
just_accepts(const struct search *s)
{
	const struct suspect *suspect = &s->step->suspect;

	if (suspect->criterion.decides)
		return (int32_t)s->step->verdict.verdict == NF_ACCEPT;
	for (size_t i = suspect->rule->core; i < suspect->rule->n; i++) {
		const struct expr *x = &suspect->rule->v[i];

		if (x->is_verdict)
			return (int32_t)x->verdict == NF_ACCEPT;
	}
	return false;
}

/* Does the map drop the packet, by a verdict or in a chain, whoever sends it? */
static bool
map_drops(const struct search *s, const struct packet *packet)
{
	const struct rule *rule = s->step->suspect.rule;
	struct evaluation result;
	bool drops = false;

	s->eval->read_source_maps = true;
	eval_new_packet(s->eval);
	eval_rule(s->eval, rule, packet, VIEW_INSIDE, &result);
	s->eval->read_source_maps = false;
	for (size_t i = 0; result.match != TRUTH_NO && i < result.n; i++)
		drops |= eval_branch(s->eval, rule->chain, &result.v[i], packet, VIEW_OUTSIDE, 0) &
			 MAY_DROP;
	return drops || result.unread;
}

/* A verdict map that also drops: of all that it does, only the copy's may come to the packets. */
static bool
drops_itself(const struct search *s)
{
	bool drops = false;

	for (size_t p = 0; s->step->suspect.criterion.decides && p < s->packets->n; p++)
		drops |= s->concerns & 1u << p && map_drops(s, &s->packets->v[p]);
	return drops;
}

bool
lift_find_place(struct lift *lift, struct eval *eval, struct lift_step *step,
		const struct rule **ban)
{
	struct search s = { .eval = eval,
			    .step = step,
			    .packets = &lift->packets,
			    .concerns = step->suspect.concerns };
	const struct rule *rule = step->suspect.rule;
	bool end = true;

	s.anyway = lift->request.targets[step->target]->action == ACTION_WIDEN || sends_on(rule);
	if (drops_itself(&s)) {
		bool found = try_place(&s, step, rule->chain, rule);

		*ban = s.ban;
		return found;
	}
	while (rule && !try_chain(&s, step, rule->chain, place_index(rule->chain, rule) + 1, &end))
		rule = end && just_accepts(&s) ? find_caller(&s, rule->chain) : NULL;
	*ban = s.ban;
	return rule != NULL;
}
