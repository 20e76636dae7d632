/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lift.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alike.h"
#include "copy.h"
#include "lift_private.h"
#include "nf.h"
#include "sends.h"

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
lift_refuse(struct err *e, const struct rule *rule, const char *fmt, ...)
{
	char where[WHERE_BUF], why[ERR_MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
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

int
lift_check_rule(const struct rule *rule, struct err *e)
{
	const char *why = copy_refusal(rule);

	if (!why)
		why = place_refusal(rule);
	return why ? lift_refuse(e, rule, "%s", why) : 0;
}

/* The note of the last rules that nothing is done about. */
static int
add_untouched(struct lift *lift)
{
	const struct untouched *last = &lift->untouched;
	char where[WHERE_BUF];

	if (last->n == 0)
		return 0;
	lift_where_rule(where, last->rule);
	if (last->n == 1)
		return names_addf(&lift->notes, "rule %s %s; it is left as it is", where,
				  last->why);
	return names_addf(&lift->notes,
			  "rule %s, and %zu more of its chain: each %s; they are left as they are",
			  where, last->n - 1, last->why);
}

int
lift_note_untouched(struct lift *lift, const struct suspect *s, const char *why)
{
	struct untouched *last = &lift->untouched;

	/* A chain may have thousands of them: one note. */
	if (last->n == 0 || last->why != why || last->rule->chain != s->rule->chain) {
		if (add_untouched(lift) < 0)
			return -1;
		*last = (struct untouched){ .rule = s->rule, .why = why };
	}
	last->last = s->rule;
	last->n++;
	return 0;
}

bool
lift_is_planned(const struct lift *lift, const struct rule *rule)
{
	for (size_t i = 0; i < lift->n; i++) {
		if (lift->steps[i].action != ACTION_SET && lift->steps[i].suspect.rule == rule)
			return true;
	}
	return false;
}

int
lift_plan_skip(struct lift *lift, const struct suspect *s, struct err *e)
{
	struct lift_step *step;

	if (lift_check_rule(s->rule, e) < 0)
		return -1;
	step = lift_add_step(lift, s->target, ACTION_SKIP, e);
	if (!step)
		return -1;
	step->suspect = *s;
	if (s->rule->chain->table->iptables)
		lift_iptables_step(lift, step);
	return lift_choose_port(lift, step, e);
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
		    lift->steps[i].port.compares == MARK_PORT_ORIGINAL)
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

/* What it does not let through is not dropped, as far as is seen. */
static int
leave_allow(struct lift *lift, struct eval *eval, const struct suspect *s, struct err *e)
{
	if (sends_by_source(eval, s->rule, s->concerns, &lift->packets))
		return lift_refuse(
			e, s->rule,
			"%ssends packets to another port or host by their source, and geopause "
			"does not see whether that keeps sources out: name it in a target of its "
			"own, with \"action\": \"skip\" if these sources are kept out, or "
			"\"widen\" if all others are",
			sends_on(s->rule) ? "it "
					  : "it, or a rule that it leads to or lets them pass, ");
	return lift_note_untouched(lift, s, "lets through what nothing drops later") < 0
		       ? no_memory(e)
		       : 0;
}

static int
plan_allow(struct lift *lift, struct eval *eval, const struct selection *sel, size_t i,
	   struct err *e)
{
	const struct suspect *s = &sel->suspects[i];
	bool forced = lift->request.targets[s->target]->action == ACTION_WIDEN, done = false;
	uint32_t dropped = forced ? s->concerns : classify_dropped(eval, s, &lift->packets);

	if (!dropped && !forced)
		return leave_allow(lift, eval, s, e);
	if (s->rule->chain->table->iptables &&
	    (lift_plan_rest(lift, eval, sel, s, &done, e) < 0 || done))
		return e->code ? -1 : 0;
	return lift_plan_widen(lift, eval, sel, i, dropped, e);
}

/* Single sources, which are to stay out, may be kept out by what the rule leads to, or by itself.
 */
static int
plan_deny(struct lift *lift, struct eval *eval, const struct suspect *s, struct err *e)
{
	const struct rule *ban = bans_skipped(eval, s->rule, s->concerns, &lift->packets);
	struct criteria by;
	char where[WHERE_BUF];

	if (s->criterion.narrowed && lift->request.targets[s->target]->action == ACTION_AUTO)
		return lift_refuse(
			e, s->rule,
			"it drops only sources that another list has as well, which may be one of "
			"bans: name that list too, or say \"action\": \"skip\", if it is none");
	if (!ban)
		return lift_plan_skip(lift, s, e);
	criteria_find(&by, eval->rs, ban);
	return lift_refuse(
		e, s->rule,
		"it leads to rule %s, which drops %s, and whoever does not go there would pass "
		"that by: move that rule before this one, or give the rules there that drop the "
		"rest a comment and name them instead",
		lift_where_rule(where, ban), by.n ? "single sources" : "what is too much");
}

static int
plan_suspect(struct lift *lift, struct eval *eval, const struct selection *sel, size_t i,
	     struct err *e)
{
	const struct suspect *s = &sel->suspects[i];
	bool done = false;

	if (s->concerns == 0) {
		if (s->rule->at & (AT_BRIDGE | AT_OUTGOING) && !s->rule->reached)
			return 0;
		return lift_note_untouched(lift, s, "does not concern these ports") < 0
			       ? no_memory(e)
			       : 0;
	}
	if (lift_plan_indirect(lift, eval, sel, s, &done, e) < 0 || done)
		return e->code ? -1 : 0;
	if (s->effect == EFFECT_DENY)
		return plan_deny(lift, eval, s, e);
	if (s->effect == EFFECT_ALLOW)
		return plan_allow(lift, eval, sel, i, e);
	if (sends_on(s->rule))
		return leave_allow(lift, eval, s, e);
	return 0; /* counts, logs, marks: nothing that stops a packet */
}

/* What was found out of a suspect, as long as there are no more steps than then. */
struct finding {
	size_t steps;
	const char *untouched; /* why; NULL: nothing was noted */
	bool skipped;          /* it is skipped, and leads to no ban */
};

static int
plan_again(struct lift *lift, const struct suspect *s, const struct finding *known, struct err *e)
{
	if (!known->untouched)
		return 0;
	return lift_note_untouched(lift, s, known->untouched) < 0 ? no_memory(e) : 0;
}

static bool
is_skipped(const struct lift *lift, const struct suspect *s)
{
	const struct lift_step *last = lift->n ? &lift->steps[lift->n - 1] : NULL;

	return s->effect == EFFECT_DENY && last && last->suspect.rule == s->rule &&
	       last->action == ACTION_SKIP;
}

static int
plan_suspects(struct lift *lift, struct eval *eval, const struct selection *sel, struct err *e)
{
	struct finding known[ALIKE_MAX];
	struct alike alike = { .n = 0 };

	for (size_t i = 0; i < sel->n; i++) {
		size_t kind, steps = lift->n, notes = lift->notes.n;
		bool seen = alike_seen(&alike, &sel->suspects[i], &kind);

		if (seen && known[kind].steps == lift->n) {
			if (plan_again(lift, &sel->suspects[i], &known[kind], e) < 0)
				return -1;
			continue;
		}
		if (seen && known[kind].skipped && sel->suspects[i].effect == EFFECT_DENY) {
			if (lift_plan_skip(lift, &sel->suspects[i], e) < 0)
				return -1;
			continue;
		}
		lift->untouched.last = NULL;
		if (plan_suspect(lift, eval, sel, i, e) < 0)
			return -1;
		known[kind] = (struct finding){ .steps = SIZE_MAX,
						.skipped = is_skipped(lift, &sel->suspects[i]) };
		if (lift->n != steps)
			continue;
		if (lift->untouched.last == sel->suspects[i].rule)
			known[kind] = (struct finding){ steps, lift->untouched.why, false };
		else if (lift->notes.n == notes)
			known[kind].steps = steps;
	}
	return add_untouched(lift) < 0 ? no_memory(e) : 0;
}

static int
plan_steps(struct lift *lift, struct eval *eval, const struct selection *sel, struct err *e)
{
	for (size_t i = 0; i < sel->n_own_sets; i++) {
		if (lift_plan_own_set(lift, eval->nl, &sel->own_sets[i], e) < 0)
			return -1;
		sel->own_sets[i].set->filled = true;
	}
	if (plan_suspects(lift, eval, sel, e) < 0)
		return -1;
	if (lift_order_copies(lift, eval, e) < 0 || lift_plan_checks(lift, eval, sel, e) < 0 ||
	    lift_iptables_jumps(lift, eval, e) < 0)
		return -1;
	if (lift_iptables_notes(lift) < 0 || note_unsavable(lift) < 0 ||
	    note_dropped(lift, eval, &lift->packets) < 0)
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
classify_all(struct lift *lift, struct eval *eval, const struct selection *sel, struct err *e)
{
	enum action *actions = calloc(lift->request.n + 1, sizeof(*actions));

	if (!actions)
		return no_memory(e);
	for (size_t i = 0; i < lift->request.n; i++)
		actions[i] = lift->request.targets[i]->action;
	classify(eval, sel->suspects, sel->n, &lift->packets, actions);
	free(actions);
	return 0;
}

/* 0, -1, or SELECT_ALL_TABLES. */
static int
plan_once(struct lift *lift, struct nl *nl, struct scope *scope, struct err *e)
{
	struct eval eval = { .nl = nl, .rs = &lift->rs, .budget = EVAL_BUDGET, .e = e };
	struct packets *packets = &lift->packets;
	struct selection sel = { 0 };
	int rc;

	*packets = packets_of(&lift->request.ports);
	if (ruleset_load(&lift->rs, nl, is_wanted, scope, e) < 0)
		return -1;
	lift->translated = reach_translate(&eval, &lift->rs, &lift->unseen, packets);
	lift->others_become_asked = lift_others_become_asked(lift, &eval);
	lift_find_behind(lift, packets);
	rc = select_targets(&sel, &eval, &lift->request, packets, scope->all, scope->met, e);
	if (rc == 0)
		rc = reach_find(&eval, &lift->rs, packets, e);
	if (rc == 0)
		rc = classify_all(lift, &eval, &sel, e);
	if (rc == 0)
		rc = plan_steps(lift, &eval, &sel, e);
	if (rc == 0 && eval.budget == 0)
		rc = reach_too_complex(e);
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
	lift->untouched = (struct untouched){ .n = 0 };
	lift->steps = NULL;
	lift->n = 0;
}

int
lift_plan(struct lift *lift, struct nl *nl, const struct lift_request *request,
	  const struct unseen_nat *unseen, struct select_met *met, struct err *e)
{
	struct scope scope = { .request = request, .met = met };
	int rc;

	*lift = (struct lift){ .request = *request, .unseen = *unseen };
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
