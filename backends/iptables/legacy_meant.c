/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rules a target means: by their sets, comments and chains. */
#include "legacy_mark.h"
#include "legacy_select_private.h"
#include "legacy_set.h"

uint64_t
edit_matching(const struct patterns *patterns, const char *name)
{
	uint64_t bits = 0;

	for (size_t i = 0; name && i < patterns->n && i < PATTERNS_MAX; i++)
		if (pattern_matches(&patterns->v[i], name))
			bits |= UINT64_C(1) << i;
	return bits;
}

struct set_search {
	const struct patterns *patterns;
	uint64_t found;
};

static bool
accept_set(const char *set, void *data)
{
	struct set_search *search = data;
	uint64_t bits = edit_matching(search->patterns, set);

	search->found |= bits;
	return bits != 0;
}

static bool
holds_networks(const char *set, void *data)
{
	return legacy_set_holds_networks(data, set);
}

/* By its chain or table alone: a set of single addresses is one of bans. */
static bool
is_by_networks(const struct selection *s, const struct rule *rule)
{
	return rule->sources && (!rule->set || rule_sets(rule, holds_networks, s->sets));
}

/* Of a rule of the administrator's: the patterns that its chain matches. */
static uint64_t
meet_chain(struct selection *s, const struct save_rule *rule)
{
	size_t home = mark_home(s->save, rule->chain);
	uint64_t chain = edit_matching(&s->target->rules.chain, s->save->chains[home].name);

	if (s->met)
		s->met[s->t].chain |= chain;
	return chain;
}

static bool
is_meant(struct selection *s, const struct rule *rule)
{
	const struct rule_selector *by = &s->target->rules;
	struct set_search sets = { .patterns = &by->set };
	uint64_t chain = meet_chain(s, rule->at);
	uint64_t comment = edit_matching(&by->comment, rule->comment);

	rule_sets(rule, accept_set, &sets);
	if (s->met) {
		s->met[s->t].set |= sets.found;
		s->met[s->t].comment |= comment;
	}
	if ((by->chain.n && !chain) || (by->set.n && !sets.found) || (by->comment.n && !comment))
		return false;
	return by->set.n || by->comment.n || is_by_networks(s, rule);
}

/* Without its words: it has neither what the target names it by, nor is it one of ours. */
static bool
is_passed_over(struct selection *s, const struct save_rule *rule)
{
	const struct rule_selector *by = &s->target->rules;

	if (!rule->bare || mark_is_ours(s->save->chains[rule->chain].name))
		return false;
	return (!meet_chain(s, rule) && by->chain.n) || by->set.n || by->comment.n;
}

bool
edit_is_meant(struct selection *s, size_t index)
{
	const struct rule *rule;

	if (is_passed_over(s, &s->save->rules[index]))
		return false;
	rule = reach_rule(&s->reach, index);
	return !mark_is_our_return(rule) && !mark_is_our_rule(rule) && is_meant(s, rule);
}
