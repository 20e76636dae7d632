/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Following a packet through chains; eval.c evaluates the rules on the way. */
#include "eval.h"
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
