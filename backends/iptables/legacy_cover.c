/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_cover.h"

#include <stdlib.h>
#include <string.h>

#include "flow_judge.h"
#include "legacy_follow.h"
#include "legacy_lift.h"
#include "legacy_record.h"
#include "nf.h"

#define FLOW_BUDGET 50000u /* rules that a flow is followed through */

struct cover {
	struct nl *nl; /* of its own */
	char txn[TXN_BUF];
	struct ports ports;
	bool there[FAMILIES][LEGACY_TABLES]; /* as legacy_tables */
	struct save saves[FAMILIES][LEGACY_TABLES];
};

/* On the way of a packet that comes in, in its order. */
static const struct {
	const char *table, *base; /* base NULL: INPUT or FORWARD */
} way[] = {
	{ "raw", "PREROUTING" }, { "mangle", "PREROUTING" }, { "mangle", NULL }, { "filter", NULL }
};

/* --- reading --- */

static int
read_tables(struct cover *cover, const struct legacy_host *host, struct err *e)
{
	for (enum family family = 0; family < FAMILIES; family++)
		for (size_t t = 0; t < LEGACY_TABLES; t++) {
			if (!host_has(family, legacy_tables[t]))
				continue;
			if (host_save(host, family, legacy_tables[t], &cover->saves[family][t], e) <
			    0)
				return -1;
			cover->there[family][t] = true;
		}
	return 0;
}

static int
read_record(struct cover *cover, const json_t *record, struct err *e)
{
	const char *txn = json_string_value(json_object_get(record, "txn"));

	if (!txn || strlen(txn) != TXN_LEN)
		return err_set(e, ERR_FAILED,
			       "the record of the lift is not one of this program's");
	memcpy(cover->txn, txn, sizeof(cover->txn));
	return record_ports(record, &cover->ports, e);
}

static int
open_socket(struct cover *cover, struct err *e)
{
	cover->nl = calloc(1, sizeof(*cover->nl));
	if (!cover->nl)
		return err_set(e, ERR_FAILED, "out of memory while looking at flows");
	if (nl_open(cover->nl, e) == 0)
		return 0;
	free(cover->nl);
	cover->nl = NULL;
	return -1;
}

int
legacy_cover(const struct legacy_host *host, const json_t *record, struct cover **cover,
	     struct err *e)
{
	struct cover *made = calloc(1, sizeof(*made));

	if (!made)
		return err_set(e, ERR_FAILED, "out of memory while looking at flows");
	if (read_record(made, record, e) < 0 || open_socket(made, e) < 0 ||
	    read_tables(made, host, e) < 0) {
		legacy_cover_free(made);
		return -1;
	}
	*cover = made;
	return 0;
}

void
legacy_cover_free(struct cover *cover)
{
	if (!cover)
		return;
	for (enum family family = 0; family < FAMILIES; family++)
		for (size_t t = 0; t < LEGACY_TABLES; t++)
			if (cover->there[family][t])
				save_fini(&cover->saves[family][t]);
	if (cover->nl)
		nl_close(cover->nl);
	free(cover->nl);
	free(cover);
}

/* --- judging a flow --- */

static struct legacy_packet
first_packet(const struct cover *cover, const struct flow *flow, const struct route *came_by)
{
	struct legacy_packet packet = { .port = { flow->proto, flow->original.dport },
					.original = flow->original.dport,
					.addressed = true,
					.mark_known = true,
					.family = flow->family,
					.nl = cover->nl,
					.interface = came_by ? came_by->name : NULL };

	memcpy(packet.source, flow->original.source, sizeof(packet.source));
	memcpy(packet.destination, flow->original.destination, sizeof(packet.destination));
	return packet;
}

static void
translate(struct legacy_packet *packet, const struct flow *flow)
{
	packet->port.number = flow->reply.sport;
	memcpy(packet->destination, flow->reply.source, sizeof(packet->destination));
}

static const struct save *
table_of(const struct cover *cover, enum family family, const char *name)
{
	for (size_t t = 0; t < LEGACY_TABLES; t++)
		if (cover->there[family][t] && !strcmp(legacy_tables[t], name))
			return &cover->saves[family][t];
	return NULL;
}

/* What happens to the flow's first packet on its way through all tables, without the lift. */
static unsigned
follow_way(const struct cover *cover, struct legacy_follow *f, const struct flow *flow)
{
	enum family family = flow->family == NFPROTO_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
	unsigned outcomes = 0;

	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		const char *base = way[i].base;
		unsigned o;

		f->save = table_of(cover, family, way[i].table);
		if (!base) {
			translate(&f->packet, flow);
			base = flow->local ? "INPUT" : "FORWARD";
		}
		if (!f->save)
			continue;
		o = legacy_follow(f, base);
		outcomes |= o & MAY_DROP;
		if (!(o & MAY_ACCEPT))
			return outcomes;
	}
	return outcomes | MAY_ACCEPT;
}

static enum flow_answer
ask(const void *data, const struct flow *flow, const struct route *came_by)
{
	const struct cover *cover = data;
	struct legacy_follow f = { .txn = cover->txn,
				   .packet = first_packet(cover, flow, came_by),
				   .budget = FLOW_BUDGET };
	unsigned outcomes = follow_way(cover, &f, flow);

	if (outcomes == MAY_DROP)
		return FLOW_COVERED;
	if (outcomes == MAY_ACCEPT)
		return FLOW_NOT_COVERED;
	if (f.unclear || f.budget == 0)
		return FLOW_UNCLEAR;
	/* It depends on what else is not known: what was lifted decides. */
	return f.stops || f.widens ? FLOW_COVERED : FLOW_NOT_COVERED;
}

static struct flow_judge
judge_of(const struct cover *cover)
{
	return (struct flow_judge){
		.nl = cover->nl, .ports = cover->ports, .ask = ask, .data = cover
	};
}

int
legacy_flows(const struct cover *cover, struct names *flows, struct err *e)
{
	struct flow_judge judge = judge_of(cover);

	return flow_judge_names(&judge, flows, e);
}

enum outcome
legacy_cut(const struct cover *cover, const struct names *spared, size_t *n, struct err *e)
{
	struct flow_judge judge = judge_of(cover);

	return flow_judge_cut(&judge, spared, n, e);
}
