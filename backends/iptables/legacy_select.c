/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_select_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_fwmark.h"
#include "legacy_part.h"

#define EDITS_MAX 1000u /* of one table */

int
edit_refuse(struct selection *s, const struct rule *rule, const char *why)
{
	char spec[NAME_BUF], chain[NAME_BUF];

	return err_set(s->e, ERR_FAILED, "%s, table %s, chain %s, rule %u (%s): %s",
		       family_names[s->edits->family], s->edits->table,
		       err_name(chain, s->save->chains[rule->at->chain].name), rule->at->number,
		       err_name(spec, rule->at->spec), why);
}

/* --- one edit --- */

static int
no_memory(struct selection *s)
{
	return err_set(s->e, ERR_FAILED, "out of memory while planning");
}

struct legacy_edit *
edit_add(struct selection *s, size_t index, size_t in, enum action action, const char *why)
{
	struct legacy_edits *edits = s->edits;
	struct legacy_edit *v = reallocarray(edits->v, edits->n + 1, sizeof(*v)), *edit;

	if (!v) {
		no_memory(s);
		return NULL;
	}
	edits->v = v;
	edit = &v[edits->n++];
	*edit = (struct legacy_edit){
		.target = s->t,
		.action = action,
		.rule = index,
		.in = in,
		.order = s->order++,
		.without = index == SAVE_NONE ? 0 : reach_rule(&s->reach, index)->without,
		.hooks = s->reach.hooks[in],
		.ports = s->request->ports,
		.chain = strdup(s->save->chains[in].name),
		.spec = strdup(index == SAVE_NONE ? "-j RETURN" : s->save->rules[index].spec),
		.why = why,
	};
	if (edit->chain && edit->spec)
		return edit;
	no_memory(s);
	return NULL;
}

int
edit_skip(struct selection *s, size_t index, const char *why)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	struct legacy_edit *edit;

	if (s->skipped[index] || s->bypassed[index])
		return 0;
	if (rule->odd)
		return edit_refuse(s, rule, "it is not understood, and is not touched");
	if (reach_leaves_chain(&s->reach, rule)) {
		s->bypassed[index] = true;
		return 0;
	}
	edit = edit_add(s, index, rule->at->chain, ACTION_SKIP, why);
	if (!edit)
		return -1;
	edit->number = rule->at->number;
	s->skipped[index] = true;
	return 0;
}

/* --- what is to be done about a rule --- */

/* "action": "skip": what of the rules after an allow-list's stops everybody else. */
static int
skip_what_follows(struct selection *s, size_t index)
{
	const struct rule *list = reach_rule(&s->reach, index);
	const struct save_chain *chain = &s->save->chains[list->at->chain];
	bool found = false;

	for (size_t i = index + 1; i < chain->first + chain->n; i++) {
		const struct rule *rule = reach_rule(&s->reach, i);

		if (rule->sources || !rule->plain || !reach_rule_denies(&s->reach, rule))
			continue;
		if (reach_rule_accepts(&s->reach, rule))
			return edit_refuse(
				s, rule,
				"it follows a list of sources that are let through, but its "
				"chain both stops packets and lets them through");
		if (!edit_asks_no_more(list, rule))
			return edit_refuse(
				s, list,
				"\"action\": \"skip\", but it asks for more than the source: were "
				"the rule skipped that stops the others, all would be let through; "
				"leave the action out");
		found = true;
		if (edit_skip(s, i, "stops what a list of sources before it does not let through") <
		    0)
			return -1;
		if (rule->total)
			break;
	}
	return found ? 0
		     : edit_refuse(
			       s, list,
			       "\"action\": \"skip\", but no rule of its chain stops the others");
}

static int
lift_list(struct selection *s, size_t index)
{
	s->listed[reach_rule(&s->reach, index)->at->chain] = true;
	return s->target->action == ACTION_SKIP ? skip_what_follows(s, index)
						: edit_widen(s, index);
}

/* RETURN lets through where the rest of its chain stops, and stops where that lets through. */
static int
lift_return(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	bool allows, denies;

	reach_leaving(&s->reach, index, &allows, &denies);
	if (allows && denies && s->target->action == ACTION_AUTO)
		return edit_refuse(
			s, rule,
			"what follows in its chain both stops packets and lets them through, and "
			"so does what follows where it returns to: say \"action\": \"skip\" if it "
			"keeps sources out, or \"widen\" if it lets them in");
	if (denies && (!allows || s->target->action == ACTION_SKIP))
		return edit_skip(s, index, "keeps sources from what lets packets through");
	return allows ? lift_list(s, index) : 0;
}

static int
lift_accept(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index);

	if (!rule->sources)
		return edit_refuse(s, rule, "it lets packets through, and not by their source");
	return lift_list(s, index);
}

/* By its sets: does the rule ask for another list of sources that was not named? */
static bool
is_narrowed(const struct selection *s, const struct rule *rule)
{
	const struct patterns *sets = &s->target->rules.set;
	struct part part;

	for (size_t i = 0;
	     sets->n && i < rule->at->n && part_read(rule->at, i, &part) && !part_is_target(&part);
	     i = part.to)
		if (part_is_source(&part) && !part.inverted &&
		    (part.option != OPT_MATCH_SET || !edit_matching(sets, part.values[0])))
			return true;
	return false;
}

/* But for ports of which it only limits how many come. */
static int
skip_stopped(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	const size_t n = s->edits->n;
	struct ports ports = { .n = 0 };

	if (edit_skip(s, index, "stops packets by their source") < 0)
		return -1;
	for (size_t k = 0; k < s->reach.n_packets; k++) {
		const struct legacy_packet *packet = &s->reach.packets[k];
		const struct ports one = { .n = 1,
					   .v = { { packet->port.proto, packet->original } } };

		if (edit_is_spared(s, rule, k))
			s->limited[index] = true;
		else
			ports_add(&ports, &one);
	}
	if (s->limited[index] && s->edits->n > n)
		s->edits->v[n].ports = ports;
	return 0;
}

static int
lift_deny(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index), *ban;
	char chain[NAME_BUF], spec[NAME_BUF], why[3 * NAME_BUF];

	/* To be in the list is not to be spared from its bans. */
	if (s->target->action == ACTION_SKIP)
		return edit_is_check(s, index)
			       ? 0
			       : edit_skip(s, index, "stops packets by their source");
	if (is_narrowed(s, rule))
		return edit_refuse(
			s, rule,
			"it stops only sources that another list has as well, which may be one of "
			"bans: name that list too, or say \"action\": \"skip\", if it is none");
	ban = edit_ban_inside(s, rule);
	if (!ban)
		return skip_stopped(s, index);
	if (edit_is_check(s, index))
		return 0;
	snprintf(why, sizeof(why),
		 "it leads to rule %u of chain %s (%s), which may be a ban, and whoever does not "
		 "go there would pass that by: put that rule before this one, or give the rules "
		 "there that stop the rest a comment and name them instead",
		 ban->at->number, err_name(chain, s->save->chains[ban->at->chain].name),
		 err_name(spec, ban->at->spec));
	return edit_refuse(s, rule, why);
}

/* The end of an allow-list that is lifted by its own rules. */
static bool
is_end_of_list(const struct selection *s, const struct rule *rule)
{
	return !rule->sources && rule->plain && s->listed[rule->at->chain] &&
	       s->target->action != ACTION_SKIP;
}

static int
lift_rule(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	bool denies, accepts;

	if (!s->reach.hooks[rule->at->chain] || reach_excludes(&s->reach, rule))
		return 0;
	reach_rule_means(&s->reach, rule, &denies, &accepts);
	if (rule->odd)
		return edit_refuse(s, rule, "it is not understood, and is not touched");
	if (rule->sources && !denies && fwmark_is_set(&s->reach, rule))
		return edit_lift_marking(s, index);
	if (rule->mark && !rule->sources && edit_check_mark(s, rule) < 0)
		return -1;
	if (edit_lift_spared(s, index) < 0)
		return -1;
	if (denies && accepts && s->target->action == ACTION_AUTO)
		return edit_refuse(
			s, rule,
			"the chain that it leads to both stops packets and lets them through: "
			"say \"action\": \"skip\" or \"widen\"");
	if (denies && !accepts && is_end_of_list(s, rule))
		return 0;
	if (denies && s->target->action != ACTION_WIDEN)
		return lift_deny(s, index);
	if (denies && !accepts)
		return edit_refuse(s, rule, "\"action\": \"widen\", but it stops packets");
	if (accepts)
		return lift_accept(s, index);
	if (reach_leaves_chain(&s->reach, rule) && rule->sources)
		return lift_return(s, index);
	if (rule->target_name && rule->sources && !strcmp(rule->target_name, "SET"))
		return edit_check_filling(s, rule);
	if (rule_queues(rule) && rule->sources)
		return s->target->action == ACTION_SKIP
			       ? edit_skip(s, index, "hands packets to a program by their source")
			       : edit_refuse(s, rule, RULE_QUEUES);
	if (rule->target == RULE_OTHER ||
	    (rule->target_name && rule->sources && strstr(rule->target_name, "MARK")))
		return edit_refuse(
			s, rule,
			"what its target means for the packet's way is not known; choose the "
			"rule that stops packets, by its chain, set or comment");
	return 0;
}

/* --- all of a target --- */

static int
select_target(struct selection *s)
{
	for (size_t i = 0; i < s->save->n_rules; i++) {
		s->meant[i] = edit_is_meant(s, i);
		if (s->met)
			s->met[s->t].any |= s->meant[i];
	}
	memset(s->listed, 0, s->save->n_chains * sizeof(*s->listed));
	for (size_t i = 0; i < s->save->n_rules; i++)
		if (s->meant[i] && lift_rule(s, i) < 0)
			return -1;
	return edit_gather(s) < 0 ? -1 : edit_add_checks(s);
}

/* What is put before a rule comes before what is done with it. */
static int
by_place(const void *a, const void *b)
{
	const struct legacy_edit *x = a, *y = b;

	if (x->in != y->in)
		return x->in < y->in ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->action != y->action)
		return x->action == ACTION_WIDEN ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static const struct rule *
first_rule(const struct selection *s, size_t chain)
{
	return reach_rule(&s->reach, s->save->chains[chain].first);
}

static int
check_number(struct selection *s)
{
	if (s->edits->n <= EDITS_MAX)
		return 0;
	return edit_refuse(
		s, first_rule(s, s->edits->v[EDITS_MAX].in),
		"more rules than can be changed one by one; move them to a chain of their own, "
		"which is lifted at the jump to it, or use an ipset");
}

/* What is not understood may mean anything for what stands beside it. */
static int
check_chains(struct selection *s)
{
	for (size_t i = 0; i < s->edits->n; i++) {
		size_t in = s->edits->v[i].in;
		const struct save_chain *chain = &s->save->chains[in];

		if (i > 0 && s->edits->v[i - 1].in == in)
			continue;
		for (size_t k = chain->first; k < chain->first + chain->n; k++)
			if (!s->save->rules[k].bare && reach_rule(&s->reach, k)->odd)
				return edit_refuse(
					s, reach_rule(&s->reach, k),
					"it is not understood, and rules of its chain would "
					"have to be changed");
	}
	return 0;
}

static int
select_all(struct selection *s)
{
	for (s->t = 0; s->t < s->request->n; s->t++) {
		s->target = s->request->targets[s->t];
		if (s->target->table && !strcmp(s->target->table, s->edits->table) &&
		    select_target(s) < 0)
			return -1;
	}
	if (check_number(s) < 0 || edit_order(s) < 0)
		return -1;
	return check_chains(s);
}

static int
with_room(struct selection *s)
{
	size_t rules = s->save->n_rules + 1;
	int rc = -1;

	s->meant = calloc(rules, sizeof(*s->meant));
	s->skipped = calloc(rules, sizeof(*s->skipped));
	s->bypassed = calloc(rules, sizeof(*s->bypassed));
	s->limited = calloc(rules, sizeof(*s->limited));
	s->listed = calloc(s->save->n_chains + 1, sizeof(*s->listed));
	if (s->meant && s->skipped && s->bypassed && s->limited && s->listed)
		rc = select_all(s);
	else
		no_memory(s);
	free(s->meant);
	free(s->skipped);
	free(s->bypassed);
	free(s->limited);
	free(s->listed);
	return rc;
}

int
legacy_select(struct legacy_edits *edits, const struct save *save,
	      const struct lift_request *request, const struct legacy_scope *scope, struct met *met,
	      struct names *notes, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct nl sets;
	const bool asks = nl_open(&sets, &ignored) == 0;
	struct selection s = { .edits = edits,
			       .save = save,
			       .request = request,
			       .scope = scope,
			       .met = met,
			       .notes = notes,
			       .sets = asks ? &sets : NULL,
			       .e = e };
	int rc = reach_init(&s.reach, save, &request->ports, scope->nat, e);

	if (rc == 0)
		rc = reach_done(&s.reach, with_room(&s), e);
	if (asks)
		nl_close(&sets);
	if (edits->n)
		qsort(edits->v, edits->n, sizeof(*edits->v), by_place);
	return rc;
}

void
legacy_edits_fini(struct legacy_edits *edits)
{
	for (size_t i = 0; i < edits->n; i++) {
		free(edits->v[i].chain);
		free(edits->v[i].spec);
	}
	free(edits->v);
	edits->v = NULL;
	edits->n = 0;
}

bool
legacy_edits_same(const struct legacy_edits *a, const struct legacy_edits *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].action != b->v[i].action || a->v[i].hooks != b->v[i].hooks ||
		    a->v[i].without != b->v[i].without || a->v[i].ports.n != b->v[i].ports.n ||
		    strcmp(a->v[i].chain, b->v[i].chain) != 0 ||
		    strcmp(a->v[i].spec, b->v[i].spec) != 0)
			return false;
	return true;
}
