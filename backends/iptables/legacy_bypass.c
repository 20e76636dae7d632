/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chains in which rules cannot be skipped one by one, each in its place: they are too many, or send
 * the packet to the end of their chain, which a chain in their place cannot do.
 *
 * Where there is nothing else in the chain, the jumps to it are skipped. Else, before the first of
 * the rules, packets to the asked ports meet a copy of all that follows but these rules, and then
 * leave the chain as at its end.
 */
#include <stdlib.h>
#include <string.h>

#include "legacy_select_private.h"

#define EACH_MAX 8u    /* so many rules of one chain are skipped one by one */
#define COPIES_MAX 64u /* in one chain */

static bool
is_lifted(const struct selection *s, size_t rule)
{
	return s->skipped[rule] || s->bypassed[rule];
}

static size_t
count_lifted(const struct selection *s, const struct save_chain *chain, bool *must)
{
	size_t n = 0;

	*must = false;
	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		n += is_lifted(s, i);
		*must |= s->bypassed[i];
	}
	return n;
}

/* Rules that are skipped for some of the ports cannot be gone around: that would be for all. */
static const struct rule *
find_limited(const struct selection *s, const struct save_chain *chain)
{
	for (size_t i = chain->first; i < chain->first + chain->n; i++)
		if (s->limited[i])
			return reach_rule(&s->reach, i);
	return NULL;
}

/* --- at the jumps --- */

static bool
limits_some(const struct selection *s, const struct rule *rule)
{
	for (size_t k = 0; k < s->reach.n_packets; k++)
		if (edit_only_limits(s, rule, k))
			return true;
	return false;
}

/* Nothing in it but rules that are lifted anyway, and what stops or lets through nobody. */
static bool
is_all_lifted(const struct selection *s, const struct save_chain *chain)
{
	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		const struct rule *rule = reach_rule(&s->reach, i);

		if (is_lifted(s, i) || rule->target == RULE_NONE || rule->target == RULE_RETURN)
			continue;
		if (!reach_excludes(&s->reach, rule) || limits_some(s, rule))
			return false;
	}
	return true;
}

static void
drop_skips(struct selection *s, size_t in)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->edits->n; i++) {
		struct legacy_edit *edit = &s->edits->v[i];

		if (edit->in == in && edit->action == ACTION_SKIP) {
			free(edit->chain);
			free(edit->spec);
		} else {
			s->edits->v[kept++] = *edit;
		}
	}
	s->edits->n = kept;
}

static void
forget(struct selection *s, size_t in)
{
	const struct save_chain *chain = &s->save->chains[in];

	drop_skips(s, in);
	for (size_t i = chain->first; i < chain->first + chain->n; i++)
		s->skipped[i] = s->bypassed[i] = false;
}

static int
skip_jumps(struct selection *s, size_t chain)
{
	forget(s, chain);
	for (size_t i = 0; i < s->save->n_rules; i++) {
		const struct rule *rule = reach_rule(&s->reach, i);

		if (rule->target == RULE_CHAIN && rule->chain == chain &&
		    s->reach.hooks[rule->at->chain] && !reach_excludes(&s->reach, rule) &&
		    edit_skip(s, i,
			      "leads to a chain with nothing but rules that stop packets by "
			      "their source") < 0)
			return -1;
	}
	return 0;
}

/* --- around them --- */

/* The asked ports that the rule is not of other ports than. */
static struct ports
ports_of(const struct selection *s, const struct rule *rule)
{
	struct ports ports = { .n = 0 };

	for (size_t k = 0; k < s->reach.n_packets; k++) {
		const struct legacy_packet *packet = &s->reach.packets[k];
		const struct ports one = { .n = 1,
					   .v = { { packet->port.proto, packet->original } } };

		if (!packet_is_elsewhere(packet, rule))
			ports_add(&ports, &one);
	}
	return ports;
}

static size_t
count_copies(const struct selection *s, const struct save_chain *chain, size_t first)
{
	size_t n = 1;

	for (size_t i = first; i < chain->first + chain->n; i++)
		n += !is_lifted(s, i) && ports_of(s, reach_rule(&s->reach, i)).n > 0;
	return n;
}

/* Copies that were to stand before this rule come along. */
static void
move_copies(struct selection *s, size_t in, unsigned from, unsigned to)
{
	for (size_t i = 0; i < s->edits->n; i++) {
		struct legacy_edit *edit = &s->edits->v[i];

		if (edit->in == in && edit->number == from && edit->action == ACTION_WIDEN) {
			edit->number = to;
			edit->order = s->order++;
		}
	}
}

static int
copy_rule(struct selection *s, size_t index, unsigned number)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	struct ports ports = ports_of(s, rule);
	struct legacy_edit *edit;

	if (ports.n == 0)
		return 0;
	if (rule->odd || rule->proto_inverted)
		return edit_refuse(
			s, rule,
			"it follows rules of the geo-block that cannot be skipped in their place, "
			"and cannot be copied for the asked ports; move it before them, or them to "
			"a chain of their own");
	edit = edit_add(s, index, rule->at->chain, ACTION_WIDEN,
			"follows rules of the geo-block that packets go around");
	if (!edit)
		return -1;
	edit->ports = ports;
	edit->number = number;
	edit->without = 0;
	return 0;
}

static int
go_around(struct selection *s, size_t in, size_t first)
{
	const struct save_chain *chain = &s->save->chains[in];
	const unsigned number = s->save->rules[first].number;
	struct legacy_edit *edit;

	for (size_t i = first; i < chain->first + chain->n; i++) {
		if (i > first)
			move_copies(s, in, s->save->rules[i].number, number);
		if (!is_lifted(s, i) && copy_rule(s, i, number) < 0)
			return -1;
	}
	move_copies(s, in, (unsigned)chain->n + 1, number);
	drop_skips(s, in);
	edit = edit_add(s, SAVE_NONE, in, ACTION_WIDEN,
			"packets go around the rules that stop them by their source");
	if (!edit)
		return -1;
	edit->number = number;
	return 0;
}

static int
gather_chain(struct selection *s, size_t in)
{
	const struct save_chain *chain = &s->save->chains[in];
	const struct rule *limited;
	size_t first = chain->first;
	bool must;

	if (count_lifted(s, chain, &must) <= EACH_MAX && !must)
		return 0;
	limited = find_limited(s, chain);
	if (limited)
		return must ? edit_refuse(s, limited,
					  "it leads to a limit for one of the ports, and what "
					  "stands in its chain cannot be skipped one by one: put "
					  "that limit before it")
			    : 0;
	while (!is_lifted(s, first))
		first++;
	if (count_copies(s, chain, first) <= COPIES_MAX)
		return go_around(s, in, first);
	return must ? edit_refuse(
			      s, reach_rule(&s->reach, first),
			      "it cannot be skipped in its place, and too many rules follow it to "
			      "go around it; write it as a DROP")
		    : 0;
}

int
edit_gather(struct selection *s)
{
	bool must;

	for (size_t in = 0; in < s->save->n_chains; in++) {
		const struct save_chain *chain = &s->save->chains[in];

		if (!chain->policy && count_lifted(s, chain, &must) > EACH_MAX &&
		    !find_limited(s, chain) && is_all_lifted(s, chain) && skip_jumps(s, in) < 0)
			return -1;
	}
	for (size_t in = 0; in < s->save->n_chains; in++)
		if (gather_chain(s, in) < 0)
			return -1;
	return 0;
}
