/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sends.h"

#include <string.h>

#include "expr.h"
#include "nf.h"

#define DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE */

bool
sends_on(const struct rule *rule)
{
	for (size_t i = rule->core; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		if (x->kind == EXPR_REDIR || (x->kind == EXPR_NAT && x->op == NFT_NAT_DNAT))
			return true;
	}
	return false;
}

/* May a rule of the chain, or of one that it leads to, send the packet on? */
static bool
chain_sends(struct eval *eval, const struct chain *chain, const struct packet *packet,
	    unsigned depth)
{
	for (size_t i = 0; i < chain->n && depth < DEPTH_MAX && eval->budget > 0; i++) {
		const struct rule *rule = chain->rules[i];
		struct evaluation result;

		eval->budget--;
		if (rule->lifted)
			continue;
		eval_rule(eval, rule, packet, VIEW_OUTSIDE, &result);
		if (result.match == TRUTH_NO)
			continue;
		if (sends_on(rule))
			return true;
		for (size_t b = 0; b < result.n; b++) {
			const struct chain *to =
				result.v[b].chain
					? ruleset_chain(eval->rs, chain->table, result.v[b].chain)
					: NULL;

			if (to && chain_sends(eval, to, packet, depth + 1))
				return true;
		}
	}
	return false;
}

static bool
is_sent(struct eval *eval, const struct packet *packet)
{
	const struct ruleset *rs = eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *base = rs->chains[i];

		eval_new_packet(eval);
		if (is_dnat_base(base) && base->table->loaded && eval_sees(base, packet) &&
		    chain_sends(eval, base, packet, 0))
			return true;
	}
	return false;
}

static bool
is_input(const struct chain *base)
{
	return base->base && base->table->loaded && strcmp(base->type, "filter") == 0 &&
	       base->hook == NF_INET_LOCAL_IN && reach_at(base) == AT_BEHIND_NAT;
}

unsigned
sends_others(struct eval *eval, const struct rule *rule, uint32_t concerns,
	     const struct packets *packets)
{
	const struct ruleset *rs = eval->rs;
	unsigned outcomes = 0;

	for (size_t p = 0; sends_on(rule) && p < packets->n; p++) {
		const struct packet *packet = &packets->v[p];

		if (!(concerns & 1u << p) || packet->translated || is_sent(eval, packet))
			continue;
		for (size_t i = 0; i < rs->n_chains; i++) {
			if (is_input(rs->chains[i]) && eval_sees(rs->chains[i], packet))
				outcomes |= eval_base(eval, rs->chains[i], packet, VIEW_OUTSIDE);
		}
	}
	return outcomes;
}
