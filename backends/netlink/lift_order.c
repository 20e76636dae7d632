/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several allow-lists: one lets its sources through a chain that bans some of them, another lets
 * its own through at once. Who is in neither is let in by both copies, and is not to get past the
 * bans.
 */
#include "lift_private.h"
#include "nf.h"

const struct rule *
lift_ban_of(struct eval *eval, const struct suspect *s, const struct branch *verdict,
	    const struct packets *packets)
{
	const struct rule *ban = NULL;

	for (size_t p = 0; !ban && p < packets->n; p++) {
		struct evaluation result;

		if (!(s->concerns & 1u << p))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, s->rule, &packets->v[p], VIEW_INSIDE, &result);
		if (verdict) {
			result.v[0] = *verdict;
			result.n = 1;
		}
		for (size_t i = 0; !ban && i < result.n; i++)
			ban = bans_met(eval, s->rule->chain, &result.v[i], &packets->v[p], 1u << p);
	}
	return ban;
}

static const struct rule *
find_ban(struct eval *eval, const struct lift_step *step, const struct packets *packets)
{
	const struct suspect *s = &step->suspect;

	return lift_ban_of(eval, s, s->criterion.decides ? &step->verdict : NULL, packets);
}

/* Do packets come to both copies, and to the first one first? */
static bool
is_passed_by(const struct lift_step *first, const struct lift_step *step)
{
	const struct place *a = &first->place, *b = &step->place;

	return first->action == ACTION_WIDEN && first->suspect.concerns & step->suspect.concerns &&
	       a->chain == b->chain &&
	       place_index(a->chain, a->before) <= place_index(b->chain, b->before);
}

/* Puts step i before step k; what is between them moves on. */
static void
move(struct lift *lift, size_t i, size_t k)
{
	struct lift_step step = lift->steps[i];

	for (; i > k; i--)
		lift->steps[i] = lift->steps[i - 1];
	lift->steps[k] = step;
}

static int
order_copy(struct lift *lift, struct eval *eval, size_t i, const struct rule *ban, struct err *e)
{
	size_t to = i;
	char where[WHERE_BUF];

	for (size_t k = 0; k < lift->n; k++) {
		const struct lift_step *other = &lift->steps[k];

		if (k == i || !is_passed_by(other, &lift->steps[i]) ||
		    find_ban(eval, other, &lift->packets))
			continue;
		if (other->place.before != lift->steps[i].place.before)
			return lift_refuse(
				e, other->suspect.rule,
				"it lets packets through before they come to another allow rule, "
				"and so past rule %s, which keeps some of that one's sources out: "
				"move this rule behind the other",
				lift_where_rule(where, ban));
		to = k < to ? k : to;
	}
	move(lift, i, to);
	return 0;
}

int
lift_order_copies(struct lift *lift, struct eval *eval, struct err *e)
{
	size_t copies = 0;

	for (size_t i = 0; i < lift->n; i++)
		copies += lift->steps[i].action == ACTION_WIDEN;
	for (size_t i = 0; copies > 1 && i < lift->n; i++) {
		const struct rule *ban = NULL;

		if (lift->steps[i].action == ACTION_WIDEN)
			ban = find_ban(eval, &lift->steps[i], &lift->packets);
		if (ban && order_copy(lift, eval, i, ban, e) < 0)
			return -1;
	}
	return 0;
}
