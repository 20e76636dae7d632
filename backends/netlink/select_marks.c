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

bool
select_marks_copied(const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			struct criteria all;

			criteria_find(&all, rs, rs->chains[i]->rules[j]);
			if (all.copies_mark)
				return true;
		}
	}
	return false;
}

unsigned
select_mark_families(const struct rule *writer, const struct criterion *by)
{
	uint8_t family = writer->chain->table->family;

	if (family == NFPROTO_IPV4 || (by->set && !set_is_concat(by->set) && by->set->key_len == 4))
		return FAMILY_IPV4;
	if (family == NFPROTO_IPV6 ||
	    (by->set && !set_is_concat(by->set) && by->set->key_len == 16))
		return FAMILY_IPV6;
	return FAMILY_IPV4 | FAMILY_IPV6;
}

static bool
sees_some(const struct chain *chain, unsigned families)
{
	uint8_t family = chain->table->family;

	return family == NFPROTO_IPV4   ? (families & FAMILY_IPV4) != 0
	       : family == NFPROTO_IPV6 ? (families & FAMILY_IPV6) != 0
					: true;
}

/*
 * The rule tests the mark that `writer` writes by `by`. For discover, which has no target, each
 * writer is a finding of its own: its policy has to name them all.
 */
static int
add_mark_test(struct search *s, struct rule *rule, const struct criterion *test,
	      const struct rule *writer, const struct criterion *by)
{
	unsigned families = select_mark_families(writer, by);
	bool there = false, by_this = false;
	struct suspect *added;

	for (size_t i = 0; i < s->sel->n; i++) {
		struct suspect *known = &s->sel->suspects[i];

		if (known->rule != rule)
			continue;
		known->mark_families |= families;
		there = true;
		by_this |= known->by_mark && known->marked_by == by->set &&
			   known->marked_by_ipset == by->ipset;
	}
	if (there && (s->target || by_this))
		return 0;
	if (selection_append(s->sel, rule, test, s->index, s->e) < 0)
		return -1;
	added = &s->sel->suspects[s->sel->n - 1];
	added->by_mark = true;
	added->marked_by = by->set;
	added->marked_by_ipset = by->ipset;
	added->writer = writer;
	added->mark_families = families;
	return 0;
}

/* The first test of the mark, or NULL. */
static const struct criterion *
mark_test(struct criteria *all, const struct ruleset *rs, const struct rule *rule, bool ct)
{
	criteria_find(all, rs, rule);
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].of == (ct ? OF_CTMARK : OF_MARK) &&
		    !criterion_is_exception(all, &all->v[i]))
			return &all->v[i];
	}
	return NULL;
}

static void
note_tested(struct selection *sel, const struct rule *writer)
{
	for (size_t i = 0; i < sel->n; i++)
		sel->suspects[i].mark_tested |= sel->suspects[i].rule == writer;
}

/* The rules of all tables that decide on a mark which `writer` wrote by the source. */
static int
add_mark_tests(struct search *s, const struct rule *writer, const struct criterion *by, bool ct,
	       bool constant)
{
	const struct ruleset *rs = s->eval->rs;
	uint32_t value = 0;

	if (constant && !written_value(s, writer, &value))
		return 0;
	for (size_t i = 0; i < rs->n_chains; i++) {
		if (!sees_some(rs->chains[i], select_mark_families(writer, by)))
			continue;
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			struct rule *rule = rs->chains[i]->rules[j];
			const struct criterion *test;
			struct criteria all;

			test = mark_test(&all, rs, rule, ct);
			if (!test ||
			    (constant && !depends_on_mark(s->eval, rule, s->packets, value)))
				continue;
			if (add_mark_test(s, rule, test, writer, by) < 0)
				return -1;
			note_tested(s->sel, writer);
		}
	}
	return 0;
}

/* Is it a value that was looked up which is written, or a constant? */
static bool
writes_value(const struct criteria *all, bool ct)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].of == OF_SOURCE && (ct ? all->v[i].to_ctmark : all->v[i].to_mark))
			return true;
	}
	return false;
}

int
search_add_rule(struct search *s, struct rule *rule, const struct criteria *all,
		const struct criterion *criterion)
{
	bool source = criterion && criterion->of == OF_SOURCE;
	bool to_mark = source && all->sets_mark, to_ctmark = source && all->sets_ctmark;
	bool constant = !writes_value(all, false), ct_constant = !writes_value(all, true);

	s->rules++;
	if (selection_add(s->sel, rule, criterion, s->index, s->e) < 0)
		return -1;
	if ((to_mark || to_ctmark) && select_marks_copied(s->eval->rs)) {
		to_mark = to_ctmark = true;
		constant = ct_constant = constant && ct_constant;
	}
	if (to_mark && add_mark_tests(s, rule, criterion, false, constant) < 0)
		return -1;
	if (to_ctmark && add_mark_tests(s, rule, criterion, true, ct_constant) < 0)
		return -1;
	/* A rule that was named and tests a mark does so because the mark tells of the source. */
	s->sel->mark_by_source |= to_mark || (criterion && criterion->of == OF_MARK);
	s->sel->ctmark_by_source |= to_ctmark || (criterion && criterion->of == OF_CTMARK);
	return 0;
}
