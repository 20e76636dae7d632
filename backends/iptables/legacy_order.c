/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several allow-lists: one lets its sources through a chain that bans or limits some of them,
 * another lets its own through at once. Who is in neither meets the copies of both, and is not to
 * get past the bans: that copy comes first. Where it cannot, the lift is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_select_private.h"

/* By rule: what the one and the other copy lead through. */
struct bans {
	bool *first, *second;
};

bool
edit_is_copy_of_list(const struct legacy_edit *edit)
{
	return edit->action == ACTION_WIDEN && edit->rule != SAVE_NONE && edit->without;
}

bool
edit_meets_copy(const struct selection *s, const struct legacy_edit *edit, size_t k)
{
	const struct legacy_packet *packet = &s->reach.packets[k];
	const struct port port = { packet->port.proto, packet->original };

	return (packet->any_port || ports_contain(&edit->ports, port)) &&
	       reach_meets(&s->reach, reach_rule(&s->reach, edit->rule), k);
}

/* That rule, or one that says the same. */
static bool
has_ban(const struct selection *s, const bool *bans, size_t rule)
{
	const char *spec = s->save->rules[rule].spec;

	if (bans[rule])
		return true;
	for (size_t i = 0; i < s->save->n_rules; i++)
		if (bans[i] && !strcmp(s->save->rules[i].spec, spec))
			return true;
	return false;
}

/* What copy a leads packet k through, and copy b does not; NULL: nothing. */
static const struct rule *
missed_for(const struct selection *s, const struct legacy_edit *a, const struct legacy_edit *b,
	   size_t k, const struct bans *bans)
{
	const struct rule *first = reach_rule(&s->reach, a->rule);
	const struct rule *second = reach_rule(&s->reach, b->rule);

	memset(bans->first, 0, s->save->n_rules * sizeof(*bans->first));
	memset(bans->second, 0, s->save->n_rules * sizeof(*bans->second));
	if (!edit_bans_of(s, first, k, false, bans->first))
		return NULL;
	edit_bans_of(s, second, k, true, bans->second);
	for (size_t i = 0; i < s->save->n_rules; i++)
		if (bans->first[i] && !has_ban(s, bans->second, i))
			return reach_rule(&s->reach, i);
	return NULL;
}

/* Of packets that come to both. */
static const struct rule *
missed(const struct selection *s, const struct legacy_edit *a, const struct legacy_edit *b,
       const struct bans *bans)
{
	const struct rule *first = reach_rule(&s->reach, a->rule), *ban = NULL;
	const struct rule *second = reach_rule(&s->reach, b->rule);

	if (!(a->hooks & b->hooks) || first->target != RULE_CHAIN ||
	    (second->target == RULE_CHAIN && second->chain == first->chain))
		return NULL;
	for (size_t k = 0; k < s->reach.n_packets && !ban; k++)
		if (edit_meets_copy(s, a, k) && edit_meets_copy(s, b, k))
			ban = missed_for(s, a, b, k, bans);
	return ban;
}

static int
refuse_for(struct selection *s, const struct legacy_edit *passing, const struct legacy_edit *by,
	   const struct rule *ban)
{
	const struct rule *list = reach_rule(&s->reach, by->rule);
	char chain[NAME_BUF], spec[NAME_BUF], other[NAME_BUF], why[4 * NAME_BUF];

	snprintf(why, sizeof(why),
		 "it lets packets through, and so past rule %u of chain %s (%s), which keeps out "
		 "some of those that rule %u of chain %s lets through: send this one's by it as "
		 "well" EDIT_WAY_OUT,
		 ban->at->number, err_name(chain, s->save->chains[ban->at->chain].name),
		 err_name(spec, ban->at->spec), list->at->number,
		 err_name(other, s->save->chains[list->at->chain].name));
	return edit_refuse(s, reach_rule(&s->reach, passing->rule), why);
}

/* Does it do the same for all packets, but for those that it keeps out, wherever it stands? */
static bool
may_come_first(const struct selection *s, const struct legacy_edit *edit)
{
	const struct rule *rule = reach_rule(&s->reach, edit->rule);

	for (size_t k = 0; k < s->reach.n_packets; k++) {
		unsigned verdict;

		if (!edit_meets_copy(s, edit, k))
			continue;
		verdict = reach_verdict(&s->reach, rule, k);
		if (verdict == MAY_DROP || (rule->is_goto && verdict & MAY_FALL))
			return false;
	}
	return true;
}

static bool
is_in_place(const struct legacy_edit *edit, const struct legacy_edit *place)
{
	return edit->action == ACTION_WIDEN && edit->in == place->in &&
	       edit->number == place->number;
}

/* Nothing but copies of lists stands between the two, which are in one place. */
static bool
may_pass(const struct selection *s, const struct legacy_edit *first, const struct legacy_edit *edit)
{
	for (size_t i = 0; i < s->edits->n; i++) {
		const struct legacy_edit *other = &s->edits->v[i];

		if (is_in_place(other, first) && other->order > first->order &&
		    other->order < edit->order && !edit_is_copy_of_list(other))
			return false;
	}
	return true;
}

void
edit_move_before(struct selection *s, size_t edit, size_t other)
{
	const size_t to = s->edits->v[other].order;

	for (size_t i = 0; i < s->edits->n; i++)
		if (s->edits->v[i].order >= to)
			s->edits->v[i].order++;
	s->edits->v[edit].order = to;
	s->order++;
}

static bool
comes_before(const struct legacy_edit *a, const struct legacy_edit *b)
{
	if (a->in != b->in)
		return false;
	return a->number == b->number ? a->order < b->order : a->number < b->number;
}

static int
order_two(struct selection *s, size_t a, size_t b, const struct bans *bans)
{
	const struct legacy_edit *first = &s->edits->v[a], *second = &s->edits->v[b];
	const struct rule *ban = missed(s, first, second, bans);

	if (!ban || comes_before(first, second))
		return 0;
	if (!is_in_place(first, second) || !may_come_first(s, first) || !may_pass(s, second, first))
		return refuse_for(s, second, first, ban);
	edit_move_before(s, a, b);
	return 0;
}

static int
check_two(struct selection *s, size_t a, size_t b, const struct bans *bans)
{
	const struct legacy_edit *first = &s->edits->v[a], *second = &s->edits->v[b];
	const struct rule *ban = missed(s, first, second, bans);

	return ban && !comes_before(first, second) ? refuse_for(s, second, first, ban) : 0;
}

static int
for_pairs(struct selection *s, const struct bans *bans,
	  int (*with)(struct selection *s, size_t a, size_t b, const struct bans *bans))
{
	for (size_t a = 0; a < s->edits->n; a++)
		for (size_t b = 0; b < s->edits->n; b++)
			if (a != b && edit_is_copy_of_list(&s->edits->v[a]) &&
			    edit_is_copy_of_list(&s->edits->v[b]) && with(s, a, b, bans) < 0)
				return -1;
	return 0;
}

int
edit_order(struct selection *s)
{
	const size_t rules = s->save->n_rules + 1;
	struct bans bans = { .first = calloc(rules, sizeof(*bans.first)),
			     .second = calloc(rules, sizeof(*bans.second)) };
	int rc = -1;

	if (!bans.first || !bans.second)
		err_set(s->e, ERR_FAILED, "out of memory while planning");
	else if (for_pairs(s, &bans, order_two) == 0)
		rc = for_pairs(s, &bans, check_two);
	free(bans.first);
	free(bans.second);
	return rc;
}
