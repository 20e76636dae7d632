/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bans.h"

#include <string.h>

#include "criterion.h"
#include "facts.h"
#include "nf.h"

#define DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE */

enum met {
	MET_WITHOUT = 1 << 0, /* on the way that goes on where the copy is to stand */
	MET_WITH = 1 << 1,    /* on the way that the copy sends a packet */
};

struct way {
	struct eval *eval;
	const struct packet *packet;
	uint32_t bit;
	unsigned how; /* enum met */
	bool limits;  /* what drops too many packets counts as well */
	bool anyway;  /* and what no packet comes to now */
};

size_t
place_index(const struct chain *chain, const struct rule *rule)
{
	size_t i = 0;

	while (i < chain->n && chain->rules[i] != rule)
		i++;
	return i;
}

/* --- is it a ban? --- */

/* Are its chains followed in any case? Then what stands in there is the ban. */
static bool
leads_anyway(const struct way *w, const struct rule *rule)
{
	struct evaluation result;
	bool leads = false;

	eval_new_packet(w->eval);
	eval_rule(w->eval, rule, w->packet, VIEW_OUTSIDE, &result);
	for (size_t i = 0; result.match != TRUTH_NO && i < result.n; i++)
		leads |= result.v[i].chain != NULL;
	return leads;
}

/* It drops sources that it looks for, or packets with a mark that these may have; not others. */
static bool
is_ban(const struct way *w, const struct rule *rule)
{
	struct eval *eval = w->eval;
	bool mark = eval->source_mark, ctmark = eval->source_ctmark, ban;

	if (leads_anyway(w, rule) || eval_may_drop(eval, rule, w->packet, VIEW_OUTSIDE))
		return false;
	eval->source_mark = eval->source_ctmark = eval->read_source_maps = true;
	ban = eval_may_drop(eval, rule, w->packet, VIEW_INSIDE);
	if (!ban && w->limits) {
		eval->over_limits = true;
		ban = eval_may_drop(eval, rule, w->packet, VIEW_INSIDE);
		eval->over_limits = false;
	}
	eval->source_mark = mark;
	eval->source_ctmark = ctmark;
	eval->read_source_maps = false;
	return ban;
}

/* A limit is no rule that packets come to: it takes those that are too many. */
static bool
may_ban(const struct way *w, const struct rule *rule)
{
	return !rule->lifted && !rule->ours && (rule->reached & w->bit || w->limits || w->anyway);
}

/* --- following --- */

static bool follow(const struct way *w, const struct chain *chain, size_t from, unsigned depth);

/* Where the branch leads; true: it comes back to the rule's chain, or ends that as if at its end.
 */
static bool
follow_branch(const struct way *w, const struct chain *chain, const struct branch *branch,
	      unsigned depth)
{
	const struct chain *to;

	switch ((int32_t)branch->verdict) {
	case NFT_JUMP:
	case NFT_GOTO:
		to = branch->chain ? ruleset_chain(w->eval->rs, chain->table, branch->chain) : NULL;
		return !to || follow(w, to, 0, depth + 1);
	case NF_ACCEPT:
	case NF_STOLEN:
	case NF_QUEUE:
		return false;
	default:
		return true; /* of a drop: as if it were out of the way */
	}
}

static bool
ends_chain(const struct branch *branch)
{
	return (int32_t)branch->verdict == NFT_GOTO || (int32_t)branch->verdict == NFT_RETURN;
}

/* Follows what the rule does; false: nothing comes to the next one. *falls: but out of the chain.
 */
static bool
follow_rule(const struct way *w, const struct rule *rule, unsigned depth, bool *falls)
{
	struct evaluation result;
	bool goes_on;

	eval_new_packet(w->eval);
	eval_rule(w->eval, rule, w->packet, VIEW_OUTSIDE, &result);
	goes_on = result.match != TRUTH_YES || result.unread;
	for (size_t i = 0; result.match != TRUTH_NO && i < result.n; i++) {
		if (!follow_branch(w, rule->chain, &result.v[i], depth))
			continue;
		if (ends_chain(&result.v[i]))
			*falls = true;
		else
			goes_on = true;
	}
	return goes_on;
}

/* Meets the rules from there on; true: a packet may come out at the chain's end. */
static bool
follow(const struct way *w, const struct chain *chain, size_t from, unsigned depth)
{
	bool falls = false;

	for (size_t i = from; i < chain->n && depth < DEPTH_MAX && w->eval->budget > 0; i++) {
		struct rule *rule = chain->rules[i];

		if (!may_ban(w, rule))
			continue;
		w->eval->budget--;
		if (!(rule->met & w->how) && is_ban(w, rule))
			rule->met |= w->how;
		if (!follow_rule(w, rule, depth, &falls))
			return falls;
	}
	return true;
}

/* How the rule may lead to the chain: NFT_JUMP, NFT_GOTO, or NFT_CONTINUE for not at all. */
static int32_t
leads_to(const struct way *w, const struct rule *rule, const struct chain *to)
{
	struct evaluation result;

	eval_new_packet(w->eval);
	eval_rule(w->eval, rule, w->packet, VIEW_ANYWHERE, &result);
	for (size_t i = 0; result.match != TRUTH_NO && i < result.n; i++) {
		if (result.v[i].chain && strcmp(result.v[i].chain, to->name) == 0)
			return (int32_t)result.v[i].verdict;
	}
	return result.match != TRUTH_NO && result.unread ? NFT_JUMP : NFT_CONTINUE;
}

/* The packet came out at the end of the chain: it goes on wherever that was jumped to. */
static void
follow_callers(const struct way *w, const struct chain *chain, unsigned depth)
{
	const struct ruleset *rs = w->eval->rs;

	for (size_t i = 0; !chain->base && depth < DEPTH_MAX && i < rs->n_chains; i++) {
		const struct chain *caller = rs->chains[i];

		for (size_t j = 0; caller->table == chain->table && j < caller->n; j++) {
			int32_t how;

			if (!(caller->rules[j]->reached & w->bit))
				continue;
			how = leads_to(w, caller->rules[j], chain);
			if (how == NFT_GOTO ||
			    (how == NFT_JUMP && follow(w, caller, j + 1, depth + 1)))
				follow_callers(w, caller, depth + 1);
		}
	}
}

/* --- with and without --- */

/* Is there a ban in any chain that a rule of the table may lead to? */
static bool
chains_ban(const struct way *w, const struct table *table)
{
	const struct ruleset *rs = w->eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		for (size_t j = 0; chain->table == table && !chain->base && j < chain->n; j++) {
			if (may_ban(w, chain->rules[j]) && is_ban(w, chain->rules[j]))
				return true;
		}
	}
	return false;
}

/* What the rule does to sources that it is for. A big map is read only where it may matter. */
static void
evaluate_taken(const struct way *w, const struct rule *rule, struct evaluation *result)
{
	struct way any = *w;

	eval_new_packet(w->eval);
	eval_rule(w->eval, rule, w->packet, VIEW_INSIDE, result);
	any.limits = true;
	if (!result->unread || !chains_ban(&any, rule->chain->table))
		return;
	w->eval->read_source_maps = w->eval->read_ports = true;
	eval_new_packet(w->eval);
	eval_rule(w->eval, rule, w->packet, VIEW_INSIDE, result);
	w->eval->read_source_maps = w->eval->read_ports = false;
}

/* Rules that lead some sources to a drop, others to where too much of theirs is dropped. */
static bool
only_limits(const struct way *w, const struct chain *chain, const struct branch *branch)
{
	return branch->chain &&
	       !(eval_branch(w->eval, chain, branch, w->packet, VIEW_OUTSIDE, 0) & MAY_DROP);
}

/* The rule takes the packet, and does this or, with NULL, what it says; then it goes on there. */
static void
take_rule(const struct way *w, const struct rule *rule, const struct branch *verdict,
	  const struct chain *chain, size_t next)
{
	struct evaluation result;
	bool falls = false;

	if (verdict) {
		result.v[0] = *verdict;
		result.n = 1;
	} else {
		evaluate_taken(w, rule, &result);
	}
	for (size_t i = 0; i < result.n; i++) {
		struct way way = *w;

		way.limits = w->limits || only_limits(w, chain, &result.v[i]);
		if (follow_branch(&way, chain, &result.v[i], 0))
			falls |= ends_chain(&result.v[i]) || follow(w, chain, next, 0);
	}
	if (falls)
		follow_callers(w, chain, 0);
}

static void
go_without(struct way *w, const struct leap *leap)
{
	const struct chain *chain = leap->place.chain;

	w->how = MET_WITHOUT;
	w->limits = false;
	if (follow(w, chain, place_index(chain, leap->place.before), 0))
		follow_callers(w, chain, 0);
	/* Of a map, whatever it leads to: the copy sends everybody one way. */
	if (leap->verdict)
		take_rule(w, leap->rule, NULL, leap->rule->chain,
			  place_index(leap->rule->chain, leap->rule) + 1);
}

static void
go_with(struct way *w, const struct leap *leap)
{
	const struct chain *chain = leap->place.chain;

	w->how = MET_WITH;
	w->limits = true;
	take_rule(w, leap->rule, leap->verdict, chain, place_index(chain, leap->place.before));
}

static void
forget(const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++)
			rs->chains[i]->rules[j]->met = 0;
	}
}

/* `ip saddr 224.0.0.0/4 drop`: no CA is there, and no country. */
static bool
drops_special(const struct ruleset *rs, const struct rule *rule)
{
	struct criteria all;
	bool special = false;

	criteria_find(&all, rs, rule);
	for (size_t i = 0; i < all.n; i++) {
		struct set_facts facts;

		if (all.v[i].of != OF_SOURCE || all.v[i].inverted)
			continue;
		if (all.v[i].kind != SOURCE_LITERAL)
			return false;
		facts_of_literal(&facts, rule, &all.v[i]);
		special = facts.special > 0;
	}
	return special;
}

static const struct rule *
find_bypassed(const struct ruleset *rs, bool special)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			const struct rule *rule = rs->chains[i]->rules[j];

			if (rule->met == MET_WITHOUT && (special || !drops_special(rs, rule)))
				return rule;
		}
	}
	return NULL;
}

const struct rule *
bans_bypassed(struct eval *eval, const struct leap *leap, uint32_t concerns,
	      const struct packets *packets)
{
	const struct rule *found = NULL;

	for (size_t p = 0; !found && p < packets->n; p++) {
		struct way way = { .eval = eval,
				   .packet = &packets->v[p],
				   .bit = 1u << p,
				   .anyway = leap->anyway };

		if (!(concerns & way.bit))
			continue;
		forget(eval->rs);
		go_without(&way, leap);
		go_with(&way, leap);
		found = find_bypassed(eval->rs, true);
	}
	return found;
}

const struct rule *
bans_met(struct eval *eval, const struct chain *chain, const struct branch *branch,
	 const struct packet *packet, uint32_t bit)
{
	struct way way = {
		.eval = eval, .packet = packet, .bit = bit, .how = MET_WITHOUT, .limits = true
	};

	forget(eval->rs);
	follow_branch(&way, chain, branch, 0);
	return find_bypassed(eval->rs, true);
}

/* Does the rule send a packet that it takes to another chain, or back to the caller? */
static bool
sends_away(const struct way *w, const struct rule *rule)
{
	struct evaluation result;
	bool away;

	eval_new_packet(w->eval);
	eval_rule(w->eval, rule, w->packet, VIEW_INSIDE, &result);
	away = result.unread;
	for (size_t i = 0; i < result.n; i++)
		away |= result.v[i].chain || ends_chain(&result.v[i]);
	return away;
}

const struct rule *
bans_skipped(struct eval *eval, const struct rule *rule, uint32_t concerns,
	     const struct packets *packets)
{
	const struct rule *found = NULL;
	size_t next = place_index(rule->chain, rule) + 1;

	for (size_t p = 0; !found && p < packets->n; p++) {
		struct way way = { .eval = eval, .packet = &packets->v[p], .bit = 1u << p };

		if (!(concerns & way.bit) || !sends_away(&way, rule))
			continue;
		forget(eval->rs);
		way.how = MET_WITHOUT;
		take_rule(&way, rule, NULL, rule->chain, next);
		way.how = MET_WITH;
		way.limits = true;
		if (follow(&way, rule->chain, next, 0))
			follow_callers(&way, rule->chain, 0);
		found = find_bypassed(eval->rs, false);
	}
	return found;
}
