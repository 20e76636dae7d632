/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that do not decide by themselves: they write a mark, fill a set or hand packets to a
 * program. What decides then may be shared with bans, which must go on working.
 */
#include <stdio.h>
#include <string.h>

#include "indirect.h"
#include "lift_private.h"
#include "nf.h"
#include "select_search.h"

/* --- marks --- */

static bool
tests_ctmark(const struct suspect *s)
{
	return s->criterion.of == OF_CTMARK;
}

/* Does the rule take a packet with this mark? */
static bool
takes_mark(struct eval *eval, const struct suspect *s, uint32_t value,
	   const struct packets *packets)
{
	bool mark = eval->source_mark, ctmark = eval->source_ctmark, takes = false;

	eval->source_mark = eval->source_ctmark = false;
	for (size_t p = 0; p < packets->n; p++) {
		struct evaluation result;

		if (!(s->concerns & 1u << p))
			continue;
		eval_new_packet(eval);
		eval->mark = eval->ctmark = value;
		eval_rule(eval, s->rule, &packets->v[p], VIEW_INSIDE, &result);
		takes |= result.match != TRUTH_NO;
	}
	eval->source_mark = mark;
	eval->source_ctmark = ctmark;
	return takes;
}

/* The constant that the writer writes; false: it is looked up, or not seen. */
static bool
written_by(struct eval *eval, const struct rule *writer, const struct packets *packets,
	   uint32_t *value)
{
	for (size_t p = 0; p < packets->n; p++) {
		struct evaluation result;

		if (!(writer->reached & 1u << p))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, writer, &packets->v[p], VIEW_INSIDE, &result);
		if (eval->written_known) {
			*value = eval->written;
			return true;
		}
	}
	return false;
}

static bool
has_source(const struct criteria *all)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].of == OF_SOURCE)
			return true;
	}
	return false;
}

static bool
families_meet(const struct rule *a, const struct rule *b)
{
	uint8_t x = a->chain->table->family, y = b->chain->table->family;
	bool x_one = x == NFPROTO_IPV4 || x == NFPROTO_IPV6;
	bool y_one = y == NFPROTO_IPV4 || y == NFPROTO_IPV6;

	return !x_one || !y_one || x == y;
}

static unsigned
families_of(const struct rule *writer, const struct criteria *all)
{
	unsigned families = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].of == OF_SOURCE)
			families |= select_mark_families(writer, &all->v[i]);
	}
	return families ? families : FAMILY_IPV4 | FAMILY_IPV6;
}

/* What the rule makes of the mark that the suspect tests. */
enum writes {
	WRITES_NOTHING, /* nothing, or not for packets that a CA's may be among */
	WRITES_TAKEN,   /* a mark that the suspect takes, where it would not without */
	WRITES_OTHER,   /* by the source, another one */
	WRITES_UNKNOWN, /* by the source */
};

static enum writes
what_writes(struct eval *eval, const struct rule *writer, const struct suspect *s,
	    const struct packets *packets)
{
	struct criteria all;
	uint32_t value;

	if (writer->ours || !writer->reached || !families_meet(writer, s->rule) ||
	    !(writer->at & ~(uint32_t)(AT_OUTGOING | AT_BRIDGE)))
		return WRITES_NOTHING;
	criteria_find(&all, eval->rs, writer);
	if (!(tests_ctmark(s) ? all.sets_ctmark : all.sets_mark) &&
	    !((all.sets_mark || all.sets_ctmark) && select_marks_copied(eval->rs)))
		return WRITES_NOTHING;
	/* A copy that lets one family through does not matter to the other's sources. */
	if (s->effect == EFFECT_ALLOW && suspect_one_family(s) &&
	    !(families_of(writer, &all) & s->mark_families))
		return WRITES_NOTHING;
	if (!written_by(eval, writer, packets, &value))
		return has_source(&all) ? WRITES_UNKNOWN : WRITES_NOTHING;
	if (!takes_mark(eval, s, value, packets))
		return has_source(&all) ? WRITES_OTHER : WRITES_NOTHING;
	return has_source(&all) || !takes_mark(eval, s, 0, packets) ? WRITES_TAKEN : WRITES_NOTHING;
}

/* Is what the writer does to be kept when the suspect is lifted, and would not be? */
static bool
is_lost(enum writes writes, const struct suspect *s)
{
	return writes == WRITES_UNKNOWN ||
	       writes == (s->effect == EFFECT_DENY ? WRITES_TAKEN : WRITES_OTHER);
}

static const struct suspect *
selected_writer(const struct selection *sel, const struct rule *rule)
{
	for (size_t i = 0; i < sel->n; i++) {
		if (sel->suspects[i].rule == rule && sel->suspects[i].mark_tested)
			return &sel->suspects[i];
	}
	return NULL;
}

/* A rule that was not selected and keeps packets out by the mark that the suspect tests. */
static const struct rule *
find_other_writer(struct eval *eval, const struct selection *sel, const struct suspect *s,
		  const struct packets *packets)
{
	const struct ruleset *rs = eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			const struct rule *rule = rs->chains[i]->rules[j];

			if (!selected_writer(sel, rule) &&
			    is_lost(what_writes(eval, rule, s, packets), s))
				return rule;
		}
	}
	return NULL;
}

static int
skip_writers(struct lift *lift, struct eval *eval, const struct selection *sel,
	     const struct suspect *s, struct err *e)
{
	for (size_t i = 0; i < sel->n; i++) {
		const struct suspect *writer = &sel->suspects[i];

		if (!writer->mark_tested || lift_is_planned(lift, writer->rule) ||
		    !is_lost(what_writes(eval, writer->rule, s, &lift->packets), s))
			continue;
		if (lift_plan_skip(lift, writer, e) < 0)
			return -1;
	}
	return 0;
}

/*
 * Who else writes the mark is dropped by the same rule: then the country's packets must not get the
 * mark in the first place.
 */
static int
plan_shared_mark(struct lift *lift, struct eval *eval, const struct selection *sel,
		 const struct suspect *s, bool *done, struct err *e)
{
	const struct rule *other = find_other_writer(eval, sel, s, &lift->packets);
	char where[WHERE_BUF];

	*done = other != NULL;
	if (!other)
		return 0;
	if (s->effect == EFFECT_DENY && !takes_mark(eval, s, 0, &lift->packets))
		return skip_writers(lift, eval, sel, s, e);
	return lift_refuse(
		e, s->rule,
		"it decides by a mark that rule %s writes as well, by other sources: what that "
		"rule keeps out would come in. Have it write another mark, and drop that by a "
		"rule of its own before this one; or name it too, if it is part of the geo-block",
		lift_where_rule(where, other));
}

static size_t
count_writers(struct eval *eval, const struct suspect *s, const struct packets *packets)
{
	const struct ruleset *rs = eval->rs;
	size_t n = 0;

	for (size_t i = 0; i < rs->n_chains; i++)
		for (size_t j = 0; j < rs->chains[i]->n; j++)
			n += is_lost(what_writes(eval, rs->chains[i]->rules[j], s, packets), s);
	return n;
}

/* It was chosen by itself, not by what writes the mark: whose mark is it? */
static int
check_unnamed_mark(struct lift *lift, struct eval *eval, const struct suspect *s, struct err *e)
{
	size_t writers;

	if (!s->has_criterion || (s->criterion.of != OF_MARK && s->criterion.of != OF_CTMARK) ||
	    s->effect != EFFECT_DENY)
		return 0;
	writers = count_writers(eval, s, &lift->packets);
	if (writers == 1)
		return 0;
	return lift_refuse(
		e, s->rule,
		"it drops by a mark that %s, so that it may stand for more than the geo-block (for "
		"bans): choose the rules that write it for the geo-block's sources, by their sets "
		"or comments, in their table; or say \"action\": \"skip\" if it stands for nothing "
		"else",
		writers ? "several rules write" : "no rule is seen to write");
}

/* --- sets --- */

static bool
looks_up(const struct criteria *by, const struct criteria *filler)
{
	for (size_t i = 0; i < by->n; i++) {
		const struct criterion *c = &by->v[i];

		if (c->of == OF_SOURCE && ((c->set && c->set == filler->fills) ||
					   (c->ipset && c->ipset == filler->fills_ipset)))
			return true;
	}
	return false;
}

static bool
drops_some(struct eval *eval, const struct rule *rule, uint32_t concerns,
	   const struct packets *packets)
{
	for (size_t p = 0; p < packets->n; p++) {
		if (concerns & rule->reached & 1u << p &&
		    eval_may_drop(eval, rule, &packets->v[p], VIEW_INSIDE))
			return true;
	}
	return false;
}

/* The rule that drops by the set that this one fills; NULL: none, or it was selected (unless all).
 */
static const struct rule *
find_dropper(struct eval *eval, const struct selection *sel, const struct suspect *s,
	     const struct criteria *filler, const struct packets *packets, bool all)
{
	const struct ruleset *rs = eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			const struct rule *rule = rs->chains[i]->rules[j];
			struct criteria by;

			if (rule == s->rule || (!all && selection_has(sel, rule)))
				continue;
			criteria_find(&by, rs, rule);
			if (looks_up(&by, filler) && drops_some(eval, rule, s->concerns, packets))
				return rule;
		}
	}
	return NULL;
}

static bool
explain_set(struct eval *eval, const struct selection *sel, const struct suspect *s,
	    const struct packets *packets, bool all, char why[INDIRECT_WHY_MAX])
{
	struct criteria filler;
	const struct rule *dropper;
	char where[WHERE_BUF], name[NAME_BUF];

	criteria_find(&filler, eval->rs, s->rule);
	if (s->effect != EFFECT_NONE || (!filler.fills && !filler.fills_ipset))
		return false;
	dropper = find_dropper(eval, sel, s, &filler, packets, all);
	if (!dropper)
		return false;
	snprintf(
		why, INDIRECT_WHY_MAX,
		"it puts sources into %s%s, by which rule %s drops them, and who else is in there: "
		"drop by the countries' own set, or name that set too if nobody else is put into "
		"it",
		filler.fills ? "@" : "ipset ",
		err_name(name, filler.fills ? filler.fills->name : filler.fills_ipset),
		lift_where_rule(where, dropper));
	return true;
}

/* --- programs --- */

static const char *
queue_name(const struct rule *rule)
{
	for (size_t i = rule->core; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		if (strcmp(x->name, "queue") == 0)
			return "queue";
		if (x->kind == EXPR_TARGET &&
		    (strcmp(x->set, "NFQUEUE") == 0 || strcmp(x->set, "QUEUE") == 0))
			return "NFQUEUE";
	}
	return NULL;
}

static bool
explain_queue(const struct suspect *s, char why[INDIRECT_WHY_MAX])
{
	const char *name = queue_name(s->rule);

	if (!name)
		return false;
	snprintf(why, INDIRECT_WHY_MAX,
		 "it hands packets to a program (%s), and geopause does not see what that decides: "
		 "have the program let the ports through, or the rule skipped with \"action\": "
		 "\"skip\"",
		 name);
	return true;
}

bool
indirect_refusal(struct eval *eval, const struct selection *sel, const struct suspect *s,
		 const struct packets *packets, bool all, char why[INDIRECT_WHY_MAX])
{
	return explain_queue(s, why) || explain_set(eval, sel, s, packets, all, why);
}

/* --- planning --- */

bool
indirect_marks_unseen(const struct eval *eval, const struct suspect *s)
{
	struct criteria all;

	if (s->effect != EFFECT_NONE || !s->rule->chain->table->iptables || s->mark_tested)
		return false;
	criteria_find(&all, eval->rs, s->rule);
	return all.sets_mark || all.sets_ctmark;
}

int
lift_plan_indirect(struct lift *lift, struct eval *eval, const struct selection *sel,
		   const struct suspect *s, bool *done, struct err *e)
{
	enum action action = lift->request.targets[s->target]->action;
	char why[INDIRECT_WHY_MAX];

	*done = false;
	if (action == ACTION_AUTO && indirect_refusal(eval, sel, s, &lift->packets, false, why))
		return lift_refuse(e, s->rule, "%s", why);
	if (s->by_mark && s->effect != EFFECT_NONE)
		return plan_shared_mark(lift, eval, sel, s, done, e);
	if (action == ACTION_AUTO && !s->by_mark && check_unnamed_mark(lift, eval, s, e) < 0)
		return -1;
	if (indirect_marks_unseen(eval, s))
		return lift_refuse(e, s->rule,
				   "it marks packets by their source, and geopause does not see "
				   "which rules decide on the mark: name the rule that drops them "
				   "by \"comment\"");
	return 0;
}
