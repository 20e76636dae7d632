/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule that blocks one of the asked ports by country may do something else to another: a chain
 * that it leads to limits its rate, a list of addresses and ports does not have it. For that port
 * the rule stays as it is: a set of its own has those that it is lifted for.
 */
#include <string.h>

#include "lift_private.h"

static bool
is_port_of(const struct packet *packet, struct port asked)
{
	return packet->port.proto == asked.proto && packet->original == asked.number;
}

/* Are packets to this port among these? */
static bool
has_packets(const struct packets *packets, uint32_t bits, struct port asked)
{
	for (size_t p = 0; p < packets->n; p++) {
		if (bits & 1u << p && is_port_of(&packets->v[p], asked))
			return true;
	}
	return false;
}

static int
note_kept(struct lift *lift, const struct lift_step *step)
{
	struct ports kept = ports_minus(&lift->request.ports, &step->only);
	char where[WHERE_BUF], text[PORTS_TEXT_MAX];

	return names_addf(&lift->notes,
			  "rule %s is no geo-block for %s, and stays as it is for that",
			  lift_where_rule(where, step->suspect.rule), ports_text(text, &kept));
}

int
lift_choose_only(struct lift *lift, struct lift_step *step)
{
	const struct ports *asked = &lift->request.ports;
	const struct suspect *s = &step->suspect;
	uint32_t only = 0;

	/* Rules of iptables that look at two ports are for all of them. */
	if (!s->spares || step->by_original || step->port.compares == MARK_PORT_TRANSLATED)
		return 0;
	step->only = (struct ports){ .n = 0 };
	for (size_t i = 0; i < asked->n; i++) {
		struct ports one = { .n = 1, .v = { asked->v[i] } };

		if (!has_packets(&lift->packets, s->concerns, asked->v[i]) &&
		    has_packets(&lift->packets, s->spares, asked->v[i]))
			continue;
		ports_add(&step->only, &one);
		only |= 1u << i;
	}
	if (step->only.n == 0 || step->only.n == asked->n)
		return 0;
	step->port.only = only;
	return note_kept(lift, step);
}

bool
lift_is_first(const struct lift *lift, size_t i)
{
	const struct lift_step *step = &lift->steps[i];

	if (step->action == ACTION_SET)
		return false;
	for (size_t k = 0; k < i; k++) {
		const struct lift_step *other = &lift->steps[k];

		if (other->action != ACTION_SET &&
		    other->suspect.rule->chain->table == step->suspect.rule->chain->table)
			return false;
	}
	return true;
}

static bool
has_set_besides(const struct lift_step *step)
{
	return step->action != ACTION_SET &&
	       (step->port.only || step->port.compares == MARK_PORT_TRANSLATED);
}

bool
lift_is_first_of_set(const struct lift *lift, size_t i)
{
	const struct lift_step *step = &lift->steps[i];
	char name[MARK_SET_BUF], other[MARK_SET_BUF];

	if (!has_set_besides(step))
		return false;
	mark_set_name(name, lift->request.txn, step->port);
	for (size_t k = 0; k < i; k++) {
		if (!has_set_besides(&lift->steps[k]) ||
		    lift->steps[k].suspect.rule->chain->table != step->suspect.rule->chain->table)
			continue;
		mark_set_name(other, lift->request.txn, lift->steps[k].port);
		if (strcmp(name, other) == 0)
			return false;
	}
	return true;
}
