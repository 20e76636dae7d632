/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The copy of a rule that lets sources through, and what of it the copy does without. */
#include <string.h>

#include "legacy_part.h"
#include "legacy_select_private.h"

/* From this token on the first one that a copy has as well. */
static size_t
next_kept(const struct rule *rule, uint64_t without, size_t i)
{
	while (i < rule->at->n && rule_leaves_out(rule, without, i))
		i++;
	return i;
}

/* Two rules that say the same but for the source need only one copy without it. */
static bool
is_same_copy(const struct selection *s, const struct legacy_edit *edit, const struct rule *rule)
{
	const struct rule *other = reach_rule(&s->reach, edit->rule);
	size_t i = 0, k = 0;

	while (true) {
		i = next_kept(other, edit->without, i);
		k = next_kept(rule, rule->without, k);
		if (i == other->at->n || k == rule->at->n)
			break;
		if (strcmp(other->at->tokens[i++].text, rule->at->tokens[k++].text) != 0)
			return false;
	}
	return other->at->chain == rule->at->chain && i == other->at->n && k == rule->at->n;
}

static struct legacy_edit *
find_copy(const struct selection *s, const struct rule *rule, const struct edit_place *place)
{
	for (size_t i = 0; i < s->edits->n; i++) {
		struct legacy_edit *edit = &s->edits->v[i];

		if (edit->action == ACTION_WIDEN && edit->rule != SAVE_NONE && edit->without &&
		    edit->in == place->chain && edit->number == place->number &&
		    is_same_copy(s, edit, rule))
			return edit;
	}
	return NULL;
}

int
edit_add_copy(struct selection *s, size_t index, const struct edit_place *place, uint16_t port,
	      uint8_t proto)
{
	const struct ports one = { .n = 1, .v = { { proto, port } } };
	struct legacy_edit *edit = find_copy(s, reach_rule(&s->reach, index), place);

	if (!edit) {
		edit = edit_add(s, index, place->chain, ACTION_WIDEN,
				"lets sources through; what it does not is stopped later");
		if (!edit)
			return -1;
		edit->number = place->number;
		edit->ports.n = 0;
	}
	ports_add(&edit->ports, &one);
	return 0;
}

/*
 * Does the target mean this test, of several of its rule? What is taken out of a list of sources
 * that are let in is an exception, whoever named it.
 */
static bool
is_meant_test(const struct selection *s, const struct rule *rule, const struct part *part)
{
	const struct patterns *sets = &s->target->rules.set;

	if (part->inverted && (rule->named || sets->n == 0))
		return false;
	return sets->n == 0 ||
	       (part->option == OPT_MATCH_SET && edit_matching(sets, part->values[0]));
}

/*
 * Of several tests of the source the copy does without those that say who is let in, and that were
 * named, if there is more than one; the others have to be exceptions, which it keeps. False: they
 * are not, or there is no telling.
 */
static bool
choose_tests(const struct selection *s, struct rule *rule)
{
	bool any = false;
	struct part part;

	for (size_t i = 0;
	     i < rule->at->n && part_read(rule->at, i, &part) && !part_is_target(&part);
	     i = part.to) {
		if (!part_is_source(&part))
			continue;
		if (is_meant_test(s, rule, &part)) {
			if ((any && !s->target->rules.set.n) || part.option == OPT_SOURCE ||
			    part.option == OPT_SRC_RANGE || !rule_choose(rule, i, any))
				return false;
			any = true;
		} else if (!part.inverted) {
			return false;
		}
	}
	return any;
}

int
edit_check_copy(struct selection *s, size_t index)
{
	struct rule *rule = reach_rule(&s->reach, index);

	if (rule->odd || rule->proto_inverted)
		return edit_refuse(s, rule,
				   "it lets packets through by their source, and what else it "
				   "says cannot be copied");
	if (rule->sources > 1 && !choose_tests(s, rule))
		return edit_refuse(s, rule,
				   "it lets packets through by several tests of the source, and a "
				   "copy can do without those that are named by their sets, if the "
				   "others are exceptions: name the sets, or give each list a rule "
				   "of its own");
	if (!rule->whole)
		return edit_refuse(s, rule,
				   "it lets packets through by the source together with something "
				   "else, which cannot be left out alone: use a set of addresses");
	return 0;
}

int
edit_copy_here(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	const struct edit_place here = { .chain = rule->at->chain, .number = rule->at->number };

	if (edit_check_copy(s, index) < 0)
		return -1;
	for (size_t k = 0; k < s->reach.n_packets; k++) {
		const struct legacy_packet *packet = &s->reach.packets[k];

		if (reach_meets(&s->reach, rule, k) &&
		    edit_add_copy(s, index, &here, packet->original, packet->port.proto) < 0)
			return -1;
	}
	return 0;
}
