/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "flow_judge.h"
#include "nf.h"
#include "reach.h"

#define FLOW_BUDGET                                                                                \
	50000u /* rules that a flow is followed through; a big ruleset has some 1000               \
		*/

struct cover {
	struct ruleset rs;
	char txn[TXN_BUF];
	struct ports ports;
	struct chain **way; /* base chains of incoming packets, in their order */
	size_t n;
};

/* --- reading --- */

/* The order of hooks; 0: not on the way of packets that come in. */
static int
stage(const struct chain *base)
{
	uint8_t family = base->table->family;

	if (!base->base || base->table->flags & NFT_TABLE_F_DORMANT ||
	    reach_at(base) & (AT_OUTGOING | AT_BRIDGE))
		return 0;
	if (family == NFPROTO_NETDEV)
		return 1;
	switch (base->hook) {
	case NF_INET_PRE_ROUTING:
		return 3;
	case NF_INET_LOCAL_IN:
	case NF_INET_FORWARD:
		return 4;
	default:
		return 2; /* inet ingress */
	}
}

static int
by_order(const void *a, const void *b)
{
	const struct chain *x = *(struct chain *const *)a, *y = *(struct chain *const *)b;

	if (stage(x) != stage(y))
		return stage(x) < stage(y) ? -1 : 1;
	return (x->priority > y->priority) - (x->priority < y->priority);
}

static int
find_way(struct cover *cover, struct err *e)
{
	const struct ruleset *rs = &cover->rs;

	cover->way = calloc(rs->n_chains + 1, sizeof(*cover->way));
	if (!cover->way)
		return err_set(e, ERR_FAILED, "out of memory while looking at flows");
	for (size_t i = 0; i < rs->n_chains; i++) {
		if (stage(rs->chains[i]) > 0)
			cover->way[cover->n++] = rs->chains[i];
	}
	qsort(cover->way, cover->n, sizeof(*cover->way), by_order);
	return 0;
}

/* Restoring a rule makes its anonymous sets anew: these have to be read now. */
static int
read_anonymous(const struct ruleset *rs, struct nl *nl, struct err *e)
{
	for (size_t i = 0; i < rs->n_sets; i++) {
		if (rs->sets[i]->flags & NFT_SET_ANONYMOUS &&
		    ruleset_elements(nl, rs->sets[i], e) < 0)
			return -1;
	}
	return 0;
}

int
cover_read(struct cover **cover, struct nl *nl, const struct record *record, struct err *e)
{
	struct cover *made = calloc(1, sizeof(*made));

	if (!made)
		return err_set(e, ERR_FAILED, "out of memory while looking at flows");
	memcpy(made->txn, record->txn, sizeof(made->txn));
	made->ports = record->ports;
	if (ruleset_load(&made->rs, nl, every_table, NULL, e) < 0) {
		free(made);
		return -1;
	}
	if (read_anonymous(&made->rs, nl, e) < 0 || find_way(made, e) < 0) {
		cover_free(made);
		return -1;
	}
	*cover = made;
	return 0;
}

void
cover_free(struct cover *cover)
{
	if (!cover)
		return;
	ruleset_fini(&cover->rs);
	free(cover->way);
	free(cover);
}

/* --- judging a flow --- */

struct judge {
	const struct cover *cover;
	struct nl *nl;
};

/* The flow's first packet, before and behind translation. */
struct first_packet {
	struct packet before, behind;
};

static void
set_interface(struct first_packet *first, const struct route *route)
{
	first->before.interface = first->behind.interface = route->interface;
	memcpy(first->before.interface_name, route->name, sizeof(route->name));
	memcpy(first->behind.interface_name, route->name, sizeof(route->name));
}

static struct first_packet
first_packet(const struct flow *flow)
{
	struct packet p = { .family = flow->family, .addressed = true };
	struct first_packet first;

	p.port = (struct port){ flow->proto, flow->original.dport };
	p.original = flow->original.dport;
	memcpy(p.source, flow->original.source, sizeof(p.source));
	memcpy(p.destination, flow->original.destination, sizeof(p.destination));
	first.before = first.behind = p;
	first.behind.port.number = flow->reply.sport;
	memcpy(first.behind.destination, flow->reply.source, sizeof(p.destination));
	return first;
}

static bool
comes_by(const struct chain *base, const struct flow *flow, const struct packet *packet)
{
	if (!eval_sees(base, packet))
		return false;
	if (stage(base) < 4)
		return true;
	return flow->local == (base->hook == NF_INET_LOCAL_IN);
}

/*
 * Does the packet come through a device of this chain for certain? Not if it comes through another
 * one: that may be a bridge or the like above one of these.
 */
static bool
comes_in_by(const struct chain *base, const struct packet *packet)
{
	for (size_t i = 0; packet->interface && i < base->devices.n; i++) {
		if (strcmp(base->devices.v[i], packet->interface_name) == 0)
			return true;
	}
	return base->table->family != NFPROTO_NETDEV && base->hook != NF_INET_INGRESS;
}

/* What happens to the flow's first packet on its way through all base chains, without lifts. */
static unsigned
follow_way(const struct judge *j, struct eval *eval, const struct flow *flow,
	   const struct first_packet *first)
{
	unsigned outcomes = 0;

	eval_new_packet(eval);
	for (size_t i = 0; i < j->cover->n; i++) {
		const struct chain *base = j->cover->way[i];
		const struct packet *packet =
			reach_at(base) & AT_BEHIND_NAT ? &first->behind : &first->before;
		unsigned o;

		if (!comes_by(base, flow, packet))
			continue;
		o = eval_chain(eval, base, 0, packet, VIEW_ANYWHERE, 0);
		if (o & MAY_FALL)
			o |= base->policy == NF_DROP ? MAY_DROP : MAY_ACCEPT;
		if (o & MAY_DROP && !comes_in_by(base, packet)) {
			o |= MAY_ACCEPT;
			eval->source_unclear = true;
		}
		outcomes |= o & MAY_DROP;
		if (!(o & MAY_ACCEPT))
			return outcomes;
	}
	return outcomes | MAY_ACCEPT;
}

static enum flow_answer
ask_ruleset(const struct judge *j, const struct flow *flow, const struct first_packet *first)
{
	struct lifted lifted = { .txn = j->cover->txn };
	struct err unread = ERR_INIT;
	struct eval eval = { .nl = j->nl,
			     .rs = &j->cover->rs,
			     .lifted = &lifted,
			     .budget = FLOW_BUDGET,
			     .e = &unread };
	unsigned outcomes = follow_way(j, &eval, flow, first);

	if (outcomes == MAY_DROP)
		return FLOW_COVERED;
	if (outcomes == MAY_ACCEPT)
		return FLOW_NOT_COVERED;
	if (eval.source_unclear || eval.budget == 0)
		return FLOW_UNCLEAR;
	/* It depends on what else is not known: the rules that were lifted decide. */
	return lifted.stops || (lifted.widens && !lifted.unwidens) ? FLOW_COVERED
								   : FLOW_NOT_COVERED;
}

static enum flow_answer
ask(const void *data, const struct flow *flow, const struct route *came_by)
{
	struct first_packet first = first_packet(flow);

	if (came_by)
		set_interface(&first, came_by);
	return ask_ruleset(data, flow, &first);
}

static struct flow_judge
flow_judge_of(struct judge *j)
{
	const struct ruleset *rs = &j->cover->rs;

	for (size_t i = 0; i < rs->n_sets; i++)
		rs->sets[i]->no_catchall = false; /* ask again */
	return (struct flow_judge){ .nl = j->nl, .ports = j->cover->ports, .ask = ask, .data = j };
}

int
cover_flows(const struct cover *cover, struct nl *nl, struct names *names, struct err *e)
{
	struct judge j = { .cover = cover, .nl = nl };
	struct flow_judge judge = flow_judge_of(&j);

	return flow_judge_names(&judge, names, e);
}

enum outcome
cover_cut(const struct cover *cover, struct nl *nl, const struct names *spared, size_t *n,
	  struct err *e)
{
	struct judge j = { .cover = cover, .nl = nl };
	struct flow_judge judge = flow_judge_of(&j);

	return flow_judge_cut(&judge, spared, n, e);
}
