/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_mark.h"

#define EACH_MAX 8u     /* so many rules of one chain are lifted one by one; more: at the jump */
#define EDITS_MAX 1000u /* of one table */

struct selection {
	struct legacy_edits *edits;
	const struct save *save;
	struct reach reach;
	const struct lift_request *request;
	size_t t; /* the target */
	const struct target *target;
	struct met *met;
	struct names *notes;
	bool *edited;    /* by rule: there is an edit */
	size_t returned; /* the chain in which what follows an allow-list was found already */
	struct err *e;
};

/* --- which rules are meant --- */

/* Bits of the patterns that match. */
static uint64_t
matching(const struct patterns *patterns, const char *name)
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
	uint64_t bits = matching(search->patterns, set);

	search->found |= bits;
	return bits != 0;
}

/* Does the target mean this rule? Notes what of it was met. */
static bool
is_meant(struct selection *s, const struct rule *rule)
{
	const struct rule_selector *by = &s->target->rules;
	struct set_search sets = { .patterns = &by->set };
	size_t home = mark_home(s->save, rule->at->chain);
	uint64_t chain = matching(&by->chain, s->save->chains[home].name);
	uint64_t comment = matching(&by->comment, rule->comment);

	rule_sets(rule, accept_set, &sets);
	if (s->met) {
		s->met[s->t].chain |= chain;
		s->met[s->t].set |= sets.found;
		s->met[s->t].comment |= comment;
	}
	if ((by->chain.n && !chain) || (by->set.n && !sets.found) || (by->comment.n && !comment))
		return false;
	return by->set.n || by->comment.n || rule_is_by_source(rule);
}

static int
refuse(struct selection *s, const struct rule *rule, const char *why)
{
	char spec[NAME_BUF], chain[NAME_BUF];

	return err_set(s->e, ERR_FAILED, "%s, table %s, chain %s, rule %u (%s): %s",
		       family_names[s->edits->family], s->edits->table,
		       err_name(chain, s->save->chains[rule->at->chain].name), rule->at->number,
		       err_name(spec, rule->at->spec), why);
}

/* --- one edit --- */

static int
add_edit(struct selection *s, size_t index, enum action action, const char *why)
{
	struct legacy_edits *edits = s->edits;
	const struct rule *rule = &s->reach.rules[index];
	struct legacy_edit *v, *edit;

	if (s->edited[index])
		return 0;
	v = reallocarray(edits->v, edits->n + 1, sizeof(*v));
	if (!v)
		return err_set(s->e, ERR_FAILED, "out of memory while planning");
	edits->v = v;
	edit = &v[edits->n++];
	s->edited[index] = true;
	*edit = (struct legacy_edit){
		.target = s->t,
		.action = action,
		.rule = index,
		.number = rule->at->number,
		.hooks = s->reach.hooks[rule->at->chain],
		.chain = strdup(s->save->chains[rule->at->chain].name),
		.spec = strdup(rule->at->spec),
		.why = why,
	};
	return edit->chain && edit->spec
		       ? 0
		       : err_set(s->e, ERR_FAILED, "out of memory while planning");
}

/* --- what is to be done about a rule --- */

static int
skip(struct selection *s, size_t index, const char *why)
{
	const struct rule *rule = &s->reach.rules[index];

	if (rule->odd)
		return refuse(s, rule, "it is not understood, and is not touched");
	if (rule->is_goto && reach_falls_off(&s->reach, rule->chain))
		return refuse(s, rule,
			      "it is a goto to a chain that a packet may come out of, which cannot "
			      "be put elsewhere without changing where it comes out; write it with "
			      "-j, or let that chain end in a verdict");
	return add_edit(s, index, ACTION_SKIP, why);
}

/* What of the rules after an allow-list's stops everybody else. */
static int
skip_what_follows(struct selection *s, size_t index, bool *found)
{
	const struct save_chain *chain = &s->save->chains[s->save->rules[index].chain];

	*found = false;
	for (size_t i = index + 1; i < chain->first + chain->n; i++) {
		const struct rule *rule = &s->reach.rules[i];

		if (rule->sources || !rule->plain || !reach_rule_denies(&s->reach, rule))
			continue;
		if (reach_rule_accepts(&s->reach, rule))
			return refuse(s, rule,
				      "it follows a list of sources that are let through, but its "
				      "chain both stops packets and lets them through");
		*found = true;
		if (skip(s, i, "stops what a list of sources before it does not let through") < 0)
			return -1;
		if (rule->total)
			break;
	}
	return 0;
}

static int
lift_return(struct selection *s, size_t index)
{
	const struct rule *rule = &s->reach.rules[index];
	const struct save_chain *chain = &s->save->chains[rule->at->chain];
	bool found;

	if (s->returned == rule->at->chain)
		return 0;
	if (skip_what_follows(s, index, &found) < 0)
		return -1;
	if (found) {
		s->returned = rule->at->chain;
		return 0;
	}
	if (chain->policy && strcmp(chain->policy, "ACCEPT") != 0 && rule->inverted)
		return refuse(s, rule,
			      "it leaves the chain to its policy for other sources than these; "
			      "write it as a DROP");
	for (size_t i = index + 1; rule->inverted && i < chain->first + chain->n; i++)
		if (reach_rule_accepts(&s->reach, &s->reach.rules[i]))
			return refuse(
				s, rule,
				"it keeps other sources than these from what accepts "
				"packets later in its chain; write it as a DROP, or accept by "
				"source");
	return 0;
}

/* Two accepting rules that say the same but for the source need only one copy without it. */
static bool
is_widened_already(const struct selection *s, const struct rule *rule)
{
	const struct legacy_edits *edits = s->edits;

	for (size_t i = 0; i < edits->n; i++) {
		const struct rule *other = &s->reach.rules[edits->v[i].rule];
		size_t head = other->from, n = other->at->n;

		if (edits->v[i].action != ACTION_WIDEN || other->at->chain != rule->at->chain ||
		    head != rule->from || n - other->to != rule->at->n - rule->to)
			continue;
		for (size_t k = 0; k < n; k++) {
			size_t there = k < head ? k : k - other->to + rule->to;

			if (k >= head && k < other->to)
				continue;
			if (strcmp(s->save->tokens[other->at->first + k].text,
				   s->save->tokens[rule->at->first + there].text) != 0)
				break;
			if (k + 1 == n)
				return true;
		}
	}
	return false;
}

static int
widen(struct selection *s, size_t index)
{
	const struct rule *rule = &s->reach.rules[index];

	if (is_widened_already(s, rule) || !reach_denied_after(&s->reach, index))
		return 0;
	if (rule->odd || rule->sources != 1 || !rule->whole || rule->proto_inverted ||
	    rule->inverted)
		return refuse(s, rule,
			      "it lets packets through by their source in a way that cannot be "
			      "copied without that test");
	if (rule->source == RULE_LITERAL && !s->target->rules.chain.n &&
	    !s->target->rules.comment.n)
		return s->notes && names_addf(
					   s->notes,
					   "rule %u of chain %s, table %s (%s) lets one network "
					   "through and is left alone: name its chain or comment "
					   "if it is part of the geo-block",
					   rule->at->number, s->save->chains[rule->at->chain].name,
					   s->edits->table, family_names[s->edits->family]) < 0
			       ? err_set(s->e, ERR_FAILED, "out of memory while planning")
			       : 0;
	return add_edit(s, index, ACTION_WIDEN,
			"lets sources through; what it does not is stopped later");
}

static int
lift_accept(struct selection *s, size_t index)
{
	const struct rule *rule = &s->reach.rules[index];
	bool found;

	if (!rule->sources)
		return refuse(s, rule, "it lets packets through, and not by their source");
	if (s->target->action != ACTION_SKIP)
		return widen(s, index);
	if (skip_what_follows(s, index, &found) < 0)
		return -1;
	return found ? 0
		     : refuse(s, rule,
			      "\"action\": \"skip\", but no rule of its chain stops the others");
}

static int
lift_rule(struct selection *s, size_t index)
{
	const struct rule *rule = &s->reach.rules[index];
	bool denies = reach_rule_denies(&s->reach, rule);
	bool accepts = reach_rule_accepts(&s->reach, rule);

	if (!s->reach.hooks[rule->at->chain] || reach_excludes(&s->reach, rule))
		return 0;
	if (rule->odd)
		return refuse(s, rule, "it is not understood, and is not touched");
	if (denies && accepts && s->target->action == ACTION_AUTO)
		return refuse(
			s, rule,
			"the chain that it leads to both stops packets and lets them through: "
			"say \"action\": \"skip\" or \"widen\"");
	if (denies && s->target->action != ACTION_WIDEN)
		return skip(s, index, "stops packets by their source");
	if (denies && !accepts)
		return refuse(s, rule, "\"action\": \"widen\", but it stops packets");
	if (rule->target == RULE_RETURN && rule->sources)
		return lift_return(s, index);
	if (accepts)
		return lift_accept(s, index);
	if (rule->target == RULE_OTHER ||
	    (rule->target_name && strstr(rule->target_name, "MARK") && rule->sources))
		return refuse(s, rule,
			      "what its target means for the packet's way is not known; choose the "
			      "rule that stops packets, by its chain or comment");
	return 0;
}

/* --- many rules of one chain --- */

static size_t
count_skips(const struct selection *s, size_t chain)
{
	size_t n = 0;

	for (size_t i = 0; i < s->edits->n; i++)
		n += s->edits->v[i].action == ACTION_SKIP &&
		     s->save->rules[s->edits->v[i].rule].chain == chain;
	return n;
}

/* Nothing in it but rules that are lifted anyway, and what stops or lets through nobody. */
static bool
is_all_lifted(const struct selection *s, size_t index)
{
	const struct save_chain *chain = &s->save->chains[index];

	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		const struct rule *rule = &s->reach.rules[i];

		if (s->edited[i] || reach_excludes(&s->reach, rule) || rule->target == RULE_NONE ||
		    rule->target == RULE_RETURN)
			continue;
		return false;
	}
	return true;
}

static void
drop_edits(struct selection *s, size_t chain)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->edits->n; i++) {
		struct legacy_edit *edit = &s->edits->v[i];

		if (s->save->rules[edit->rule].chain == chain) {
			s->edited[edit->rule] = false;
			free(edit->chain);
			free(edit->spec);
		} else {
			s->edits->v[kept++] = *edit;
		}
	}
	s->edits->n = kept;
}

static int
lift_at_jumps(struct selection *s, size_t chain)
{
	drop_edits(s, chain);
	for (size_t i = 0; i < s->save->n_rules; i++) {
		const struct rule *rule = &s->reach.rules[i];

		if (rule->target != RULE_CHAIN || rule->chain != chain ||
		    !s->reach.hooks[rule->at->chain] || reach_excludes(&s->reach, rule))
			continue;
		if (skip(s, i,
			 "leads to a chain with nothing but rules that stop packets by their "
			 "source") < 0)
			return -1;
	}
	return 0;
}

static int
gather_chains(struct selection *s)
{
	for (size_t chain = 0; chain < s->save->n_chains; chain++)
		if (!s->save->chains[chain].policy && count_skips(s, chain) > EACH_MAX &&
		    is_all_lifted(s, chain) && lift_at_jumps(s, chain) < 0)
			return -1;
	return 0;
}

/* --- all of a target --- */

static int
select_target(struct selection *s)
{
	for (size_t i = 0; i < s->save->n_rules; i++) {
		const struct rule *rule = &s->reach.rules[i];

		if (mark_is_our_return(rule) || mark_is_our_rule(rule) || !is_meant(s, rule))
			continue;
		if (s->met)
			s->met[s->t].any = true;
		if (lift_rule(s, i) < 0)
			return -1;
	}
	return gather_chains(s);
}

static int
by_rule(const void *a, const void *b)
{
	const struct legacy_edit *x = a, *y = b;

	return (x->rule > y->rule) - (x->rule < y->rule);
}

static int
check_number(struct selection *s)
{
	if (s->edits->n <= EDITS_MAX)
		return 0;
	return refuse(
		s, &s->reach.rules[s->edits->v[EDITS_MAX].rule],
		"more rules than can be changed one by one; move them to a chain of their own, "
		"which is lifted at the jump to it, or use an ipset");
}

/* What is not understood may mean anything for what stands beside it. */
static int
check_chains(struct selection *s)
{
	for (size_t i = 0; i < s->edits->n; i++) {
		size_t in = s->save->rules[s->edits->v[i].rule].chain;
		const struct save_chain *chain = &s->save->chains[in];

		if (i > 0 && s->save->rules[s->edits->v[i - 1].rule].chain == in)
			continue;
		for (size_t k = chain->first; k < chain->first + chain->n; k++)
			if (s->reach.rules[k].odd)
				return refuse(s, &s->reach.rules[k],
					      "it is not understood, and rules of its chain would "
					      "have to be changed");
	}
	return 0;
}

static int
select_all(struct selection *s)
{
	for (s->t = 0; s->t < s->request->n; s->t++) {
		s->target = s->request->targets[s->t];
		s->returned = SAVE_NONE;
		if (s->target->table && !strcmp(s->target->table, s->edits->table) &&
		    select_target(s) < 0)
			return -1;
	}
	return check_number(s) < 0 ? -1 : check_chains(s);
}

int
legacy_select(struct legacy_edits *edits, const struct save *save,
	      const struct lift_request *request, struct met *met, struct names *notes,
	      struct err *e)
{
	struct selection s = {
		.edits = edits, .save = save, .request = request, .met = met, .notes = notes, .e = e
	};
	int rc;

	if (reach_init(&s.reach, save, &request->ports, e) < 0)
		return -1;
	s.edited = calloc(save->n_rules + 1, sizeof(*s.edited));
	rc = s.edited ? select_all(&s) : err_set(e, ERR_FAILED, "out of memory while planning");
	free(s.edited);
	reach_fini(&s.reach);
	if (edits->n)
		qsort(edits->v, edits->n, sizeof(*edits->v), by_rule);
	return rc;
}

void
legacy_edits_fini(struct legacy_edits *edits)
{
	for (size_t i = 0; i < edits->n; i++) {
		free(edits->v[i].chain);
		free(edits->v[i].spec);
	}
	free(edits->v);
	edits->v = NULL;
	edits->n = 0;
}

bool
legacy_edits_same(const struct legacy_edits *a, const struct legacy_edits *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].action != b->v[i].action || a->v[i].hooks != b->v[i].hooks ||
		    strcmp(a->v[i].chain, b->v[i].chain) != 0 ||
		    strcmp(a->v[i].spec, b->v[i].spec) != 0)
			return false;
	return true;
}
