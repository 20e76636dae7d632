/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is different in tables of iptables-nft. Its tools save what they show: our prefix before the
 * administrator's rule is not, a rule of ours is; and `ct` hides the whole table from them, so that
 * an empty one is saved. So rules that drop are skipped wherever that is enough, and a rule that
 * lets through has, beside our prefix, tests that iptables shows: its ports, and when it ends.
 */
#include <string.h>
#include <time.h>

#include "lift.h"
#include "lift_private.h"
#include "nf.h"

#define MANY_RULES 16 /* of one chain; with more, the jump to it is changed instead */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory while planning");
}

/* --- ports behind DNAT --- */

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

bool
lift_is_first(const struct lift *lift, size_t i, bool dnat)
{
	const struct lift_step *step = &lift->steps[i];

	if (step->action == ACTION_SET || (dnat && step->port != MARK_PORT_TRANSLATED))
		return false;
	for (size_t k = 0; k < i; k++) {
		const struct lift_step *other = &lift->steps[k];

		if (other->action != ACTION_SET &&
		    other->suspect.rule->chain->table == step->suspect.rule->chain->table &&
		    (!dnat || other->port == MARK_PORT_TRANSLATED))
			return false;
	}
	return true;
}

/* Ports are known as DNAT makes them; on the way to this host, as a redirect does. */
int
lift_iptables_port(struct lift *lift, const struct rule *rule, enum mark_port *port)
{
	const struct table *table = rule->chain->table;
	struct ports more = ports_minus(lift_ports_behind(lift, table), &lift->request.ports);
	char where[WHERE_BUF], text[PORTS_TEXT_MAX];

	if (more.n > 0 &&
	    (rule->at & AT_FORWARD || lift->redirected[table->family == NFPROTO_IPV6])) {
		*port = MARK_PORT_TRANSLATED;
		return names_addf(&lift->notes,
				  "rule %s sees ports as DNAT makes them: %s are lifted there, "
				  "whichever port they were published by",
				  lift_where_rule(where, rule),
				  ports_text(text, lift_ports_behind(lift, table)));
	}
	if (more.n == 0 && rule->at & AT_FORWARD)
		return names_addf(&lift->notes,
				  "rule %s stands behind a translation of ports that is not seen "
				  "here (iptables-legacy's nat table, a map): only packets that "
				  "still have the asked ports there are let in; block countries in "
				  "raw or mangle PREROUTING, before it",
				  lift_where_rule(where, rule));
	return 0;
}

/* Is it a rule that makes one of these ports of a port that was not asked for? */
static bool
publishes_otherwise(struct eval *eval, const struct rule *rule, const struct packets *packets,
		    const struct ports *ports)
{
	bool makes = false, by_asked = false;

	for (size_t i = rule->core; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];
		uint16_t port = x->kind == EXPR_TARGET && strcmp(x->set, "DNAT") == 0
					? eval_xt_port(rule, x)
					: 0;

		for (size_t k = 0; port && k < ports->n; k++)
			makes |= ports->v[k].number == port;
	}
	for (size_t p = 0; makes && p < packets->n; p++) {
		struct evaluation result;

		if (packets->v[p].translated || !eval_sees(rule->chain, &packets->v[p]))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, rule, &packets->v[p], VIEW_ANYWHERE, &result);
		by_asked |= result.match != TRUTH_NO;
	}
	return makes && !by_asked;
}

static const struct rule *
find_published(struct eval *eval, const struct rule *lifted, const struct packets *packets,
	       const struct ports *ports)
{
	const struct ruleset *rs = eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		if (!chain->table->loaded || strcmp(chain->table->name, "nat") != 0 ||
		    chain->table->family != lifted->chain->table->family)
			continue;
		for (size_t j = 0; j < chain->n; j++) {
			if (publishes_otherwise(eval, chain->rules[j], packets, ports))
				return chain->rules[j];
		}
	}
	return NULL;
}

/*
 * Behind DNAT a rule of iptables sees no more than the container's port: who comes to that by
 * another published port is let in as well.
 */
int
lift_iptables_note(struct lift *lift, struct eval *eval, const struct packets *packets)
{
	for (size_t i = 0; i < lift->n; i++) {
		const struct lift_step *step = &lift->steps[i];
		const struct rule *rule = step->suspect.rule, *other;
		char where[WHERE_BUF], nat[WHERE_BUF];

		if (step->action == ACTION_SET || !rule->chain->table->iptables ||
		    !(rule->at & AT_FORWARD))
			continue;
		other = find_published(eval, rule, packets,
				       step->port == MARK_PORT_TRANSLATED
					       ? lift_ports_behind(lift, rule->chain->table)
					       : &lift->request.ports);
		if (other)
			return names_addf(
				&lift->notes,
				"rule %s stands behind DNAT and sees the ports of containers: what "
				"rule %s sends to the same port comes in as well while the window "
				"is open; block countries in raw or mangle PREROUTING, before "
				"DNAT, to have only these ports lifted",
				lift_where_rule(where, rule), lift_where_rule(nat, other));
	}
	return 0;
}

/* --- allow-lists --- */

/* Every test of `rest` is one of the other rule's too: what that rule would take, this one takes.
 */
static bool
tests_no_more(const struct rule *rest, const struct rule *rule)
{
	for (size_t i = rest->core; i < rest->n; i++) {
		const struct expr *x = &rest->v[i];
		bool found = x->kind == EXPR_NEUTRAL || x->kind == EXPR_TARGET ||
			     x->kind == EXPR_REJECT || x->is_verdict || expr_is_comment(x);

		for (size_t k = rule->core; k < rule->n && !found; k++)
			found = x->attr->nla_len == rule->v[k].attr->nla_len &&
				memcmp(x->attr, rule->v[k].attr, x->attr->nla_len) == 0;
		if (!found)
			return false;
	}
	return true;
}

/* Does the rule drop the packet for certain, if its tests that are not known match? */
static bool
drops(struct eval *eval, const struct rule *rule, const struct packet *packet)
{
	struct evaluation result;

	eval_new_packet(eval);
	eval_rule(eval, rule, packet, VIEW_OUTSIDE, &result);
	for (size_t b = 0; result.match != TRUTH_NO && b < result.n; b++) {
		if (eval_branch(eval, rule->chain, &result.v[b], packet, VIEW_OUTSIDE, 0) !=
		    MAY_DROP)
			return false;
	}
	return result.match != TRUTH_NO && result.n > 0;
}

/* The rule of the same chain that drops whatever this one does not let through. */
static struct rule *
find_rest(struct eval *eval, const struct suspect *s, const struct packets *packets)
{
	const struct chain *chain = s->rule->chain;
	size_t i = 0;

	while (i < chain->n && chain->rules[i] != s->rule)
		i++;
	for (i++; i < chain->n; i++) {
		bool all = tests_no_more(chain->rules[i], s->rule);

		for (size_t p = 0; all && p < packets->n; p++)
			all = !(s->concerns & 1u << p) ||
			      drops(eval, chain->rules[i], &packets->v[p]);
		if (all)
			return chain->rules[i];
	}
	return NULL;
}

/* Packets to the asked ports that no rule of the selection lets through before `rest`. */
static bool
drops_others(struct eval *eval, const struct selection *sel, const struct rule *rest,
	     const struct packets *packets)
{
	uint32_t allowed = 0;

	for (size_t i = 0; i < sel->n; i++) {
		if (sel->suspects[i].rule->chain == rest->chain &&
		    sel->suspects[i].effect == EFFECT_ALLOW)
			allowed |= sel->suspects[i].concerns;
	}
	for (size_t p = 0; p < packets->n; p++) {
		struct evaluation result;

		if (allowed & 1u << p || !(rest->reached & 1u << p))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, rest, &packets->v[p], VIEW_OUTSIDE, &result);
		if (result.match != TRUTH_NO)
			return true;
	}
	return false;
}

static bool
is_planned(const struct lift *lift, const struct rule *rule)
{
	for (size_t i = 0; i < lift->n; i++) {
		if (lift->steps[i].action != ACTION_SET && lift->steps[i].suspect.rule == rule)
			return true;
	}
	return false;
}

/* Would what this rule lets through come in, were `rest` out of the way? */
static bool
is_enough(struct eval *eval, const struct suspect *s, struct rule *rest,
	  const struct packets *packets)
{
	bool enough;

	rest->lifted = true;
	enough = classify_outside(eval, s->rule, s->concerns, packets) != MAY_DROP;
	rest->lifted = false;
	return enough;
}

int
lift_iptables_rest(struct lift *lift, struct eval *eval, const struct selection *sel, size_t i,
		   const struct packets *packets, bool translated, bool *done, struct err *e)
{
	const struct suspect *s = &sel->suspects[i];
	struct suspect rest = { .target = s->target, .effect = EFFECT_DENY };

	rest.rule = find_rest(eval, s, packets);
	rest.concerns = s->concerns;
	*done = rest.rule && is_planned(lift, rest.rule);
	if (*done || !rest.rule || !is_enough(eval, s, rest.rule, packets) ||
	    drops_others(eval, sel, rest.rule, packets))
		return 0;
	*done = true;
	rest.rule->lifted = true;
	return lift_plan_skip(lift, &rest, translated, e);
}

/* --- copies that let through --- */

size_t
lift_widen_protos(const struct lift_step *step, const struct ports *ports, uint8_t protos[2])
{
	size_t n = 0;

	for (size_t k = 0; k < 2; k++) {
		uint8_t proto = k == 0 ? IPPROTO_TCP : IPPROTO_UDP;
		bool asked = false;

		for (size_t i = 0; i < ports->n; i++)
			asked |= ports->v[i].proto == proto;
		if (asked && step->protos & 1u << k)
			protos[n++] = proto;
	}
	return n;
}

void
lift_iptables_widen(const struct lift *lift, struct lift_step *step, const struct packets *packets)
{
	const struct lift_request *request = &lift->request;

	for (size_t p = 0; p < packets->n; p++) {
		if (step->suspect.concerns & 1u << p)
			step->protos |= packets->v[p].port.proto == IPPROTO_TCP ? 1u : 2u;
	}
	step->until =
		time(NULL) + (time_t)(request->window_s > request->expiry_s ? request->window_s
									    : request->expiry_s);
}

const struct ports *
lift_step_ports(const struct lift *lift, const struct lift_step *step)
{
	return step->port == MARK_PORT_TRANSLATED
		       ? lift_ports_behind(lift, step->suspect.rule->chain->table)
		       : &lift->request.ports;
}

int
lift_iptables_note_widen(struct lift *lift, const struct rule *rule)
{
	char where[WHERE_BUF];

	return names_addf(&lift->notes,
			  "a rule of geopause's stands before %s while the window is open, and "
			  "iptables shows it; should it be saved, its `-m time --datestop` is over "
			  "after the window",
			  lift_where_rule(where, rule));
}

/* --- marks --- */

int
lift_iptables_marks(const struct suspect *s, struct err *e)
{
	for (size_t i = s->rule->core; i < s->rule->n; i++) {
		const struct expr *x = &s->rule->v[i];

		if (x->kind == EXPR_TARGET &&
		    (strcmp(x->set, "MARK") == 0 || strcmp(x->set, "CONNMARK") == 0))
			return lift_refuse(
				e, s->rule,
				"it marks packets by their source, and geopause does not "
				"see which rules decide on the mark: name the rule that "
				"drops them by \"comment\"");
	}
	return 0;
}

/* --- many rules of one chain --- */

static size_t
count_steps(const struct lift *lift, const struct chain *chain)
{
	size_t n = 0;

	for (size_t i = 0; i < lift->n; i++)
		n += lift->steps[i].action == ACTION_SKIP &&
		     lift->steps[i].suspect.rule->chain == chain;
	return n;
}

/* Does a packet pass the rule, or leave the chain by it as at its end? */
static bool
passes(struct eval *eval, const struct rule *rule, const struct packets *packets)
{
	for (size_t p = 0; p < packets->n; p++) {
		struct evaluation result;

		if (!(rule->reached & 1u << p))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, rule, &packets->v[p], VIEW_ANYWHERE, &result);
		for (size_t b = 0; result.match != TRUTH_NO && b < result.n; b++) {
			if (rule != rule->chain->rules[rule->chain->n - 1] ||
			    (int32_t)result.v[b].verdict != NFT_RETURN)
				return false;
		}
	}
	return true;
}

static bool
only_blocks(struct eval *eval, const struct lift *lift, const struct chain *chain,
	    const struct packets *packets)
{
	for (size_t i = 0; i < chain->n; i++) {
		if (!is_planned(lift, chain->rules[i]) && !passes(eval, chain->rules[i], packets))
			return false;
	}
	return true;
}

/* The one rule of the table that leads to the chain, if it is a jump that comes back. */
static struct rule *
find_jump(const struct ruleset *rs, const struct chain *to)
{
	struct rule *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		for (size_t j = 0; chain->table == to->table && j < chain->n; j++) {
			for (size_t k = 0; k < chain->rules[j]->n; k++) {
				const struct expr *x = &chain->rules[j]->v[k];

				if (!x->is_verdict || !x->chain || strcmp(x->chain, to->name) != 0)
					continue;
				found = (int32_t)x->verdict == NFT_JUMP ? chain->rules[j] : NULL;
				n++;
			}
		}
	}
	return n == 1 ? found : NULL;
}

/* Takes the chain's steps out of the plan; *jump gets what they had in common. */
static void
drop_steps(struct lift *lift, const struct chain *chain, struct suspect *jump)
{
	size_t kept = 0;

	for (size_t i = 0; i < lift->n; i++) {
		const struct lift_step *step = &lift->steps[i];

		if (step->action != ACTION_SKIP || step->suspect.rule->chain != chain) {
			lift->steps[kept++] = *step;
			continue;
		}
		jump->target = step->suspect.target;
		jump->concerns |= step->suspect.concerns;
	}
	lift->n = kept;
}

static int
take_jump(struct lift *lift, struct eval *eval, const struct chain *chain,
	  const struct packets *packets, bool translated, struct err *e)
{
	struct suspect jump = { .effect = EFFECT_DENY };
	size_t n = count_steps(lift, chain);
	char where[WHERE_BUF];

	if (n <= MANY_RULES || chain->base || !only_blocks(eval, lift, chain, packets))
		return 0;
	jump.rule = find_jump(&lift->rs, chain);
	if (!jump.rule || is_planned(lift, jump.rule))
		return 0;
	drop_steps(lift, chain, &jump);
	jump.rule->lifted = true;
	if (names_addf(&lift->notes,
		       "the %zu rules of the chain that rule %s jumps to are lifted by that jump",
		       n, lift_where_rule(where, jump.rule)) < 0)
		return no_memory(e);
	return lift_plan_skip(lift, &jump, translated, e);
}

int
lift_iptables_jumps(struct lift *lift, struct eval *eval, const struct packets *packets,
		    bool translated, struct err *e)
{
	for (size_t i = 0; lift->n > MANY_RULES && i < lift->rs.n_chains; i++) {
		const struct chain *chain = lift->rs.chains[i];

		if (chain->table->iptables &&
		    take_jump(lift, eval, chain, packets, translated, e) < 0)
			return -1;
	}
	return 0;
}
