/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Geo-blocks of two rules: one marks packets by their source, another decides by the mark. They
 * are lifted at the first one: what else sets the same mark (bans) goes on stopping packets.
 */
#include "legacy_fwmark.h"
#include "legacy_select_private.h"

static struct fwmark_place
place_of(const struct selection *s)
{
	return (struct fwmark_place){ .host = s->scope->host,
				      .family = s->edits->family,
				      .table = s->edits->table,
				      .reach = &s->reach,
				      .nat = s->scope->nat };
}

int
edit_lift_marking(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	const struct fwmark_place place = place_of(s);
	struct fwmark_meaning meaning;

	if (fwmark_meaning(&meaning, &place, rule, s->e) < 0)
		return -1;
	if ((meaning.stops && !meaning.lets) || s->target->action == ACTION_SKIP)
		return edit_skip(s, index, "marks packets by their source, which that mark stops");
	if (meaning.lets && meaning.stops)
		return edit_refuse(
			s, rule,
			"it marks packets by their source, and by that mark some rules "
			"stop packets, and some let them through: say \"action\": \"skip\" "
			"if it is to be left out");
	if (meaning.lets && rule->target == RULE_CHAIN)
		return edit_refuse(
			s, rule,
			"the chain that it leads to by the source marks packets, and by that mark "
			"they are let through: mark them in this rule itself");
	if (meaning.lets && !meaning.alone)
		return edit_refuse(
			s, rule,
			"it marks packets by their source, and by that mark they are let through, "
			"but bans stand behind that, or write to the same mark: let them through "
			"by their source, without a mark");
	if (meaning.lets)
		return edit_copy_here(s, index);
	return edit_refuse(
		s, rule,
		"it marks packets by their source, and no rule is seen that decides by "
		"that mark; choose the rule that stops packets, by its chain or comment");
}

int
edit_check_mark(struct selection *s, const struct rule *rule)
{
	const struct fwmark_place place = place_of(s);
	size_t n;

	if (fwmark_setters(&n, &place, rule, s->e) < 0)
		return -1;
	if (n == 1 || (n == 0 && s->target->action == ACTION_SKIP))
		return 0;
	if (n == 0)
		return edit_refuse(
			s, rule,
			"it stops packets by a mark that no rule of these tables is seen to set, "
			"so that it may stand for more than the geo-block (for bans): say "
			"\"action\": \"skip\" if it does not");
	return edit_refuse(s, rule,
			   "it stops packets by a mark that several rules set, not all of which "
			   "need be the geo-block's (a ban may be); choose those of the geo-block, "
			   "by their sets or comments, in their table");
}

/* Skips a rule that marks whom the list does not let through. */
static int
skip_mark(struct selection *s, const struct rule *list, size_t index)
{
	if (edit_may_skip_rest(s, list, index))
		return edit_skip(s, index,
				 "marks whom a list of sources does not spare, which that mark "
				 "stops");
	return edit_refuse(
		s, list,
		"it spares sources from a mark by which others are stopped, and does not ask for "
		"just what the rule does that sets it, ports apart: have both ask for the same");
}

int
edit_lift_spared(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index);
	const struct fwmark_place place = place_of(s);
	size_t mark = index;

	if (!rule->sources || (rule->target != RULE_RETURN && rule->target != RULE_ACCEPT))
		return 0;
	do {
		if (fwmark_stopping(&mark, &place, mark + 1, s->e) < 0)
			return -1;
		if (mark != SAVE_NONE && skip_mark(s, rule, mark) < 0)
			return -1;
	} while (mark != SAVE_NONE);
	return 0;
}
