/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rule that lets some sources through: a copy of it lets everybody through in that way. */
#include <stdio.h>
#include <string.h>

#include "alike.h"
#include "lift_private.h"
#include "nf.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory while planning");
}

/*
 * What a verdict map does to let the packet through. Rather with the bans that it leads some
 * sources to than without.
 */
static bool
verdict_for(struct eval *eval, const struct suspect *s, const struct packet *packet, uint32_t bit,
	    struct branch *verdict)
{
	bool banned = false;
	struct evaluation result;
	size_t found = 0;

	eval->read_source_maps = eval->read_ports = true;
	eval_new_packet(eval);
	eval_rule(eval, s->rule, packet, VIEW_INSIDE, &result);
	eval->read_source_maps = eval->read_ports = false;
	for (size_t i = 0; i < result.n; i++) {
		bool bans, returns = (int32_t)result.v[i].verdict == NFT_RETURN;
		unsigned o =
			eval_branch(eval, s->rule->chain, &result.v[i], packet, VIEW_OUTSIDE, 0);

		if (o & MAY_DROP || !(o & MAY_ACCEPT || returns))
			continue;
		bans = bans_met(eval, s->rule->chain, &result.v[i], packet, bit) != NULL;
		if (found == 0 || (bans && !banned) ||
		    (!banned && (int32_t)result.v[i].verdict == NF_ACCEPT))
			*verdict = result.v[i];
		banned |= bans;
		found++;
	}
	return found > 0;
}

static bool
same_branch(const struct branch *a, const struct branch *b)
{
	return a->verdict == b->verdict &&
	       (a->chain == b->chain || (a->chain && b->chain && !strcmp(a->chain, b->chain)));
}

/* What the copy of a verdict map does; false: nothing. *differs: it depends on the port. */
static bool
widen_verdict(struct eval *eval, const struct suspect *s, const struct packets *packets,
	      struct branch *verdict, bool *differs)
{
	bool found = false;

	*differs = false;
	for (size_t p = 0; p < packets->n; p++) {
		struct branch one;

		if (!(s->concerns & 1u << p) ||
		    !verdict_for(eval, s, &packets->v[p], 1u << p, &one))
			continue;
		*differs |= found && !same_branch(&one, verdict);
		*verdict = found ? *verdict : one;
		found = true;
	}
	return found;
}

/* Is a copy planned that does the same at the same place as the last step's? */
static bool
is_repeated(const struct lift *lift)
{
	const struct lift_step *last = &lift->steps[lift->n - 1];

	for (size_t i = 0; i + 1 < lift->n; i++) {
		const struct lift_step *step = &lift->steps[i];

		if (step->action == ACTION_WIDEN && step->place.chain == last->place.chain &&
		    step->place.before == last->place.before &&
		    alike_but_source(&step->suspect, &last->suspect))
			return true;
	}
	return false;
}

/* --- planning --- */

int
lift_refuse_ban(struct err *e, const struct rule *rule, const struct rule *ban)
{
	char where[WHERE_BUF];

	return lift_refuse(
		e, rule,
		"it lets packets through, and a copy that lets everybody through would pass rule "
		"%s by, which drops single sources and stands behind it: move that rule before "
		"this one, or give the rule that drops the rest a comment and name that instead",
		lift_where_rule(where, ban));
}

static int
check_allow(const struct suspect *s, struct err *e)
{
	if (lift_check_rule(s->rule, e) < 0)
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
	if (s->criterion.ambiguous)
		return lift_refuse(
			e, s->rule,
			"it lets packets through by more than one test of the source, and "
			"nothing says which of them is the geo-block's: name its set");
	if (s->criterion.mixed)
		return lift_refuse(e, s->rule,
				   "it lets packets through by a concatenation of the source with "
				   "something else, which cannot be left out alone: use a set of "
				   "addresses (and ports)");
	return 0;
}

/* No place for a copy: but perhaps the rule that drops the rest can be skipped. */
static int
plan_without_copy(struct lift *lift, struct eval *eval, const struct selection *sel,
		  const struct suspect *s, const struct rule *ban, struct err *e)
{
	bool done = false;

	lift->n--;
	if (lift_plan_rest(lift, eval, sel, s, &done, e) < 0)
		return -1;
	if (done)
		return 0;
	return ban ? lift_refuse_ban(e, s->rule, ban)
		   : lift_refuse(
			     e, s->rule,
			     "it lets packets through, but geopause does not see what drops the "
			     "others: name the rule that does");
}

static int
note_place(struct lift *lift, const struct lift_step *step)
{
	char where[WHERE_BUF], name[NAME_BUF];

	if (step->place.chain == step->suspect.rule->chain)
		return 0;
	return names_addf(&lift->notes,
			  "the copy of rule %s stands in chain %s %s, behind what keeps single "
			  "sources out there",
			  lift_where_rule(where, step->suspect.rule),
			  step->place.chain->table->text, err_name(name, step->place.chain->name));
}

struct lift_step *
lift_add_copy(struct lift *lift, const struct suspect *s, struct err *e)
{
	struct lift_step *step;

	if (check_allow(s, e) < 0)
		return NULL;
	step = lift_add_step(lift, s->target, ACTION_WIDEN, e);
	if (step)
		step->suspect = *s;
	return step;
}

int
lift_plan_widen(struct lift *lift, struct eval *eval, const struct selection *sel, size_t i,
		uint32_t dropped, struct err *e)
{
	const struct suspect *s = &sel->suspects[i];
	const struct rule *ban = NULL;
	struct lift_step *step;
	bool differs = false;

	step = lift_add_copy(lift, s, e);
	if (!step)
		return -1;
	/* To other ports the copy would let packets pass what else stands behind it. */
	step->suspect.spares |= s->concerns & ~dropped;
	step->suspect.concerns &= dropped;
	if (s->criterion.decides &&
	    !widen_verdict(eval, &step->suspect, &lift->packets, &step->verdict, &differs)) {
		lift->n--;
		return lift_note_untouched(lift, s, "lets nobody through to these ports") < 0
			       ? no_memory(e)
			       : 0;
	}
	if (differs)
		return lift_refuse(
			e, s->rule,
			"it lets packets to one port through in another way than those to another, "
			"by one map of sources and ports: name the ports in rules of their own, or "
			"ask for one challenge at a time");
	if (!lift_find_place(lift, eval, step, &ban)) {
		const struct suspect kept = step->suspect;

		return plan_without_copy(lift, eval, sel, &kept, ban, e);
	}
	if (is_repeated(lift)) {
		lift->n--;
		return 0;
	}
	if (s->rule->chain->table->iptables)
		lift_iptables_step(lift, step);
	if (note_place(lift, step) < 0)
		return no_memory(e);
	return lift_choose_port(lift, step, e);
}
