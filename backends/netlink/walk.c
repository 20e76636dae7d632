/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Following a packet through chains; eval.c evaluates the rules on the way. */
#include "eval.h"
#include "mark.h"
#include "nf.h"

#define DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE */

bool
eval_sees(const struct chain *chain, const struct packet *packet)
{
	uint8_t family = chain->table->family;

	return family == NFPROTO_INET || family == NFPROTO_NETDEV || family == packet->family;
}

unsigned
eval_branch(struct eval *eval, const struct chain *chain, const struct branch *branch,
	    const struct packet *packet, enum view view, unsigned depth)
{
	const struct chain *to;

	switch ((int32_t)branch->verdict) {
	case NF_DROP:
		return MAY_DROP;
	case NF_ACCEPT:
	case NF_STOLEN:
	case NF_QUEUE:
		return MAY_ACCEPT;
	case NFT_CONTINUE:
	case NFT_BREAK:
	case NFT_RETURN:
		return MAY_FALL;
	case NFT_JUMP:
	case NFT_GOTO:
		to = branch->chain ? ruleset_chain(eval->rs, chain->table, branch->chain) : NULL;
		if (!to || depth >= DEPTH_MAX)
			return MAY_ACCEPT | MAY_DROP | MAY_FALL;
		return eval_chain(eval, to, 0, packet, view, depth + 1);
	default:
		return MAY_ACCEPT; /* NF_QUEUE with a number */
	}
}

/* Does falling out of this branch end the chain that the rule is in? */
static bool
ends_chain(const struct branch *branch)
{
	return (int32_t)branch->verdict == NFT_GOTO || (int32_t)branch->verdict == NFT_RETURN;
}

/* What a rule that matches may lead to; *goes_on: also to the next rule. */
static unsigned
follow(struct eval *eval, const struct chain *chain, const struct evaluation *result,
       const struct packet *packet, enum view view, unsigned depth, bool *goes_on)
{
	uint32_t mark = eval->mark, ctmark = eval->ctmark;
	unsigned outcomes = 0;

	*goes_on = result->match == TRUTH_MAYBE || result->unread;
	if (result->unread)
		outcomes |= MAY_ACCEPT | MAY_DROP;
	for (size_t i = 0; i < result->n; i++) {
		unsigned o = eval_branch(eval, chain, &result->v[i], packet, view, depth);

		outcomes |= o & (MAY_ACCEPT | MAY_DROP);
		if (o & MAY_FALL && ends_chain(&result->v[i]))
			outcomes |= MAY_FALL;
		else if (o & MAY_FALL)
			*goes_on = true;
	}
	if (packet->addressed && (result->match == TRUTH_MAYBE || result->n > 1)) {
		/* A mark that was written on one of several ways. */
		eval->mark_known &= eval->mark == mark;
		eval->ctmark_known &= eval->ctmark == ctmark;
	}
	return outcomes;
}

/* --- rules that a lift changed --- */

/* Does the copy that widens let the packet through? What the copy marks does not count. */
static bool
copy_matches(const struct eval *eval, const struct rule *rule, const struct packet *packet,
	     enum view view)
{
	struct rule copy = *rule;
	struct evaluation result;
	struct eval aside = *eval;

	copy.ours = false;
	copy.core += MARK_EXPRS;
	eval_rule(&aside, &copy, packet, view, &result);
	return result.match != TRUTH_NO;
}

static bool
returns(const struct evaluation *result)
{
	for (size_t i = 0; i < result->n; i++) {
		if ((int32_t)result->v[i].verdict == NFT_RETURN)
			return true;
	}
	return false;
}

/* What such a rule asks in vain does not matter: a flow that lives was not dropped by it. */
static bool
only_drops(const struct evaluation *result)
{
	for (size_t i = 0; i < result->n; i++) {
		if ((int32_t)result->v[i].verdict != NF_DROP)
			return false;
	}
	return !result->unread;
}

/* The rule itself, without our prefix, was followed to its outcomes. */
static void
note_lifted(struct eval *eval, const struct rule *rule, const struct evaluation *result,
	    unsigned outcomes)
{
	struct lifted *lifted = eval->lifted;

	if (result->match != TRUTH_NO && !eval->source_unclear && mark_has(rule, lifted->txn))
		lifted->stops |= (outcomes & MAY_DROP) || returns(result);
}

/* before: the outcomes of the rules before the copy. */
static void
note_copy(struct eval *eval, const struct rule *copy, const struct packet *packet, enum view view,
	  unsigned before)
{
	if (!mark_has(copy, eval->lifted->txn) || !copy_matches(eval, copy, packet, view))
		return;
	if (before & MAY_ACCEPT)
		eval->lifted->unwidens = true;
	else
		eval->lifted->widens = true;
}

/*
 * As a packet that is judged by its own addresses sees the rule: the same as in eval_chain, and
 * what it has to do with the lift. before: the outcomes of the chain's rules before it.
 */
static unsigned
follow_lifted(struct eval *eval, const struct chain *chain, const struct rule *rule,
	      const struct packet *packet, enum view view, unsigned depth, unsigned before,
	      bool *goes_on)
{
	bool unclear = eval->source_unclear;
	struct evaluation result;
	unsigned outcomes = 0;

	*goes_on = true;
	if (rule->ours) {
		note_copy(eval, rule, packet, view, before);
		return 0;
	}
	eval->source_unclear = false;
	eval_rule(eval, rule, packet, view, &result);
	eval->source_unclear &= result.match == TRUTH_MAYBE;
	if (result.match != TRUTH_NO)
		outcomes = follow(eval, chain, &result, packet, view, depth, goes_on);
	note_lifted(eval, rule, &result, outcomes);
	if (only_drops(&result) && !mark_has(rule, eval->lifted->txn))
		eval->source_unclear = false;
	eval->source_unclear |= unclear;
	return outcomes;
}

unsigned
eval_chain(struct eval *eval, const struct chain *chain, size_t from, const struct packet *packet,
	   enum view view, unsigned depth)
{
	unsigned outcomes = 0;

	for (size_t i = from; i < chain->n; i++) {
		const struct rule *rule = chain->rules[i];
		struct evaluation result;
		bool goes_on;

		if (eval->budget == 0)
			return MAY_ACCEPT | MAY_DROP | MAY_FALL;
		eval->budget--;
		if (rule->lifted)
			continue;
		if (eval->lifted) {
			outcomes |= follow_lifted(eval, chain, rule, packet, view, depth, outcomes,
						  &goes_on);
			if (!goes_on)
				return outcomes;
			continue;
		}
		eval_rule(eval, rule, packet, rule->forced ? VIEW_INSIDE : view, &result);
		if (rule->forced && result.match == TRUTH_MAYBE)
			result.match = TRUTH_YES;
		if (result.match == TRUTH_NO)
			continue;
		outcomes |= follow(eval, chain, &result, packet, view, depth, &goes_on);
		if (!goes_on)
			return outcomes;
	}
	return outcomes | MAY_FALL;
}

bool
eval_may_drop(struct eval *eval, const struct rule *rule, const struct packet *packet,
	      enum view view)
{
	struct evaluation result;

	eval_new_packet(eval);
	eval_rule(eval, rule, packet, view, &result);
	for (size_t i = 0; result.match != TRUTH_NO && i < result.n; i++) {
		if (eval_branch(eval, rule->chain, &result.v[i], packet, view, 0) & MAY_DROP)
			return true;
	}
	return result.match != TRUTH_NO && result.unread;
}

void
eval_new_packet(struct eval *eval)
{
	eval->mark = eval->ctmark = 0;
	eval->mark_known = eval->ctmark_known = true;
	eval->written_known = false;
}

unsigned
eval_base(struct eval *eval, const struct chain *base, const struct packet *packet, enum view view)
{
	unsigned outcomes;

	eval_new_packet(eval);
	outcomes = eval_chain(eval, base, 0, packet, view, 0);
	if (!(outcomes & MAY_FALL))
		return outcomes;
	outcomes &= ~(unsigned)MAY_FALL;
	return outcomes | (base->policy == NF_DROP ? MAY_DROP : MAY_ACCEPT);
}
