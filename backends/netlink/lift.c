/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "lift_private.h"
#include "nf.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory while planning");
}

/* --- which tables to read --- */

struct scope {
	const struct lift_request *request;
	struct select_met *met;
	bool all;
};

static bool
is_wanted(const struct ruleset *rs, const struct table *table, const void *data)
{
	const struct scope *scope = data;

	if (scope->all)
		return true;
	for (size_t i = 0; i < scope->request->n; i++) {
		if (select_means(rs, scope->request->targets[i], table))
			return true;
	}
	for (size_t i = 0; i < rs->n_chains; i++) {
		if (rs->chains[i]->table == table && is_dnat_base(rs->chains[i]))
			return true;
	}
	return false;
}

/* --- one step --- */

struct lift_step *
lift_add_step(struct lift *lift, size_t target, enum action action, struct err *e)
{
	struct lift_step *grown;

	if ((lift->n & (lift->n - 1)) == 0) {
		grown = realloc(lift->steps, (lift->n ? lift->n * 2 : 1) * sizeof(*grown));
		if (!grown) {
			no_memory(e);
			return NULL;
		}
		lift->steps = grown;
	}
	lift->steps[lift->n] = (struct lift_step){ .target = target, .action = action };
	return &lift->steps[lift->n++];
}

int
lift_refuse(struct err *e, const struct rule *rule, const char *why)
{
	char where[WHERE_BUF];

	return err_set(e, ERR_FAILED, "rule %s cannot be lifted: %s", lift_where_rule(where, rule),
		       why);
}

static const char *
place_refusal(const struct rule *rule)
{
	if (rule->at & AT_BRIDGE)
		return "it stands in a bridge or arp table, where geopause does not work: block "
		       "countries in an inet or netdev table instead";
	/* In a chain that incoming hooks share, our prefix does not matter to outgoing packets. */
	if (rule->at == AT_OUTGOING)
		return "it is reached from an output, postrouting or egress hook, where it blocks "
		       "replies by their source port: block countries at input instead";
	return NULL;
}

/* Which port to compare: the packet's, or that before a translation. */
static int
choose_port(struct lift *lift, const struct rule *rule, bool translated, enum mark_port *port,
	    struct err *e)
{
	*port = MARK_PORT_PACKET;
	if (!translated || !(rule->at & AT_BEHIND_NAT))
		return 0;
	if (rule->chain->table->iptables)
		return lift_iptables_port(lift, rule, port) < 0 ? no_memory(e) : 0;
	if (rule->at & AT_BEFORE_CONNTRACK)
		return lift_refuse(
			e, rule,
			"it is reached both before conntrack (raw or ingress) and behind a "
			"port translation: give each hook a chain of its own");
	*port = MARK_PORT_ORIGINAL;
	return 0;
}

static int
check_rule(const struct rule *rule, struct err *e)
{
	const char *why = copy_refusal(rule);

	if (!why)
		why = place_refusal(rule);
	return why ? lift_refuse(e, rule, why) : 0;
}

static int
note_untouched(struct lift *lift, const struct suspect *s, const char *why)
{
	char where[WHERE_BUF];

	return names_addf(&lift->notes, "rule %s %s; it is left as it is",
			  lift_where_rule(where, s->rule), why);
}

int
lift_plan_skip(struct lift *lift, const struct suspect *s, bool translated, struct err *e)
{
	struct lift_step *step;

	if (check_rule(s->rule, e) < 0)
		return -1;
	step = lift_add_step(lift, s->target, ACTION_SKIP, e);
	if (!step)
		return -1;
	step->suspect = *s;
	return choose_port(lift, s->rule, translated, &step->port, e);
}

/* A verdict map that lets some sources through: its copy lets everybody through in that way. */
static bool
widen_verdict(struct eval *eval, const struct suspect *s, const struct packets *packets,
	      struct branch *verdict)
{
	struct evaluation result;
	size_t p = 0, found = 0;

	while (p < packets->n && !(s->concerns & 1u << p))
		p++;
	eval->read_source_maps = true;
	eval_new_packet(eval);
	eval_rule(eval, s->rule, &packets->v[p], VIEW_INSIDE, &result);
	eval->read_source_maps = false;
	for (size_t i = 0; i < result.n; i++) {
		bool returns = (int32_t)result.v[i].verdict == NFT_RETURN;
		unsigned o = eval_branch(eval, s->rule->chain, &result.v[i], &packets->v[p],
					 VIEW_OUTSIDE, 0);

		if (o & MAY_DROP || !(o & MAY_ACCEPT || returns))
			continue;
		if (found == 0 || (int32_t)result.v[i].verdict == NF_ACCEPT)
			*verdict = result.v[i];
		found++;
	}
	return found > 0;
}

static int
plan_widen(struct lift *lift, struct eval *eval, const struct suspect *s,
	   const struct packets *packets, bool translated, struct err *e)
{
	struct lift_step *step;

	if (check_rule(s->rule, e) < 0)
		return -1;
	if (s->rule->at & AT_OUTGOING)
		return lift_refuse(
			e, s->rule,
			"its chain is also reached from an output, postrouting or egress "
			"hook, where a copy would let out what is kept in: give each hook "
			"a chain of its own");
	if (!s->has_criterion || s->criterion.kind == SOURCE_FOREIGN)
		return lift_refuse(
			e, s->rule,
			"it lets packets through, but geopause does not see by which test "
			"of the source: name another rule, or use \"action\": \"skip\"");
	if (s->criterion.mixed)
		return lift_refuse(e, s->rule,
				   "it lets packets through by a concatenation of the source with "
				   "something else, which cannot be left out alone: use a set of "
				   "addresses (and ports)");
	step = lift_add_step(lift, s->target, ACTION_WIDEN, e);
	if (!step)
		return -1;
	step->suspect = *s;
	if (s->rule->chain->table->iptables) {
		lift_iptables_widen(lift, step, packets);
		if (lift_iptables_note_widen(lift, s->rule) < 0)
			return no_memory(e);
	}
	if (s->criterion.decides && !widen_verdict(eval, s, packets, &step->verdict)) {
		lift->n--;
		return note_untouched(lift, s, "lets nobody through to these ports") < 0
			       ? no_memory(e)
			       : 0;
	}
	return choose_port(lift, s->rule, translated, &step->port, e);
}

/* --- the plan --- */

/* Does a step of this kind concern the packet on its way through this base chain? */
static bool
is_changed_for(const struct lift *lift, enum action action, uint64_t base, size_t packet)
{
	for (size_t i = 0; i < lift->n; i++) {
		const struct suspect *s = &lift->steps[i].suspect;

		if (lift->steps[i].action == action && s->rule->bases & base &&
		    s->concerns & 1u << packet)
			return true;
	}
	return false;
}

/* nft prints our mark behind a port translation, but cannot read it back. */
static int
note_unsavable(struct lift *lift)
{
	for (size_t i = 0; i < lift->n; i++) {
		if (lift->steps[i].action != ACTION_SET &&
		    lift->steps[i].port == MARK_PORT_ORIGINAL)
			return names_add(&lift->notes,
					 "ports are translated here (DNAT): do not save the "
					 "ruleset while the window is open, nft cannot load "
					 "`meta l4proto . ct original proto-dst` again");
	}
	return 0;
}

/* Says where a packet is dropped all the same, although the geo-block is out of its way. */
static int
note_dropped(struct lift *lift, struct eval *eval, const struct packets *packets)
{
	for (size_t i = 0; i < lift->rs.n_chains; i++) {
		const struct chain *base = lift->rs.chains[i];
		char name[NAME_BUF], port[PORTS_TEXT_MAX];

		for (size_t p = 0; base->base && base->table->loaded && p < packets->n; p++) {
			struct ports one = { .n = 1, .v = { packets->v[p].port } };

			if (!reach_sees(base, &packets->v[p]) || packets->v[p].translated ||
			    !is_changed_for(lift, ACTION_SKIP, base_bit(i), p) ||
			    is_changed_for(lift, ACTION_WIDEN, base_bit(i), p) ||
			    eval_base(eval, base, &packets->v[p], VIEW_OUTSIDE) != MAY_DROP)
				continue;
			if (names_addf(&lift->notes,
				       "%s over IPv%d is dropped in chain %s %s all the same, by "
				       "its policy or another rule: nothing there lets it through",
				       ports_text(port, &one),
				       packets->v[p].family == NFPROTO_IPV4 ? 4 : 6,
				       base->table->text, err_name(name, base->name)) < 0)
				return -1;
		}
	}
	return 0;
}

static bool
does_nothing(const struct suspect *s, size_t i)
{
	return s->criterion.uses[i] || s->rule->v[i].kind == EXPR_NEUTRAL ||
	       expr_is_comment(&s->rule->v[i]);
}

/* Do two rules of a chain do the same once their test of the source is left out? */
static bool
widens_alike(const struct suspect *a, const struct suspect *b)
{
	size_t i = a->rule->core, j = b->rule->core;

	if (a->rule->chain != b->rule->chain || a->criterion.decides || b->criterion.decides ||
	    a->mark_families != b->mark_families)
		return false;
	for (;;) {
		while (i < a->rule->n && does_nothing(a, i))
			i++;
		while (j < b->rule->n && does_nothing(b, j))
			j++;
		if (i == a->rule->n || j == b->rule->n)
			return i == a->rule->n && j == b->rule->n;
		if (a->rule->v[i].attr->nla_len != b->rule->v[j].attr->nla_len ||
		    memcmp(a->rule->v[i].attr, b->rule->v[j].attr, a->rule->v[i].attr->nla_len))
			return false;
		i++, j++;
	}
}

/* May a blocked source come from the first rule to the second, further down its chain? */
static bool
nothing_drops_between(struct eval *eval, const struct suspect *first, const struct suspect *second,
		      const struct packets *packets)
{
	const struct chain *chain = first->rule->chain;
	size_t i = 0;

	while (i < chain->n && chain->rules[i] != first->rule)
		i++;
	for (; i < chain->n && chain->rules[i] != second->rule; i++) {
		for (size_t p = 0; p < packets->n; p++) {
			struct evaluation result;

			if (chain->rules[i]->lifted || !(first->concerns & 1u << p))
				continue;
			eval_new_packet(eval);
			eval_rule(eval, chain->rules[i], &packets->v[p], VIEW_OUTSIDE, &result);
			for (size_t b = 0; result.match != TRUTH_NO && b < result.n; b++) {
				if (eval_branch(eval, chain, &result.v[b], &packets->v[p],
						VIEW_OUTSIDE, 0) &
				    MAY_DROP)
					return false;
			}
		}
	}
	return i < chain->n;
}

/* Of several copies that do the same the last is enough, and passes the least of the rules. */
static bool
is_repeated_later(struct eval *eval, const struct selection *sel, size_t i,
		  const struct packets *packets)
{
	for (size_t j = i + 1; j < sel->n; j++) {
		if (sel->suspects[j].effect == EFFECT_ALLOW &&
		    sel->suspects[j].concerns == sel->suspects[i].concerns &&
		    widens_alike(&sel->suspects[i], &sel->suspects[j]) &&
		    nothing_drops_between(eval, &sel->suspects[i], &sel->suspects[j], packets))
			return true;
	}
	return false;
}

static int
plan_suspect(struct lift *lift, struct eval *eval, const struct selection *sel, size_t i,
	     const struct packets *packets, bool translated, struct err *e)
{
	const struct suspect *s = &sel->suspects[i];
	enum action action = lift->request.targets[s->target]->action;
	bool done = false;

	if (s->concerns == 0) {
		if (s->rule->at & (AT_BRIDGE | AT_OUTGOING) && !s->rule->reached)
			return 0;
		return note_untouched(lift, s, "does not concern these ports") < 0 ? no_memory(e)
										   : 0;
	}
	if (s->effect == EFFECT_DENY)
		return lift_plan_skip(lift, s, translated, e);
	if (s->effect != EFFECT_ALLOW && s->rule->chain->table->iptables)
		return lift_iptables_marks(s, e);
	if (s->effect != EFFECT_ALLOW)
		return 0; /* counts, logs, marks: nothing that stops a packet */
	if (action != ACTION_WIDEN &&
	    !(classify_outside(eval, s->rule, s->concerns, packets) & MAY_DROP))
		return note_untouched(lift, s, "lets through what nothing drops later") < 0
			       ? no_memory(e)
			       : 0;
	if (s->rule->chain->table->iptables &&
	    (lift_iptables_rest(lift, eval, sel, i, packets, translated, &done, e) < 0 || done))
		return e->code ? -1 : 0;
	if (is_repeated_later(eval, sel, i, packets))
		return 0;
	return plan_widen(lift, eval, s, packets, translated, e);
}

static int
plan_steps(struct lift *lift, struct eval *eval, const struct selection *sel,
	   const struct packets *packets, bool translated, struct err *e)
{
	for (size_t i = 0; i < sel->n_own_sets; i++) {
		if (lift_plan_own_set(lift, eval->nl, &sel->own_sets[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < sel->n; i++) {
		if (plan_suspect(lift, eval, sel, i, packets, translated, e) < 0)
			return -1;
	}
	if (lift_iptables_jumps(lift, eval, packets, translated, e) < 0)
		return -1;
	if (lift_iptables_note(lift, eval, packets) < 0 || note_unsavable(lift) < 0 ||
	    note_dropped(lift, eval, packets) < 0)
		return no_memory(e);
	/* What copying needs is read now, so that apply has nothing to do but to send. */
	for (size_t i = 0; i < lift->n; i++) {
		if (lift->steps[i].action != ACTION_SET &&
		    copy_prepare(eval->nl, &lift->rs, lift->steps[i].suspect.rule, e) < 0)
			return -1;
	}
	return 0;
}

static int
classify_all(struct lift *lift, struct eval *eval, const struct selection *sel,
	     const struct packets *packets, struct err *e)
{
	enum action *actions = calloc(lift->request.n + 1, sizeof(*actions));

	if (!actions)
		return no_memory(e);
	for (size_t i = 0; i < lift->request.n; i++)
		actions[i] = lift->request.targets[i]->action;
	classify(eval, sel->suspects, sel->n, packets, actions);
	free(actions);
	return 0;
}

/* 0, -1, or SELECT_ALL_TABLES. */
static int
plan_once(struct lift *lift, struct nl *nl, struct scope *scope, struct err *e)
{
	struct packets packets = packets_of(&lift->request.ports);
	struct eval eval = { .nl = nl, .rs = &lift->rs, .budget = EVAL_BUDGET, .e = e };
	struct selection sel = { 0 };
	bool translated;
	int rc;

	if (ruleset_load(&lift->rs, nl, is_wanted, scope, e) < 0)
		return -1;
	translated = reach_translate(&eval, &lift->rs, &packets);
	lift_find_behind(lift, &packets);
	rc = select_targets(&sel, &eval, &lift->request, &packets, scope->all, scope->met, e);
	if (rc == 0)
		rc = reach_find(&eval, &lift->rs, &packets, e);
	if (rc == 0)
		rc = classify_all(lift, &eval, &sel, &packets, e);
	if (rc == 0)
		rc = plan_steps(lift, &eval, &sel, &packets, translated, e);
	if (rc == 0 && e->code)
		rc = -1; /* elements could not be read on the way */
	selection_fini(&sel);
	return rc;
}

void
lift_fini(struct lift *lift)
{
	ruleset_fini(&lift->rs);
	free(lift->steps);
	names_fini(&lift->notes);
	lift->steps = NULL;
	lift->n = 0;
}

int
lift_plan(struct lift *lift, struct nl *nl, const struct lift_request *request,
	  struct select_met *met, struct err *e)
{
	struct scope scope = { .request = request, .met = met };
	int rc;

	*lift = (struct lift){ .request = *request };
	rc = plan_once(lift, nl, &scope, e);
	if (rc == SELECT_ALL_TABLES) {
		lift_fini(lift);
		scope.all = true;
		rc = plan_once(lift, nl, &scope, e);
	}
	if (rc != 0)
		lift_fini(lift);
	return rc;
}
