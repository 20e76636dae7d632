/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the allowed are sent through before a list lets them in: a rule with their source that leads
 * to bans, or stops those who come too often. A copy of the list's rule would let everybody else in
 * without that, so a copy of the check comes right before it.
 */
#include <stdio.h>

#include "legacy_select_private.h"

static bool
lets_through(const struct selection *s, const struct rule *rule)
{
	return rule->sources &&
	       (rule->target == RULE_RETURN || reach_rule_accepts(&s->reach, rule));
}

/* Of those that it looks for it stops some, but not all, and lets none through. */
static bool
stops_some(const struct selection *s, const struct rule *rule)
{
	bool some = false;

	if (rule->odd || !rule->named || reach_rule_accepts(&s->reach, rule) ||
	    reach_leaves_chain(&s->reach, rule))
		return false;
	for (size_t k = 0; k < s->reach.n_packets; k++) {
		if (reach_meets(&s->reach, rule, k) && reach_verdict(&s->reach, rule, k) & MAY_DROP)
			return false;
		some |= edit_may_stop(s, rule, k);
	}
	return some;
}

/* Wherever it stands. */
static bool
is_check(const struct selection *s, size_t index)
{
	const struct rule *rule = s->meant[index] ? reach_rule(&s->reach, index) : NULL;

	return rule && rule->sources && s->reach.hooks[rule->at->chain] && !s->skipped[index] &&
	       stops_some(s, rule);
}

static bool
has_list_behind(const struct selection *s, size_t index)
{
	const struct save_chain *chain = &s->save->chains[s->save->rules[index].chain];

	for (size_t i = index + 1; i < chain->first + chain->n; i++)
		if (s->meant[i] && lets_through(s, reach_rule(&s->reach, i)))
			return true;
	return false;
}

bool
edit_is_check(const struct selection *s, size_t index)
{
	return is_check(s, index) && has_list_behind(s, index);
}

const struct rule *
edit_check_before(const struct selection *s, size_t index, size_t k)
{
	const size_t in = s->save->rules[index].chain;

	for (size_t i = 0; i < s->save->n_rules; i++) {
		const size_t chain = s->save->rules[i].chain;

		if (!(chain == in && i > index) && s->reach.hooks[chain] & s->reach.hooks[in] &&
		    is_check(s, i) && edit_may_stop(s, reach_rule(&s->reach, i), k))
			return reach_rule(&s->reach, i);
	}
	return NULL;
}

/* The ports of packets that the check may stop, and that come to the copy. */
static struct ports
checked_ports(const struct selection *s, const struct rule *rule, const struct legacy_edit *copy)
{
	struct ports ports = { .n = 0 };

	for (size_t k = 0; k < s->reach.n_packets; k++) {
		const struct legacy_packet *packet = &s->reach.packets[k];
		const struct ports one = { .n = 1,
					   .v = { { packet->port.proto, packet->original } } };

		if (edit_may_stop(s, rule, k) && edit_meets_copy(s, copy, k))
			ports_add(&ports, packet->any_port ? &copy->ports : &one);
	}
	return ports;
}

/* The check's copy that stands in that place, or where a new one would come. */
static size_t
find_check(const struct selection *s, size_t index, const struct legacy_edit *copy)
{
	size_t i = 0;

	for (; i < s->edits->n; i++) {
		const struct legacy_edit *edit = &s->edits->v[i];

		if (edit->rule == index && edit_is_copy_of_list(edit) && edit->in == copy->in &&
		    edit->number == copy->number)
			break;
	}
	return i;
}

/* Once in a place, and before edit number `copy` there: a limit would count twice. */
static int
add_check(struct selection *s, size_t index, size_t copy, const struct ports *ports)
{
	const size_t at = find_check(s, index, &s->edits->v[copy]);
	const bool is_new = at == s->edits->n;
	struct legacy_edit *edit;

	if (is_new && (edit_check_copy(s, index) < 0 ||
		       !edit_add(s, index, s->edits->v[copy].in, ACTION_WIDEN,
				 "keeps some of the allowed out, and so some of those that are "
				 "let in")))
		return -1;
	edit = &s->edits->v[at];
	if (is_new) {
		edit->number = s->edits->v[copy].number;
		edit->ports.n = 0;
	}
	ports_add(&edit->ports, ports);
	if (edit->order > s->edits->v[copy].order)
		edit_move_before(s, at, copy);
	return 0;
}

static int
refuse_for(struct selection *s, const struct rule *check, const struct rule *list)
{
	char chain[NAME_BUF], why[2 * NAME_BUF];

	snprintf(why, sizeof(why),
		 "it keeps out some of the allowed, or those who come too often, and rule %u of "
		 "chain %s would let others in without that: put it right before that "
		 "rule" EDIT_WAY_OUT,
		 list->at->number, err_name(chain, s->save->chains[list->at->chain].name));
	return edit_refuse(s, check, why);
}

/* What the copy lets in passes the check as well. */
static int
check_copy(struct selection *s, size_t index, size_t copy)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	const struct rule *list = reach_rule(&s->reach, s->edits->v[copy].rule);
	const struct ports ports = checked_ports(s, rule, &s->edits->v[copy]);

	if (ports.n == 0 || !lets_through(s, list))
		return 0;
	if (list->at->chain != rule->at->chain)
		return s->reach.hooks[rule->at->chain] & s->edits->v[copy].hooks
			       ? refuse_for(s, rule, list)
			       : 0;
	return has_list_behind(s, index) ? add_check(s, index, copy, &ports) : 0;
}

static int
add_checks(struct selection *s, size_t index)
{
	const size_t n = s->edits->n;

	for (size_t i = 0; i < n; i++)
		if (s->edits->v[i].target == s->t && edit_is_copy_of_list(&s->edits->v[i]) &&
		    check_copy(s, index, i) < 0)
			return -1;
	return 0;
}

int
edit_add_checks(struct selection *s)
{
	for (size_t i = 0; i < s->save->n_rules; i++)
		if (is_check(s, i) && add_checks(s, i) < 0)
			return -1;
	return 0;
}
