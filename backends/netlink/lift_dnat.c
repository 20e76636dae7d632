/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Behind DNAT and redirects. Only packets that asked for a lifted port may pass, whichever port
 * they have by now: rules of nftables compare `ct original proto-dst`. That would hide a table of
 * iptables from its tools; there a rule is skipped for the ports that the lifted ones become, and a
 * guard before it, a copy with `-m conntrack ! --ctorigdstport`, goes on dropping the others.
 */
#include <string.h>

#include "lift_private.h"
#include "nf.h"

#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>

#define CANDIDATES_MAX 64

/* --- which ports --- */

void
lift_find_behind(struct lift *lift, const struct packets *packets)
{
	lift->behind[0] = lift->behind[1] = (struct ports){ .n = 0 };
	lift->redirected[0] = lift->redirected[1] = false;
	for (size_t i = 0; i < packets->n; i++) {
		const struct packet *p = &packets->v[i];
		struct ports one = { .n = 1, .v = { p->port } };

		ports_add(&lift->behind[p->family == NFPROTO_IPV6], &one);
		lift->redirected[p->family == NFPROTO_IPV6] |= p->redirected;
	}
}

const struct ports *
lift_ports_behind(const struct lift *lift, const struct table *table)
{
	return &lift->behind[table->family == NFPROTO_IPV6];
}

const struct ports *
lift_step_ports(const struct lift *lift, const struct lift_step *step)
{
	if (step->port.compares == MARK_PORT_TRANSLATED)
		return lift_ports_behind(lift, step->suspect.rule->chain->table);
	return step->port.only ? &step->only : &lift->request.ports;
}

/* --- other ports that become lifted ones --- */

struct candidates {
	uint16_t v[CANDIDATES_MAX];
	size_t n;
	bool all; /* did all of them fit? */
};

static void
add_candidate(struct candidates *c, uint16_t port)
{
	/* A test of a range changes its answer only at its ends. */
	const uint16_t near[] = { (uint16_t)(port - 1), port, (uint16_t)(port + 1) };

	for (size_t i = 0; i < 3; i++) {
		if (c->n == CANDIDATES_MAX)
			c->all = false;
		else
			c->v[c->n++] = near[i];
	}
}

static void
add_values(struct candidates *c, const struct expr_data *d)
{
	if (d->len == 2)
		add_candidate(c, (uint16_t)(d->v[0] << 8 | d->v[1]));
}

static void
add_extension(struct candidates *c, const struct expr *x)
{
	struct xt_multiport_v1 multiport;
	struct xt_tcp tcp;
	struct xt_udp udp;

	if (strcmp(x->set, "tcp") == 0 && x->a.len >= sizeof(tcp)) {
		memcpy(&tcp, x->a.v, sizeof(tcp));
		add_candidate(c, tcp.dpts[0]);
		add_candidate(c, tcp.dpts[1]);
	} else if (strcmp(x->set, "udp") == 0 && x->a.len >= sizeof(udp)) {
		memcpy(&udp, x->a.v, sizeof(udp));
		add_candidate(c, udp.dpts[0]);
		add_candidate(c, udp.dpts[1]);
	} else if (strcmp(x->set, "multiport") == 0 && x->a.len >= sizeof(multiport)) {
		memcpy(&multiport, x->a.v, sizeof(multiport));
		for (size_t i = 0; i < multiport.count && i < XT_MULTI_PORTS; i++)
			add_candidate(c, multiport.ports[i]);
	}
}

/* Ports at which the rule's tests may change their answer. */
static struct candidates
candidates_of(const struct rule *rule)
{
	struct candidates c = { .all = true };

	add_candidate(&c, 2);
	for (size_t i = rule->core; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		if (x->kind == EXPR_CMP || x->kind == EXPR_RANGE) {
			add_values(&c, &x->a);
			add_values(&c, &x->b);
		} else if (x->kind == EXPR_MATCH) {
			add_extension(&c, x);
		} else if (x->kind == EXPR_LOOKUP) {
			c.all = false; /* a set may hold any port */
		}
	}
	return c;
}

static bool
has_port(const struct ports *ports, uint8_t proto, uint16_t number)
{
	for (size_t i = 0; i < ports->n; i++) {
		if (ports->v[i].proto == proto && ports->v[i].number == number)
			return true;
	}
	return false;
}

/* Does the rule make an asked port of this one, as far as can be told? */
static bool
makes_asked(struct eval *eval, const struct rule *rule, const struct packet *packet,
	    const struct ports *asked)
{
	struct evaluation result;

	eval_new_packet(eval);
	eval_rule(eval, rule, packet, VIEW_ANYWHERE, &result);
	return result.match != TRUTH_NO && result.translates &&
	       (result.to_port == 0 || has_port(asked, packet->port.proto, result.to_port));
}

static bool
translates(const struct rule *rule)
{
	for (size_t i = rule->core; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		if (x->kind == EXPR_REDIR || (x->kind == EXPR_NAT && x->op == NFT_NAT_DNAT) ||
		    (x->kind == EXPR_TARGET &&
		     (strcmp(x->set, "DNAT") == 0 || strcmp(x->set, "REDIRECT") == 0)))
			return true;
	}
	return false;
}

static bool
makes_asked_of_others(struct eval *eval, const struct rule *rule, const struct ports *asked)
{
	struct candidates c = candidates_of(rule);

	for (size_t i = 0; c.all && i < asked->n; i++) {
		for (size_t f = 0; f < 2; f++) {
			struct packet packet = { .family = f ? NFPROTO_IPV6 : NFPROTO_IPV4,
						 .port = asked->v[i] };

			if (!eval_sees(rule->chain, &packet))
				continue;
			for (size_t k = 0; k < c.n; k++) {
				packet.port.number = packet.original = c.v[k];
				if (!has_port(asked, packet.port.proto, c.v[k]) &&
				    makes_asked(eval, rule, &packet, asked))
					return true;
			}
		}
	}
	return !c.all;
}

bool
lift_others_become_asked(const struct lift *lift, struct eval *eval)
{
	const struct ports *asked = &lift->request.ports;
	const struct ruleset *rs = eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			const struct rule *rule = rs->chains[i]->rules[j];

			if (translates(rule) && makes_asked_of_others(eval, rule, asked))
				return true;
		}
	}
	return lift->unseen.mixed;
}

/* --- which to compare --- */

/* Ports are known as DNAT makes them; on the way to this host, as a redirect does. */
static int
choose_iptables_port(struct lift *lift, const struct rule *rule, struct lift_step *step)
{
	const struct table *table = rule->chain->table;
	struct ports more = ports_minus(lift_ports_behind(lift, table), &lift->request.ports);
	char where[WHERE_BUF], text[PORTS_TEXT_MAX];

	if (more.n > 0 &&
	    (rule->at & AT_FORWARD || lift->redirected[table->family == NFPROTO_IPV6])) {
		step->port.compares = MARK_PORT_TRANSLATED;
		step->by_original = true;
		return names_addf(
			&lift->notes,
			"rule %s sees ports as DNAT makes them: of %s only what came to a "
			"lifted port is let in there",
			lift_where_rule(where, rule),
			ports_text(text, lift_ports_behind(lift, table)));
	}
	step->by_original = lift->others_become_asked;
	if (more.n == 0 && rule->at & AT_FORWARD && lift->translated)
		return names_addf(&lift->notes,
				  "rule %s stands behind a translation of ports that is not seen "
				  "here (iptables-legacy's nat table, a map): only packets that "
				  "still have the asked ports there are let in; block countries in "
				  "raw or mangle PREROUTING, before it",
				  lift_where_rule(where, rule));
	return 0;
}

static int
choose_compared(struct lift *lift, struct lift_step *step, struct err *e)
{
	const struct rule *rule = step->suspect.rule;

	step->port = (struct mark_port){ .compares = MARK_PORT_PACKET };
	step->by_original = false;
	if (!(rule->at & AT_BEHIND_NAT) || !(lift->translated || lift->others_become_asked))
		return 0;
	if (rule->at & AT_BEFORE_CONNTRACK)
		return lift_refuse(
			e, rule,
			"it is reached both before conntrack (raw or ingress) and behind a "
			"port translation: give each hook a chain of its own");
	if (rule->chain->table->iptables)
		return choose_iptables_port(lift, rule, step) < 0
			       ? err_set(e, ERR_FAILED, "out of memory while planning")
			       : 0;
	step->port.compares = MARK_PORT_ORIGINAL;
	return 0;
}

int
lift_choose_port(struct lift *lift, struct lift_step *step, struct err *e)
{
	if (choose_compared(lift, step, e) < 0)
		return -1;
	return lift_choose_only(lift, step) < 0
		       ? err_set(e, ERR_FAILED, "out of memory while planning")
		       : 0;
}
