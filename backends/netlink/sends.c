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

		if (x->kind == EXPR_REDIR || (x->kind == EXPR_NAT && x->op == NFT_NAT_DNAT) ||
		    strcmp(x->name, "tproxy") == 0 || strcmp(x->name, "fwd") == 0)
			return true;
	}
	return false;
}

static bool
has_iptables_target(const struct rule *rule)
{
	static const char *const names[] = { "DNAT", "REDIRECT", "NETMAP" };

	for (size_t i = rule->core; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (x->kind == EXPR_TARGET && strcmp(x->set, names[k]) == 0)
				return true;
	}
	return false;
}

static bool
rule_sends(struct eval *eval, const struct rule *rule, const struct packet *packet, unsigned depth)
{
	struct evaluation result;

	if (depth == DEPTH_MAX || eval->budget == 0)
		return false;
	eval->budget--;
	eval_rule(eval, rule, packet, VIEW_ANYWHERE, &result);
	if (result.match == TRUTH_NO)
		return false;
	if (has_iptables_target(rule) || sends_on(rule))
		return true;
	for (size_t b = 0; b < result.n; b++) {
		const char *name = result.v[b].chain;
		const struct chain *to =
			name ? ruleset_chain(eval->rs, rule->chain->table, name) : NULL;

		for (size_t i = 0; to && i < to->n; i++)
			if (rule_sends(eval, to->rules[i], packet, depth + 1))
				return true;
	}
	return false;
}

/* What lets packets pass by the source may keep them from a rule behind it that sends them on. */
static bool
lets_pass(const struct evaluation *result)
{
	for (size_t b = 0; b < result->n; b++)
		if (result->v[b].verdict == NF_ACCEPT ||
		    result->v[b].verdict == (uint32_t)NFT_RETURN)
			return true;
	return false;
}

bool
sends_by_iptables(struct eval *eval, const struct rule *rule, uint32_t concerns,
		  const struct packets *packets)
{
	const struct chain *chain = rule->chain;

	for (size_t p = 0; p < packets->n; p++) {
		struct evaluation result;
		bool behind = false;

		if (!(concerns & 1u << p))
			continue;
		eval_new_packet(eval);
		if (rule_sends(eval, rule, &packets->v[p], 0))
			return true;
		eval_rule(eval, rule, &packets->v[p], VIEW_ANYWHERE, &result);
		for (size_t i = 0; lets_pass(&result) && i < chain->n; i++) {
			if (behind && rule_sends(eval, chain->rules[i], &packets->v[p], 0))
				return true;
			behind |= chain->rules[i] == rule;
		}
	}
	return false;
}

static bool
is_reached_by_dnat(const struct ruleset *rs, const struct rule *rule)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		if (rule->bases & base_bit(i) && is_dnat_base(rs->chains[i]))
			return true;
	}
	return false;
}

bool
sends_by_source(struct eval *eval, const struct rule *rule, uint32_t concerns,
		const struct packets *packets)
{
	return sends_on(rule) || (is_reached_by_dnat(eval->rs, rule) &&
				  sends_by_iptables(eval, rule, concerns, packets));
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
