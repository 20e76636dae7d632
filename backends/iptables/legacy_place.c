/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the copy of a rule that lets sources through is put: as late as possible, right before what
 * stops everybody else. What stands between the two (bans, rate limits) goes on working then.
 */
#include <stdlib.h>
#include <string.h>

#include "legacy_part.h"
#include "legacy_select_private.h"

#define DEPTH_MAX 8u /* of jumps, outwards */

/* --- comparing rules --- */

/* What every packet to the port meets, or what only names another condition. */
static bool
says_nothing(const struct part *part)
{
	return part->option == OPT_MATCH || part->option == OPT_COMMENT ||
	       part->option == OPT_PROTO || part->option == OPT_DPORT ||
	       part->option == OPT_DPORTS || part->option == OPT_STATE || part_is_target(part);
}

static bool
has_part(const struct rule *rule, const struct part *wanted, const struct save_token *t)
{
	struct part part;

	for (size_t i = 0;
	     i < rule->at->n && part_read(rule->at, i, &part) && !part_is_target(&part);
	     i = part.to) {
		size_t n = part.to - part.from;
		bool same = n == wanted->to - wanted->from;

		for (size_t k = 0; same && k < n; k++)
			same = !strcmp(rule->at->tokens[part.from + k].text,
				       t[wanted->from + k].text);
		if (same)
			return true;
	}
	return false;
}

bool
edit_asks_no_more(const struct rule *a, const struct rule *b)
{
	const struct save_token *t = a->at->tokens;
	struct part part;

	for (size_t i = 0; i < a->at->n && part_read(a->at, i, &part) && !part_is_target(&part);
	     i = part.to)
		if (!says_nothing(&part) && !part_is_source(&part) && !has_part(b, &part, t))
			return false;
	return !a->odd;
}

bool
edit_is_rest(const struct selection *s, const struct rule *rule, size_t k)
{
	return !rule->sources && rule->plain && !rule->odd && reach_meets(&s->reach, rule, k) &&
	       reach_verdict(&s->reach, rule, k) == MAY_DROP;
}

/* --- bans --- */

/* Stops some, by what may not be the geo-block. */
static bool
is_ban(const struct selection *s, const struct rule *rule, size_t k)
{
	return reach_meets(&s->reach, rule, k) && reach_rule_denies(&s->reach, rule) &&
	       !edit_is_rest(s, rule, k) && !(s->meant[rule->at - s->save->rules] && rule->sources);
}

static const struct rule *
ban_in(const struct selection *s, size_t in, size_t k, unsigned depth)
{
	const struct save_chain *chain = &s->save->chains[in];

	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		const struct rule *rule = reach_rule(&s->reach, i), *ban = NULL;

		if (rule->target == RULE_CHAIN && !rule->sources && depth > 0 &&
		    reach_meets(&s->reach, rule, k))
			ban = ban_in(s, rule->chain, k, depth - 1);
		else if (is_ban(s, rule, k) || edit_only_limits(s, rule, k))
			ban = rule;
		if (ban)
			return ban;
		if (edit_is_rest(s, rule, k) &&
		    reach_meets_unnamed(&s->reach, rule, k) == TRUTH_YES)
			return NULL;
	}
	return NULL;
}

const struct rule *
edit_ban_inside(const struct selection *s, const struct rule *jump)
{
	const struct rule *ban = NULL;

	for (size_t k = 0;
	     jump->target == RULE_CHAIN && jump->sources && !ban && k < s->reach.n_packets; k++)
		if (reach_meets(&s->reach, jump, k) && !edit_is_spared(s, jump, k))
			ban = ban_in(s, jump->chain, k, DEPTH_MAX);
	return ban;
}

static const struct rule *ban_behind_jumps(const struct selection *s, size_t chain, size_t k,
					   unsigned depth);

/* The first rule that bans, from this one on, and where packets go from there. */
static const struct rule *
ban_from(const struct selection *s, size_t in, size_t from, size_t k, unsigned depth)
{
	const struct save_chain *chain = &s->save->chains[in];

	for (size_t i = from; i < chain->first + chain->n; i++) {
		const struct rule *rule = reach_rule(&s->reach, i);

		if (is_ban(s, rule, k))
			return rule;
		if (edit_is_rest(s, rule, k) &&
		    reach_meets_unnamed(&s->reach, rule, k) == TRUTH_YES)
			return NULL;
	}
	return chain->policy || depth == 0 ? NULL : ban_behind_jumps(s, in, k, depth - 1);
}

static const struct rule *
ban_behind_jumps(const struct selection *s, size_t chain, size_t k, unsigned depth)
{
	for (size_t i = 0; i < s->save->n_rules; i++) {
		const struct rule *jump = reach_rule(&s->reach, i), *ban;

		if (jump->target != RULE_CHAIN || jump->chain != chain ||
		    !s->reach.hooks[jump->at->chain] || !reach_meets(&s->reach, jump, k))
			continue;
		ban = jump->is_goto ? ban_behind_jumps(s, jump->at->chain, k, depth ? depth - 1 : 0)
				    : ban_from(s, jump->at->chain, i + 1, k, depth);
		if (ban)
			return ban;
	}
	return NULL;
}

static int
refuse_for(struct selection *s, const struct rule *rule, const struct rule *ban)
{
	char chain[NAME_BUF], spec[NAME_BUF], why[3 * NAME_BUF];

	snprintf(
		why, sizeof(why),
		"it lets sources through before rule %u of chain %s (%s) looks at them: were it to "
		"let all through, that would stop nobody; put that rule before it",
		ban->at->number, err_name(chain, s->save->chains[ban->at->chain].name),
		err_name(spec, ban->at->spec));
	return edit_refuse(s, rule, why);
}

/* --- places --- */

/* Is there nothing in the rule but ports, so that the answer for a packet is all that it says? */
static bool
asks_for_ports(const struct rule *rule)
{
	struct part part;

	for (size_t i = 0;
	     i < rule->at->n && part_read(rule->at, i, &part) && !part_is_target(&part);
	     i = part.to)
		if (part.option != OPT_MATCH && part.option != OPT_COMMENT &&
		    part.option != OPT_PROTO && part.option != OPT_DPORT &&
		    part.option != OPT_DPORTS)
			return false;
	return !rule->odd;
}

/* The only rule that leads to the chain, if packet k goes there for certain, and comes back. */
static size_t
only_jump(const struct selection *s, size_t chain, size_t k)
{
	size_t found = SAVE_NONE;

	for (size_t i = 0; i < s->save->n_rules; i++) {
		const struct rule *rule = reach_rule(&s->reach, i);

		if (rule->target != RULE_CHAIN || rule->chain != chain)
			continue;
		if (found != SAVE_NONE || rule->is_goto || !asks_for_ports(rule) ||
		    reach_meets_unnamed(&s->reach, rule, k) != TRUTH_YES)
			return SAVE_NONE;
		found = i;
	}
	return found;
}

/* Does all that leaves the chain at its end come by this rule? */
static bool
is_passed_by_all(const struct selection *s, const struct rule *rule)
{
	const struct save_chain *chain = &s->save->chains[rule->at->chain];

	for (size_t i = chain->first; i < chain->first + rule->at->number - 1; i++) {
		const struct rule *before = reach_rule(&s->reach, i);

		if (before->target == RULE_RETURN ||
		    (before->is_goto && reach_falls_off(&s->reach, before->chain)))
			return false;
	}
	return true;
}

static int place_from(struct selection *s, const struct rule *rule, size_t in, size_t from,
		      size_t k, struct edit_place *place);

/* Nothing in the chain stops the others: whoever jumps there does. */
static int
place_at_end(struct selection *s, const struct rule *rule, size_t in, size_t k,
	     struct edit_place *place)
{
	const struct rule *ban = ban_behind_jumps(s, in, k, DEPTH_MAX);
	size_t jump;

	*place = (struct edit_place){ .chain = in, .number = (unsigned)s->save->chains[in].n + 1 };
	if (!ban)
		return 0;
	jump = only_jump(s, in, k);
	if (jump == SAVE_NONE || !is_passed_by_all(s, rule))
		return refuse_for(s, rule, ban);
	return place_from(s, rule, s->save->rules[jump].chain, jump + 1, k, place);
}

/* Before rule i, which stops the others; or that is skipped, if bans stand behind it. */
static int
place_before(struct selection *s, const struct rule *rule, size_t i, size_t k,
	     struct edit_place *place)
{
	const struct rule *rest = reach_rule(&s->reach, i), *ban = NULL;

	/* What it does not stop goes on to the rules behind it. */
	if (reach_meets_unnamed(&s->reach, rest, k) != TRUTH_YES && !edit_asks_no_more(rest, rule))
		ban = ban_from(s, rest->at->chain, i + 1, k, DEPTH_MAX);
	if (ban)
		return refuse_for(s, rule, ban);
	ban = edit_ban_behind(s, rule, i, k);
	if (ban && !edit_may_skip_rest(s, rule, i))
		return refuse_for(s, rule, ban);
	if (ban) {
		place->skipped = true;
		return edit_skip(s, i,
				 "stops whom a list does not let through; bans stand behind it");
	}
	place->number = rest->at->number;
	return 0;
}

/* For packet k, in the chain from this rule on. */
static int
place_from(struct selection *s, const struct rule *rule, size_t in, size_t from, size_t k,
	   struct edit_place *place)
{
	const struct save_chain *chain = &s->save->chains[in];

	*place = (struct edit_place){ .chain = in };
	for (size_t i = from; i < chain->first + chain->n; i++)
		if (edit_is_rest(s, reach_rule(&s->reach, i), k))
			return place_before(s, rule, i, k, place);
	if (chain->policy) {
		if (strcmp(chain->policy, "ACCEPT") != 0)
			place->number = (unsigned)chain->n + 1;
		return 0;
	}
	return rule->target == RULE_RETURN ? 0 : place_at_end(s, rule, in, k, place);
}

/* --- a list's rule --- */

static int
note_network(struct selection *s, const struct rule *rule)
{
	if (s->notes &&
	    names_addf(s->notes,
		       "rule %u of chain %s, table %s (%s) lets one network through and is left "
		       "alone: name its chain or comment if it is part of the geo-block",
		       rule->at->number, s->save->chains[rule->at->chain].name, s->edits->table,
		       family_names[s->edits->family]) < 0)
		return err_set(s->e, ERR_FAILED, "out of memory while planning");
	return 0;
}

/* What becomes of packet k, that may meet the rule, if it does not. */
static unsigned
outcome_without(const struct selection *s, size_t index, size_t k)
{
	unsigned after = reach_after(&s->reach, index, k);

	if (after & MAY_FALL)
		after = (after & ~(unsigned)MAY_FALL) |
			reach_end(&s->reach, s->save->rules[index].chain, k);
	return after;
}

static int
widen_for(struct selection *s, size_t index, size_t k)
{
	const struct legacy_packet *packet = &s->reach.packets[k];
	const struct rule *rule = reach_rule(&s->reach, index);
	unsigned outcome = outcome_without(s, index, k);
	struct edit_place place;

	if (!(outcome & MAY_DROP))
		return 0;
	if (place_from(s, rule, rule->at->chain, index + 1, k, &place) < 0)
		return -1;
	if (place.skipped)
		return 0;
	if (place.number)
		return edit_add_copy(s, index, &place, packet->original, packet->port.proto);
	return outcome & MAY_ACCEPT
		       ? 0
		       : edit_refuse(s, rule,
				     "it lets packets through by their source, and what stops the "
				     "others asks for more than ports and places: name that rule, "
				     "by its set or comment");
}

int
edit_widen(struct selection *s, size_t index)
{
	const struct rule *rule = reach_rule(&s->reach, index);

	if (!reach_denied_after(&s->reach, index))
		return 0;
	if (edit_check_copy(s, index) < 0)
		return -1;
	if (rule->source == RULE_LITERAL && !s->target->rules.chain.n &&
	    !s->target->rules.comment.n)
		return note_network(s, rule);
	for (size_t k = 0; k < s->reach.n_packets; k++)
		if (reach_meets(&s->reach, rule, k) && widen_for(s, index, k) < 0)
			return -1;
	return 0;
}
