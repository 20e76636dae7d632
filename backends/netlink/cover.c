/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack.h"
#include "eval.h"
#include "host.h"
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
	struct host host;
};

static bool
differs(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) != 0; /* IPv4 is padded with zeroes */
}

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

/* From inside: of this host, or of a network behind it that is hidden on the way out. */
static bool
goes_out(struct judge *j, const struct flow *flow)
{
	if (host_owns(&j->host, flow->family, flow->original.source))
		return true;
	return !flow->local && !differs(flow->original.destination, flow->reply.source) &&
	       differs(flow->original.source, flow->reply.destination);
}

enum answer {
	COVERED,
	NOT_COVERED,
	UNCLEAR, /* it depends on where the flow comes from, beyond its addresses */
};

static enum answer
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
		return COVERED;
	if (outcomes == MAY_ACCEPT)
		return NOT_COVERED;
	if (eval.source_unclear || eval.budget == 0)
		return UNCLEAR;
	/* It depends on what else is not known: the rules that were lifted decide. */
	return lifted.stops || (lifted.widens && !lifted.unwidens) ? COVERED : NOT_COVERED;
}

/* Whichever way it came, if packets come in where they go back to. */
static bool
is_covered_on_all_ways(struct judge *j, const struct flow *flow, struct first_packet *first)
{
	struct ways ways;

	host_ways_back(&j->host, flow, &ways);
	for (size_t i = 0; i < ways.n; i++) {
		set_interface(first, &ways.v[i]);
		if (ask_ruleset(j, flow, first) != COVERED)
			return false;
	}
	return ways.n > 0;
}

/*
 * A flow does not show the interface that it came through. Where it matters, the ways back to its
 * source tell; what accepts the local network or a tunnel stands before many a geo-block.
 */
static void
judge_flow(struct judge *j, struct flow *flow)
{
	struct first_packet first = first_packet(flow);
	enum answer answer;

	flow->local = host_owns(&j->host, flow->family, flow->reply.source);
	if (goes_out(j, flow))
		return;
	/* An address of a VRF is not known for one of this host: of no other flow is the hook. */
	if (!flow->local && host_has_vrf(&j->host, flow->family))
		return;
	answer = ask_ruleset(j, flow, &first);
	flow->covered =
		answer == UNCLEAR ? is_covered_on_all_ways(j, flow, &first) : answer == COVERED;
}

/* --- all flows --- */

/* What judge_flow looks at: equal flows need be judged only once. */
static int
by_ends(const void *a, const void *b)
{
	const struct flow *x = a, *y = b;
	int order = memcmp(x->original.source, y->original.source, 16);

	if (order == 0)
		order = memcmp(x->original.destination, y->original.destination, 16);
	if (order == 0)
		order = memcmp(x->reply.source, y->reply.source, 16);
	if (order == 0)
		order = memcmp(x->reply.destination, y->reply.destination, 16);
	if (order == 0)
		order = (x->family - y->family) * 256 + x->proto - y->proto;
	if (order == 0)
		order = x->original.dport - y->original.dport;
	return order ? order : x->reply.sport - y->reply.sport;
}

static int
judge_all(struct judge *j, struct flow_list *flows, struct err *e)
{
	const struct ruleset *rs = &j->cover->rs;

	flows->ports = j->cover->ports;
	if (conntrack_read(flows, j->nl, e) < 0)
		return -1;
	if (flows->n > 0)
		qsort(flows->v, flows->n, sizeof(*flows->v), by_ends);
	for (size_t i = 0; i < rs->n_sets; i++)
		rs->sets[i]->no_catchall = false; /* ask again */
	for (size_t i = 0; i < flows->n; i++) {
		struct flow *flow = &flows->v[i];

		if (i > 0 && by_ends(flow, flow - 1) == 0) {
			flow->local = flow[-1].local;
			flow->covered = flow[-1].covered;
		} else {
			judge_flow(j, flow);
		}
	}
	return 0;
}

int
cover_flows(const struct cover *cover, struct nl *nl, struct names *names, struct err *e)
{
	struct judge j = { .cover = cover, .nl = nl };
	struct flow_list flows = { .n = 0 };
	int rc = judge_all(&j, &flows, e);

	for (size_t i = 0; rc == 0 && i < flows.n; i++) {
		char text[FLOW_TEXT_MAX];

		if (flows.v[i].covered && names_add(names, conntrack_text(text, &flows.v[i])) < 0)
			rc = err_set(e, ERR_FAILED, "out of memory while looking at flows");
	}
	conntrack_fini(&flows);
	host_fini(&j.host);
	return rc;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in order; NULL: memory is gone. */
static char **
sorted(const struct names *names)
{
	char **v = calloc(names->n + 1, sizeof(*v));

	if (v && names->n > 0) {
		memcpy(v, names->v, names->n * sizeof(*v));
		qsort(v, names->n, sizeof(*v), by_text);
	}
	return v;
}

static enum outcome
cut_flow(struct judge *j, const struct flow *flow, size_t *n, struct err *e)
{
	int rc;

	if (flow->local && flow->proto == IPPROTO_TCP)
		host_abort(&j->host, flow);
	rc = conntrack_delete(j->nl, flow, e);
	if (rc > 0)
		++*n;
	if (rc >= 0)
		return OUTCOME_DONE;
	return e->sys == EAGAIN || e->sys == ENOBUFS ? OUTCOME_UNKNOWN : OUTCOME_NOT_DONE;
}

static enum outcome
cut_all(struct judge *j, const struct flow_list *flows, char **spared, size_t n_spared, size_t *n,
	struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	for (size_t i = 0; i < flows->n; i++) {
		char text[FLOW_TEXT_MAX], *key = text;
		struct err first = ERR_INIT;
		enum outcome o;

		if (!flows->v[i].covered)
			continue;
		conntrack_text(text, &flows->v[i]);
		if (bsearch(&key, spared, n_spared, sizeof(*spared), by_text))
			continue;
		o = cut_flow(j, &flows->v[i], n, &first);
		if (o != OUTCOME_DONE && outcome != OUTCOME_UNKNOWN) {
			*e = e->code ? *e : first;
			outcome = o;
		}
	}
	return outcome;
}

enum outcome
cover_cut(const struct cover *cover, struct nl *nl, const struct names *spared, size_t *n,
	  struct err *e)
{
	struct judge j = { .cover = cover, .nl = nl };
	struct flow_list flows = { .n = 0 };
	char **known = sorted(spared);
	enum outcome outcome = OUTCOME_NOT_DONE;

	*n = 0;
	if (!known)
		err_set(e, ERR_FAILED, "out of memory while cutting flows");
	else if (judge_all(&j, &flows, e) == 0)
		outcome = cut_all(&j, &flows, known, spared->n, n, e);
	free(known);
	conntrack_fini(&flows);
	host_fini(&j.host);
	return outcome;
}
