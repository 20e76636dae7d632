/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every name that a target gives must mean something in the live ruleset. */
#include <stdio.h>

#include "expr.h"
#include "mark.h"
#include "nf.h"
#include "select_search.h"

const char *
search_path(char buf[PATH_BUF], const char *key, const struct patterns *all,
	    const struct pattern *one)
{
	if (all->n == 1)
		snprintf(buf, PATH_BUF, "rules.%s", key);
	else
		snprintf(buf, PATH_BUF, "rules.%s[%zu]", key, (size_t)(one - all->v));
	return buf;
}

static bool
some_ipset_matches(const struct search *s, const struct pattern *p)
{
	const struct ruleset *rs = s->eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		for (size_t j = 0; chain->table == s->table && j < chain->n; j++) {
			for (size_t k = 0; k < chain->rules[j]->n; k++) {
				const char *name = chain->rules[j]->v[k].ipset;

				if (name && pattern_matches(p, name))
					return true;
			}
		}
	}
	return false;
}

static bool
some_set_matches(const struct search *s, const struct pattern *p, bool map)
{
	const struct ruleset *rs = s->eval->rs;

	for (size_t i = 0; i < rs->n_sets; i++) {
		const struct set *set = rs->sets[i];

		if (set->table == s->table && !(set->flags & NFT_SET_ANONYMOUS) &&
		    (!map || set->flags & NFT_SET_MAP) && !mark_is_set(set, NULL) &&
		    pattern_matches(p, set->name))
			return true;
	}
	return !map && some_ipset_matches(s, p);
}

static bool
some_chain_matches(const struct search *s, const struct pattern *p)
{
	const struct ruleset *rs = s->eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		if (rs->chains[i]->table == s->table && pattern_matches(p, rs->chains[i]->name))
			return true;
	}
	return false;
}

static bool
some_rule_matches(const struct search *s, const struct pattern *comment, uint64_t handle)
{
	const struct ruleset *rs = s->eval->rs;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		if (chain->table != s->table)
			continue;
		for (size_t j = 0; j < chain->n; j++) {
			const struct rule *rule = chain->rules[j];

			if (comment ? pattern_matches(comment, rule->comment)
				    : rule->handle == handle)
				return true;
		}
	}
	return false;
}

static int
no_match(struct search *s, const char *key, const struct patterns *list, const struct pattern *p,
	 const char *what)
{
	char path[PATH_BUF], text[NAME_BUF];

	return target_err(s->e, s->target, search_path(path, key, list, p), p->line,
			  "no %s in table %s matches \"%s\"", what, s->table->text,
			  err_name(text, p->text));
}

/* Every name that the target gives must mean something: a typing error must not go unseen. */
int
search_check_names(struct search *s)
{
	const struct rule_selector *rules = &s->target->rules;

	for (size_t i = 0; i < rules->chain.n; i++) {
		if (!some_chain_matches(s, &rules->chain.v[i]))
			return no_match(s, "chain", &rules->chain, &rules->chain.v[i], "chain");
	}
	for (size_t i = 0; i < rules->set.n; i++) {
		if (!some_set_matches(s, &rules->set.v[i], false))
			return no_match(s, "set", &rules->set, &rules->set.v[i], "set");
	}
	for (size_t i = 0; i < rules->map.n; i++) {
		if (!some_set_matches(s, &rules->map.v[i], true))
			return no_match(s, "map", &rules->map, &rules->map.v[i], "map");
	}
	for (size_t i = 0; i < rules->comment.n; i++) {
		if (!some_rule_matches(s, &rules->comment.v[i], 0))
			return no_match(s, "comment", &rules->comment, &rules->comment.v[i],
					"rule's comment");
	}
	for (size_t i = 0; i < rules->n_handles; i++) {
		if (!some_rule_matches(s, NULL, rules->handles[i]))
			return target_err(s->e, s->target, "rules.handle", rules->handle_line,
					  "no rule in table %s has the handle %llu (handles change "
					  "when the ruleset is reloaded: give the rule a comment)",
					  s->table->text, (unsigned long long)rules->handles[i]);
	}
	return 0;
}

void
search_meet(const struct search *s, struct select_met *met)
{
	const struct rule_selector *rules = &s->target->rules;

	for (size_t i = 0; i < rules->chain.n && i < 64; i++)
		met->chain |= (uint64_t)some_chain_matches(s, &rules->chain.v[i]) << i;
	for (size_t i = 0; i < rules->set.n && i < 64; i++)
		met->set |= (uint64_t)some_set_matches(s, &rules->set.v[i], false) << i;
	for (size_t i = 0; i < rules->comment.n && i < 64; i++)
		met->comment |= (uint64_t)some_rule_matches(s, &rules->comment.v[i], 0) << i;
}

int
search_found_nothing(struct search *s)
{
	if (s->destinations > 0)
		return target_err(s->e, s->target, "rules", 0,
				  "the rules in table %s that use these sets test the destination, "
				  "not the source: lifting them cannot let a CA in",
				  s->table->text);
	if (s->exceptions > 0)
		return target_err(s->e, s->target, "rules", 0,
				  "in table %s these sets only make exceptions from rules that are "
				  "for other sources: name the set of what is blocked",
				  s->table->text);
	return target_err(s->e, s->target, "rules", 0,
			  "no rule in table %s that tests the source of packets matches",
			  s->table->text);
}
