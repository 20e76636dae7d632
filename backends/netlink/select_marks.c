/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks in two steps: one rule writes a mark by the source, another one, perhaps in another table,
 * decides on the mark.
 */
#include "nf.h"
#include "select_search.h"

/* Does what the rule does depend on the mark having this value? */
static bool
depends_on_mark(struct eval *eval, const struct rule *rule, const struct packets *packets,
		uint32_t value)
{
	for (size_t p = 0; p < packets->n; p++) {
		struct evaluation with, without;

		if (!eval_sees(rule->chain, &packets->v[p]))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, rule, &packets->v[p], VIEW_INSIDE, &without);
		eval_new_packet(eval);
		eval->mark = eval->ctmark = value;
		eval_rule(eval, rule, &packets->v[p], VIEW_INSIDE, &with);
		if ((with.match != TRUTH_NO) != (without.match != TRUTH_NO) || with.n != without.n)
			return true;
	}
	return false;
}

/* What a rule writes to a mark, when it is a constant. */
static bool
written_value(const struct search *s, const struct rule *writer, uint32_t *value)
{
	for (size_t p = 0; p < s->packets->n; p++) {
		struct evaluation result;

		eval_new_packet(s->eval);
		eval_rule(s->eval, writer, &s->packets->v[p], VIEW_INSIDE, &result);
		if (s->eval->written_known) {
			*value = s->eval->written;
			return true;
		}
	}
	return false;
}

/* The families whose sources the writer looks at. */
static unsigned
families_of(const struct criterion *by)
{
	if (by->set && by->set->key_len == 4)
		return FAMILY_IPV4;
	if (by->set && by->set->key_len == 16)
		return FAMILY_IPV6;
	return FAMILY_IPV4 | FAMILY_IPV6;
}

/* The rule tests the mark that `by` decides on. */
static int
add_mark_test(struct search *s, struct rule *rule, const struct criterion *test,
	      const struct criterion *by)
{
	for (size_t i = 0; i < s->sel->n; i++) {
		if (s->sel->suspects[i].rule == rule) {
			s->sel->suspects[i].mark_families |= families_of(by);
			return 0;
		}
	}
	if (selection_add(s->sel, rule, test, s->index, s->e) < 0)
		return -1;
	s->sel->suspects[s->sel->n - 1].by_mark = true;
	s->sel->suspects[s->sel->n - 1].marked_by = by->set;
	s->sel->suspects[s->sel->n - 1].mark_families = families_of(by);
	return 0;
}

/* The rules of all tables that decide on a mark which `writer` wrote by the source. */
static int
add_mark_tests(struct search *s, const struct rule *writer, const struct criterion *by, bool ct,
	       bool constant)
{
	const struct ruleset *rs = s->eval->rs;
	enum criterion_of of = ct ? OF_CTMARK : OF_MARK;
	uint32_t value = 0;

	if (constant && !written_value(s, writer, &value))
		return 0;
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			struct rule *rule = rs->chains[i]->rules[j];
			struct criteria all;
			size_t k = 0;

			criteria_find(&all, rs, rule);
			while (k < all.n && all.v[k].of != of)
				k++;
			if (k == all.n ||
			    (constant && !depends_on_mark(s->eval, rule, s->packets, value)))
				continue;
			if (add_mark_test(s, rule, &all.v[k], by) < 0)
				return -1;
		}
	}
	return 0;
}

/* A selected rule: if it writes a mark, the rules that test the mark are meant as well. */
int
search_add_rule(struct search *s, struct rule *rule, const struct criteria *all,
		const struct criterion *criterion)
{
	bool to_mark = criterion && (criterion->to_mark || all->sets_mark);
	bool to_ctmark = criterion && (criterion->to_ctmark || all->sets_ctmark);

	s->rules++;
	if (selection_add(s->sel, rule, criterion, s->index, s->e) < 0)
		return -1;
	if (to_mark && add_mark_tests(s, rule, criterion, false, !criterion->to_mark) < 0)
		return -1;
	if (to_ctmark && add_mark_tests(s, rule, criterion, true, !criterion->to_ctmark) < 0)
		return -1;
	s->sel->mark_by_source |= to_mark;
	s->sel->ctmark_by_source |= to_ctmark;
	return 0;
}
