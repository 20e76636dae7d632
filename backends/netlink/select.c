/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipset.h"
#include "iptables.h"
#include "nf.h"
#include "select_search.h"
#include "sends.h"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory while selecting rules");
}

/* A target of iptables means the table of both families. */
static bool
is_iptables(const struct target *target)
{
	return strchr(target->table, ' ') == NULL;
}

bool
select_means(const struct ruleset *rs, const struct target *target, const struct table *table)
{
	if (is_iptables(target))
		return (table->family == NFPROTO_IPV4 || table->family == NFPROTO_IPV6) &&
		       strcmp(table->name, target->table) == 0 && table_has_builtin(rs, table);
	return select_table(rs, target->table) == table;
}

const char *
select_table_name(const char *text, uint8_t *family)
{
	const char *space = strchr(text, ' ');
	char word[16];

	if (!space)
		return NULL;
	snprintf(word, sizeof(word), "%.*s", (int)(space - text), text);
	*family = family_by_name(word);
	return space + 1;
}

struct table *
select_table(const struct ruleset *rs, const char *text)
{
	uint8_t family;
	const char *name = select_table_name(text, &family);

	return name ? ruleset_table(rs, family, name) : NULL;
}

void
selection_fini(struct selection *sel)
{
	free(sel->suspects);
	free(sel->own_sets);
	*sel = (struct selection){ 0 };
}

bool
selection_has(const struct selection *sel, const struct rule *rule)
{
	for (size_t i = 0; i < sel->n; i++) {
		if (sel->suspects[i].rule == rule)
			return true;
	}
	return false;
}

int
selection_add(struct selection *sel, struct rule *rule, const struct criterion *criterion,
	      size_t target, struct err *e)
{
	return selection_has(sel, rule) ? 0 : selection_append(sel, rule, criterion, target, e);
}

int
selection_append(struct selection *sel, struct rule *rule, const struct criterion *criterion,
		 size_t target, struct err *e)
{
	struct suspect *grown;

	if ((sel->n & (sel->n - 1)) == 0) {
		grown = realloc(sel->suspects, (sel->n ? sel->n * 2 : 1) * sizeof(*grown));
		if (!grown)
			return no_memory(e);
		sel->suspects = grown;
	}
	sel->suspects[sel->n] = (struct suspect){ .rule = rule, .target = target };
	if (criterion) {
		sel->suspects[sel->n].criterion = *criterion;
		sel->suspects[sel->n].has_criterion = true;
	}
	sel->n++;
	return 0;
}

static bool
has_handle(const struct rule_selector *rules, uint64_t handle)
{
	for (size_t i = 0; i < rules->n_handles; i++) {
		if (rules->handles[i] == handle)
			return true;
	}
	return rules->n_handles == 0;
}

/* Sets that no geo-block is made of; matched only by a pattern, they are a mistake. */
static bool
is_filled_by_rules(const struct set *set)
{
	return set && (set->flags & NFT_SET_EVAL);
}

/* The pattern of rules.set or rules.map that means this criterion, or NULL. */
static const struct pattern *
match_set(const struct rule_selector *rules, const struct criterion *c, const char **key,
	  const struct patterns **list)
{
	const char *name = criterion_name(c);
	const struct pattern *p;

	if (!name)
		return NULL;
	*key = "set";
	*list = &rules->set;
	p = patterns_match(&rules->set, name);
	if (!p && c->set && (c->set->flags & NFT_SET_MAP)) {
		*key = "map";
		*list = &rules->map;
		p = patterns_match(&rules->map, c->set->name);
	}
	return p;
}

static int
too_much(struct search *s, const char *key, const struct patterns *list,
	 const struct pattern *pattern, const char *what)
{
	char path[PATH_BUF], text[NAME_BUF];

	return target_err(s->e, s->target, search_path(path, key, list, pattern), pattern->line,
			  "the pattern \"%s\" matches too much: also %s; name the geo-block's own",
			  err_name(text, pattern->text), what);
}

/* A rule that tests the source by several of the named sets is lifted as to all of them. */
static void
join(struct criterion *first, const struct criterion *other)
{
	if (first->decides || other->decides || first->inverted != other->inverted)
		return;
	for (size_t i = 0; i < EXPRS_MAX; i++)
		first->uses[i] |= other->uses[i];
	first->mixed |= other->mixed;
}

/* The criterion that the target's sets and maps mean; others that do not count are noted. */
static int
find_by_set(struct search *s, struct criteria *all, struct criterion **found, bool *by_destination,
	    bool *exception)
{
	for (size_t i = 0; i < all->n; i++) {
		struct criterion *c = &all->v[i];
		const struct patterns *list;
		const struct pattern *p;
		const char *key;
		char name[NAME_BUF], what[NAME_BUF + 64];

		p = match_set(&s->target->rules, c, &key, &list);
		if (!p)
			continue;
		if (c->of != OF_SOURCE) {
			*by_destination = c->of == OF_DESTINATION;
			continue;
		}
		if (criterion_is_exception(all, c)) {
			*exception = true;
			continue;
		}
		if (pattern_is_wild(p) && is_filled_by_rules(c->set)) {
			snprintf(what, sizeof(what),
				 "set %s, which rules fill (a rate limit or a ban)",
				 err_name(name, c->set->name));
			return too_much(s, key, list, p, what);
		}
		if (*found)
			join(*found, c);
		else
			*found = c;
	}
	for (size_t i = 0; *found && i < all->n; i++) {
		const struct criterion *c = &all->v[i];
		const struct patterns *list;
		const char *key;

		(*found)->narrowed |= c->of == OF_SOURCE && !c->inverted && c != *found &&
				      !match_set(&s->target->rules, c, &key, &list);
	}
	return 0;
}

/* Without rules.set and rules.map: the first test of the source, or of a mark. */
static struct criterion *
find_any(struct criteria *all)
{
	struct criterion *first = NULL;

	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].of != OF_SOURCE || criterion_is_exception(all, &all->v[i]))
			continue;
		if (first)
			first->ambiguous = true;
		else
			first = &all->v[i];
	}
	if (first)
		return first;
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].of == OF_MARK || all->v[i].of == OF_CTMARK)
			return &all->v[i];
	}
	return NULL;
}

/* A target without any selector but the chain means what looks like a geo-block there. */
static bool
looks_geographic(struct nl *nl, const struct criterion *c)
{
	if (!c || c->of != OF_SOURCE)
		return false;
	if (c->ipset)
		return ipset_holds_networks(nl, c->ipset);
	if (!c->set)
		return c->kind == SOURCE_LITERAL || c->kind == SOURCE_FOREIGN;
	if (is_filled_by_rules(c->set))
		return false;
	/* A concatenation, as with ports, need not have ranges. */
	return (c->set->flags & NFT_SET_INTERVAL) || set_is_concat(c->set);
}

/* "*", "* *": a pattern that says next to nothing. */
static bool
matches_anything(const struct pattern *pattern)
{
	size_t letters = 0;

	for (const char *c = pattern->text; *c; c++)
		letters += !strchr("*?[]!- \\", *c);
	return pattern_is_wild(pattern) && letters < 3;
}

static int
consider_rule(struct search *s, struct rule *rule)
{
	const struct rule_selector *rules = &s->target->rules;
	struct criterion *found = NULL;
	const struct pattern *comment = NULL;
	bool by_destination = false, exception = false;
	struct criteria all;

	if (rule->ours || !has_handle(rules, rule->handle))
		return 0;
	if (rules->comment.n > 0) {
		comment = rule->comment ? patterns_match(&rules->comment, rule->comment) : NULL;
		if (!comment)
			return 0;
	}
	criteria_find(&all, s->eval->rs, rule);
	if (rules->set.n > 0 || rules->map.n > 0) {
		if (find_by_set(s, &all, &found, &by_destination, &exception) < 0)
			return -1;
		s->destinations += by_destination;
		s->exceptions += exception && !found;
		return found ? search_add_rule(s, rule, &all, found) : 0;
	}
	found = find_any(&all);
	if (comment && matches_anything(comment) && !found)
		return too_much(s, "comment", &rules->comment, comment,
				"a rule that does not test the source");
	if (rules->comment.n == 0 && rules->n_handles == 0 && !looks_geographic(s->eval->nl, found))
		return 0;
	return search_add_rule(s, rule, &all, found);
}

/* --- targets --- */

static int
select_in_table(struct search *s)
{
	const struct ruleset *rs = s->eval->rs;

	for (size_t i = 0; i < rs->n_chains && s->target->action != ACTION_SET; i++) {
		const struct chain *chain = rs->chains[i];

		if (chain->table != s->table ||
		    (s->target->rules.chain.n > 0 &&
		     !patterns_match(&s->target->rules.chain, chain->name)))
			continue;
		for (size_t j = 0; j < chain->n; j++) {
			if (consider_rule(s, chain->rules[j]) < 0)
				return -1;
		}
	}
	return 0;
}

/* Half of the names may be of the other family, or of tables that are not seen here. */
static int
select_iptables(struct search *s, struct select_met *met)
{
	const struct ruleset *rs = s->eval->rs;

	for (size_t i = 0; i < rs->n_tables; i++) {
		if (!select_means(rs, s->target, rs->tables[i]))
			continue;
		s->table = rs->tables[i];
		if (met)
			search_meet(s, met);
		if (select_in_table(s) < 0)
			return -1;
	}
	if (met)
		met->any = s->rules > 0;
	return 0;
}

static int
select_target(struct search *s)
{
	char text[NAME_BUF];

	s->table = select_table(s->eval->rs, s->target->table);
	if (!s->table)
		return target_err(s->e, s->target, "table", s->target->table_line,
				  "there is no table %s in the ruleset",
				  err_name(text, s->target->table));
	if (search_check_names(s) < 0)
		return -1;
	if (search_own_sets(s, s->target->action == ACTION_SET) < 0)
		return -1;
	if (select_in_table(s) < 0)
		return -1;
	return s->rules == 0 ? search_found_nothing(s) : 0;
}

/* Do rules of other tables decide as well what happens to a packet? */
static bool
concerns_others(const struct selection *sel)
{
	for (size_t i = 0; i < sel->n; i++) {
		if (sends_on(sel->suspects[i].rule))
			return true;
	}
	return sel->mark_by_source || sel->ctmark_by_source;
}

int
select_targets(struct selection *sel, struct eval *eval, const struct lift_request *request,
	       const struct packets *packets, bool all_loaded, struct select_met *met,
	       struct err *e)
{
	*sel = (struct selection){ 0 };
	for (size_t i = 0; i < request->n; i++) {
		struct search s = { .sel = sel,
				    .eval = eval,
				    .packets = packets,
				    .target = request->targets[i],
				    .index = i,
				    .e = e };

		if ((is_iptables(s.target) ? select_iptables(&s, met ? &met[i] : NULL)
					   : select_target(&s)) < 0) {
			selection_fini(sel);
			return -1;
		}
	}
	if (!all_loaded && concerns_others(sel)) {
		selection_fini(sel);
		return SELECT_ALL_TABLES;
	}
	eval->source_mark = sel->mark_by_source;
	eval->source_ctmark = sel->ctmark_by_source;
	return 0;
}

/* --- everything, for discover --- */

static int
take_rule_for_discover(struct search *s, struct rule *rule)
{
	struct criteria all;

	criteria_find(&all, s->eval->rs, rule);
	for (size_t i = 0; i < all.n; i++) {
		const struct criterion *c = &all.v[i];

		if (criterion_is_exception(&all, c))
			continue;
		/* Each test of the source on its own: only one of them may be the geo-block's. */
		if (c->of == OF_SOURCE && all.n > 1 && selection_has(s->sel, rule) &&
		    selection_append(s->sel, rule, c, 0, s->e) < 0)
			return -1;
		if (c->of == OF_SOURCE && search_add_rule(s, rule, &all, c) < 0)
			return -1;
		if (c->of == OF_DESTINATION && all.n == 1 &&
		    (criterion_name(c) || c->kind == SOURCE_ANONYMOUS) &&
		    selection_add(s->sel, rule, c, 0, s->e) < 0)
			return -1;
		if (c->of == OF_OWN_PORT && criterion_name(c) &&
		    selection_add_own_set(s->sel, c->set, 0, s->e) < 0)
			return -1;
	}
	return 0;
}

int
select_everything(struct selection *sel, struct eval *eval, const struct packets *packets,
		  struct err *e)
{
	const struct ruleset *rs = eval->rs;
	struct search s = { .sel = sel, .eval = eval, .packets = packets, .e = e };

	*sel = (struct selection){ 0 };
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			if (rs->chains[i]->rules[j]->ours)
				continue;
			if (take_rule_for_discover(&s, rs->chains[i]->rules[j]) < 0) {
				selection_fini(sel);
				return -1;
			}
		}
	}
	eval->source_mark = sel->mark_by_source;
	eval->source_ctmark = sel->ctmark_by_source;
	return 0;
}
