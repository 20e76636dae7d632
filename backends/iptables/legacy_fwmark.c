/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_fwmark.h"

#include <string.h>

#include "legacy_lift.h"

#define DEPTH_MAX 8u /* of jumps */

/* Here, or in the chain that the rule leads to. */
static bool
leads_to_mark(const struct reach *reach, const struct rule *rule, uint32_t *mark, uint32_t *mask,
	      unsigned depth)
{
	const struct save_chain *chain;

	if (rule_sets_mark(rule, mark, mask))
		return true;
	if (rule->target != RULE_CHAIN || depth == 0)
		return false;
	chain = &reach->save->chains[rule->chain];
	for (size_t i = chain->first; i < chain->first + chain->n; i++)
		if (leads_to_mark(reach, reach_rule(reach, i), mark, mask, depth - 1))
			return true;
	return false;
}

bool
fwmark_is_set(const struct reach *reach, const struct rule *rule)
{
	uint32_t mark, mask;

	return leads_to_mark(reach, rule, &mark, &mask, DEPTH_MAX);
}

static bool
asks_for(const struct rule *rule, uint32_t mark)
{
	uint32_t value, mask;

	return rule_read_mark(rule->mark, &value, &mask) &&
	       ((mark & mask) == value) != rule->mark_inverted;
}

/* --- all tables --- */

struct visit {
	uint32_t mark, mask;       /* that is set */
	const struct rule *asking; /* or that is asked for */
	struct fwmark_meaning meaning;
	size_t setters;
};

static bool
nothing_bans_behind(const struct reach *reach, size_t index)
{
	const struct save_chain *chain = &reach->save->chains[reach_rule(reach, index)->at->chain];

	for (size_t i = index + 1; i < chain->first + chain->n; i++) {
		const struct rule *rule = reach_rule(reach, i);

		if (reach_rule_denies(reach, rule) && !reach_excludes(reach, rule) &&
		    (rule->sources || rule->mark || !rule->plain || rule->target == RULE_CHAIN))
			return false;
	}
	return chain->policy && reach_rule(reach, index)->target == RULE_ACCEPT;
}

/* A packet without the mark would go the other way here. */
static void
take_decision(struct visit *v, const struct reach *reach, size_t index)
{
	const struct rule *rule = reach_rule(reach, index);
	bool marked, denies, lets, saves = false, keeps = false;

	if (!rule->mark || !reach->hooks[rule->at->chain] || reach_excludes(reach, rule))
		return;
	marked = asks_for(rule, v->mark);
	if (marked == asks_for(rule, 0))
		return;
	if (reach_leaves_chain(reach, rule))
		reach_leaving(reach, index, &saves, &keeps);
	denies = keeps || reach_rule_denies(reach, rule);
	lets = saves || (reach_rule_accepts(reach, rule) && reach_denied_after(reach, index));
	v->meaning.stops |= marked ? denies : lets;
	v->meaning.lets |= marked ? lets : denies;
	v->meaning.alone &= !marked || !lets || nothing_bans_behind(reach, index);
}

/* Another mark for other sources may be what bans them: it must not be written over. */
static void
take_writer(struct visit *v, const struct reach *reach, const struct rule *rule)
{
	uint32_t mark, mask;

	if (rule_sets_mark(rule, &mark, &mask) && mask & v->mask && reach->hooks[rule->at->chain] &&
	    !reach_excludes(reach, rule))
		v->meaning.alone &= ((mark ^ v->mark) & mask & v->mask) == 0;
}

static void
take_table(struct visit *v, const struct reach *reach)
{
	for (size_t i = 0; i < reach->save->n_rules; i++) {
		const struct rule *rule = reach_rule(reach, i);
		uint32_t mark, mask;

		if (!v->asking) {
			take_decision(v, reach, i);
			take_writer(v, reach, rule);
		} else if (rule_sets_mark(rule, &mark, &mask) && asks_for(v->asking, mark)) {
			v->setters++;
		}
	}
}

static int
visit_other(struct visit *v, const struct fwmark_place *place, const char *table, struct err *e)
{
	struct reach reach;
	struct save save;
	int rc;

	if (host_save(place->host, place->family, table, &save, e) < 0)
		return -1;
	rc = reach_init(&reach, &save, &place->reach->ports, place->nat, e);
	if (rc == 0) {
		take_table(v, &reach);
		rc = reach_done(&reach, 0, e);
	}
	save_fini(&save);
	return rc;
}

static int
visit_tables(struct visit *v, const struct fwmark_place *place, struct err *e)
{
	for (size_t t = 0; t < LEGACY_TABLES; t++) {
		const char *table = legacy_tables[t];

		if (!strcmp(table, place->table))
			take_table(v, place->reach);
		else if (host_has(place->family, table) && visit_other(v, place, table, e) < 0)
			return -1;
	}
	return 0;
}

int
fwmark_meaning(struct fwmark_meaning *meaning, const struct fwmark_place *place,
	       const struct rule *rule, struct err *e)
{
	struct visit v = { .meaning.alone = true };

	*meaning = (struct fwmark_meaning){ .stops = false };
	if (!leads_to_mark(place->reach, rule, &v.mark, &v.mask, DEPTH_MAX))
		return 0;
	if (visit_tables(&v, place, e) < 0)
		return -1;
	*meaning = v.meaning;
	return 0;
}

int
fwmark_setters(size_t *n, const struct fwmark_place *place, const struct rule *rule, struct err *e)
{
	struct visit v = { .asking = rule };
	int rc = visit_tables(&v, place, e);

	*n = v.setters;
	return rc;
}

int
fwmark_stopping(size_t *found, const struct fwmark_place *place, size_t from, struct err *e)
{
	const struct reach *reach = place->reach;
	const size_t n = reach->save->n_rules;

	*found = SAVE_NONE;
	for (size_t i = from; from > 0 && i < n && *found == SAVE_NONE; i++) {
		const struct rule *rule = reach_rule(reach, i);
		struct fwmark_meaning meaning;

		if (rule->at->chain != reach->save->rules[from - 1].chain)
			break;
		if (rule->sources || !fwmark_is_set(reach, rule) || reach_excludes(reach, rule))
			continue;
		if (fwmark_meaning(&meaning, place, rule, e) < 0)
			return -1;
		if (meaning.stops)
			*found = i;
	}
	return 0;
}
