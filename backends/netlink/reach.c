/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reach.h"

#include <string.h>

#include "nf.h"
#include "proc.h"

struct packets
packets_of(const struct ports *ports)
{
	struct packets packets = { .n = 0 };

	for (size_t i = 0; i < ports->n; i++) {
		struct packet packet = { .port = ports->v[i], .original = ports->v[i].number };

		packet.family = NFPROTO_IPV4;
		packets.v[packets.n++] = packet;
		packet.family = NFPROTO_IPV6;
		packets.v[packets.n++] = packet;
	}
	return packets;
}

uint64_t
base_bit(size_t i)
{
	return UINT64_C(1) << (i < 63 ? i : 63);
}

uint32_t
reach_at(const struct chain *base)
{
	if (base->table->family == NFPROTO_BRIDGE || base->table->family == NFPROTO_ARP)
		return AT_BRIDGE;
	if (base->table->family == NFPROTO_NETDEV)
		return base->hook == 0 ? AT_BEFORE_CONNTRACK : AT_OUTGOING;
	switch (base->hook) {
	case NF_INET_PRE_ROUTING:
		if (base->priority <= NF_IP_PRI_CONNTRACK)
			return AT_BEFORE_CONNTRACK;
		return base->priority <= NF_IP_PRI_NAT_DST ? AT_BEFORE_NAT : AT_BEHIND_NAT;
	case NF_INET_LOCAL_IN:
		return AT_BEHIND_NAT;
	case NF_INET_FORWARD:
		return AT_BEHIND_NAT | AT_FORWARD;
	case NF_INET_INGRESS:
		return AT_BEFORE_CONNTRACK;
	default:
		return AT_OUTGOING;
	}
}

struct visit {
	struct eval *eval;
	const struct packet *packet;
	uint32_t packet_bit;
	uint32_t at;
	uint64_t base;
	bool any; /* outgoing and bridge chains: everything may match */
};

static void reach_chain(struct visit *v, struct chain *chain);

/* A verdict map that was not read may lead to any chain of its table. */
static void
reach_all(struct visit *v, const struct table *table)
{
	const struct ruleset *rs = v->eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		struct chain *chain = rs->chains[i];

		if (chain->table == table && !chain->base && !(chain->walked & v->packet_bit))
			reach_chain(v, chain);
	}
}

static void
reach_branch(struct visit *v, const struct chain *chain, const struct branch *branch)
{
	struct chain *to;

	if (((int32_t)branch->verdict != NFT_JUMP && (int32_t)branch->verdict != NFT_GOTO) ||
	    !branch->chain)
		return;
	to = ruleset_chain(v->eval->rs, chain->table, branch->chain);
	if (to && !(to->walked & v->packet_bit))
		reach_chain(v, to);
}

/* Does a rule that matches for certain always take the packet away from this chain? */
static bool
is_terminal(const struct evaluation *result)
{
	if (result->match != TRUTH_YES || result->unread)
		return false;
	for (size_t i = 0; i < result->n; i++) {
		int32_t verdict = (int32_t)result->v[i].verdict;

		if (verdict == NFT_CONTINUE || verdict == NFT_BREAK || verdict == NFT_JUMP)
			return false;
	}
	return true;
}

static void
reach_chain(struct visit *v, struct chain *chain)
{
	chain->walked |= v->packet_bit;
	for (size_t i = 0; i < chain->n && v->eval->budget > 0; i++) {
		struct rule *rule = chain->rules[i];
		struct evaluation result;

		v->eval->budget--;
		eval_rule(v->eval, rule, v->packet, VIEW_ANYWHERE, &result);
		if (result.match == TRUTH_NO && !v->any)
			continue;
		rule->reached |= v->packet_bit;
		rule->at |= v->at;
		rule->bases |= v->base;
		for (size_t b = 0; b < result.n; b++)
			reach_branch(v, chain, &result.v[b]);
		if (result.unread)
			reach_all(v, chain->table);
		if (is_terminal(&result) && !v->any)
			return;
	}
}

static void
forget_walk(const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_chains; i++)
		rs->chains[i]->walked = 0;
}

static void
forget_reached(const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			struct rule *rule = rs->chains[i]->rules[j];

			rule->reached = rule->at = 0;
			rule->bases = 0;
		}
	}
}

int
reach_too_complex(struct err *e)
{
	return err_set(
		e, ERR_FAILED,
		"the ruleset is too complex to be followed: its chains jump to each other in "
		"too many ways");
}

int
reach_find(struct eval *eval, struct ruleset *rs, const struct packets *packets, struct err *e)
{
	forget_reached(rs);
	for (size_t i = 0; i < rs->n_chains; i++) {
		struct chain *base = rs->chains[i];
		struct visit v = { .eval = eval, .base = base_bit(i) };

		if (!base->base || !base->table->loaded)
			continue;
		v.at = reach_at(base);
		v.any = (v.at & (AT_OUTGOING | AT_BRIDGE)) != 0;
		forget_walk(rs);
		for (size_t p = 0; p < packets->n; p++) {
			v.packet = &packets->v[p];
			v.packet_bit = 1u << p;
			eval->mark_known = false;
			if (v.any || reach_sees(base, v.packet))
				reach_chain(&v, base);
		}
	}
	return eval->budget == 0 ? reach_too_complex(e) : 0;
}

/* nf_tables does not see iptables-legacy's nat; its name is seen. */
struct unseen_nat
reach_unseen_nat(void)
{
	bool some =
		proc_has_xt_table(NFPROTO_IPV4, "nat") || proc_has_xt_table(NFPROTO_IPV6, "nat");

	return (struct unseen_nat){ .more = some, .mixed = some };
}

bool
is_dnat_base(const struct chain *chain)
{
	return chain->base && strcmp(chain->type, "nat") == 0 &&
	       chain->table->family != NFPROTO_BRIDGE && chain->hook == NF_INET_PRE_ROUTING;
}

bool
reach_sees(const struct chain *base, const struct packet *packet)
{
	return eval_sees(base, packet) && (!packet->translated || reach_at(base) & AT_BEHIND_NAT);
}

static void
add_translated(struct packets *packets, const struct packet *from, const struct evaluation *how)
{
	struct packet packet = *from;

	packet.port.number = how->to_port;
	packet.translated = true;
	packet.redirected = how->redirects;
	for (size_t i = 0; i < packets->n; i++) {
		const struct packet *p = &packets->v[i];

		if (p->translated && p->family == packet.family && p->original == packet.original &&
		    p->port.proto == packet.port.proto && p->port.number == packet.port.number &&
		    p->redirected == packet.redirected)
			return;
	}
	if (packets->n < PACKETS_MAX)
		packets->v[packets->n++] = packet;
}

/* Follows the packet through the chain; true when a rule translates its port. */
static bool
translates(struct visit *v, struct chain *chain, struct packets *packets)
{
	bool found = false;

	chain->walked |= v->packet_bit;
	for (size_t i = 0; i < chain->n && v->eval->budget > 0; i++) {
		struct evaluation result;

		v->eval->budget--;
		eval_rule(v->eval, chain->rules[i], v->packet, VIEW_ANYWHERE, &result);
		if (result.match == TRUTH_NO)
			continue;
		if (result.translates) {
			found = true;
			if (result.to_port)
				add_translated(packets, v->packet, &result);
		}
		for (size_t b = 0; b < result.n; b++) {
			const struct branch *branch = &result.v[b];
			struct chain *to = branch->chain ? ruleset_chain(v->eval->rs, chain->table,
									 branch->chain)
							 : NULL;

			if (to && !(to->walked & v->packet_bit))
				found |= translates(v, to, packets);
		}
	}
	return found;
}

/* Whether they end on this host is not told: they may. */
static void
add_unseen(struct packets *packets, const struct unseen_nat *unseen)
{
	const struct packets asked = *packets;

	for (size_t i = 0; i < unseen->n; i++) {
		const struct evaluation how = { .to_port = unseen->v[i].to, .redirects = true };

		for (size_t p = 0; p < asked.n; p++) {
			const struct packet *packet = &asked.v[p];

			if (packet->family == unseen->v[i].family &&
			    packet->port.proto == unseen->v[i].from.proto &&
			    packet->port.number == unseen->v[i].from.number)
				add_translated(packets, packet, &how);
		}
	}
}

bool
reach_translate(struct eval *eval, const struct ruleset *rs, const struct unseen_nat *unseen,
		struct packets *packets)
{
	bool found = unseen->n > 0 || unseen->more;
	size_t n = packets->n;

	add_unseen(packets, unseen);
	forget_walk(rs);
	for (size_t i = 0; i < rs->n_chains; i++) {
		struct chain *base = rs->chains[i];
		struct visit v = { .eval = eval };

		if (!base->table->loaded || !is_dnat_base(base))
			continue;
		for (size_t p = 0; p < n; p++) {
			struct packet packet = packets->v[p];

			v.packet = &packet;
			v.packet_bit = 1u << p;
			eval_new_packet(eval);
			if (eval_sees(base, &packet))
				found |= translates(&v, base, packets);
		}
	}
	return found;
}
