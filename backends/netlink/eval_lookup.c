/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is looked up in sets and maps. */
#include <string.h>

#include "element.h"
#include "eval_step.h"
#include "expr.h"
#include "nf.h"

void
step_add_branch(struct evaluation *result, uint32_t verdict, const char *chain)
{
	for (size_t i = 0; i < result->n; i++) {
		const struct branch *b = &result->v[i];

		if (b->verdict == verdict &&
		    (b->chain == chain || (b->chain && chain && strcmp(b->chain, chain) == 0)))
			return;
	}
	if (result->n == BRANCHES_MAX)
		result->unread = true;
	else
		result->v[result->n++] = (struct branch){ verdict, chain };
}

static int
add_element_branch(const struct element *x, void *data)
{
	if (!x->interval_end && x->is_verdict)
		step_add_branch(data, x->verdict, x->chain);
	return 0;
}

/* May the elements of this set be read for an evaluation? Those of addresses may be very many. */
static bool
may_read(const struct step *s, const struct set *set, bool by_source)
{
	return !by_source || s->eval->read_source_maps || (set->flags & NFT_SET_ANONYMOUS);
}

static void
every_branch(struct step *s, struct set *set, bool by_source)
{
	if (set && may_read(s, set, by_source) &&
	    ruleset_elements(s->eval->nl, set, s->eval->e) == 0)
		element_each(set, add_element_branch, s->result);
	else
		s->result->unread = true;
	s->stop = true;
}

static void
define_value(struct step *s, const struct expr *x, const struct element *found)
{
	if (x->dreg == EXPR_NO_REG || x->dreg == NFT_REG_VERDICT)
		return;
	if (found && found->data.v)
		step_set_known(&s->r, x->dreg, found->data.v, found->data.len);
	else
		step_set_unknown(&s->r, x->dreg, 16, TAG_NONE);
}

/*
 * Sets are asked for the addresses of real flows; but anonymous ones, which go away with their
 * rule, were read. What a lift put into the administrator's set does not count.
 */
static int
find_element(struct step *s, struct set *set, const uint8_t *key, bool *found, struct element *x)
{
	struct err unread = ERR_INIT;

	if (!s->packet->addressed || (set->flags & NFT_SET_ANONYMOUS)) {
		if (ruleset_elements(s->eval->nl, set, s->eval->e) < 0)
			return -1;
		element_find(set, key, set->key_len, found, x);
		return 0;
	}
	if (element_ask(s->eval->nl, set, key, set->key_len, found, x, &unread) < 0) {
		s->eval->source_unclear = true;
		return -1;
	}
	*found = *found && !x->ours;
	return 0;
}

/* The verdict of an element; its chain's name outlives the element. */
static void
add_found_branch(struct step *s, const struct element *x)
{
	const struct chain *to =
		x->chain ? ruleset_chain(s->eval->rs, s->rule->chain->table, x->chain) : NULL;

	step_add_branch(s->result, x->verdict, to ? to->name : NULL);
}

static enum truth
look_up_known(struct step *s, const struct expr *x, struct set *set)
{
	struct element element = { 0 };
	bool found, inverted = (x->flags & NFT_LOOKUP_F_INV) != 0;

	if (set->filled && !s->packet->translated)
		return truth_of(!inverted);
	if (find_element(s, set, s->r.value + reg_word(x->sreg) * 4, &found, &element) < 0) {
		define_value(s, x, NULL);
		return TRUTH_MAYBE;
	}
	if (found && x->dreg == NFT_REG_VERDICT) {
		if (element.is_verdict)
			add_found_branch(s, &element);
		s->stop = true;
	}
	define_value(s, x, found ? &element : NULL);
	return truth_of(found != inverted);
}

/* What is known of the key, and which elements may be meant by it. */
struct partial {
	const struct step *s;
	const struct expr *x;
	size_t len;
	bool found;
};

/* Word by word, as fields are padded; of an address nothing is known. */
static bool
may_be_meant(const struct partial *partial, const struct element *element)
{
	const struct registers *r = &partial->s->r;
	const struct expr_data *from = &element->key;
	const struct expr_data *to = element->key_end.v ? &element->key_end : from;
	size_t at = reg_word(partial->x->sreg) * 4;

	if (from->len == 0)
		return true; /* the catch-all */
	for (size_t i = 0; i + 4 <= from->len && i + 4 <= to->len && i + 4 <= partial->len;
	     i += 4) {
		size_t n = 0;

		while (n < 4 && at + i + n < sizeof(r->known) && r->known[at + i + n])
			n++;
		if (memcmp(r->value + at + i, from->v + i, n) < 0 ||
		    memcmp(r->value + at + i, to->v + i, n) > 0)
			return false;
	}
	return true;
}

static int
take_partial(const struct element *element, void *data)
{
	struct partial *partial = data;

	if (element->interval_end || !may_be_meant(partial, element))
		return 0;
	partial->found = true;
	if (partial->x->dreg == NFT_REG_VERDICT && element->is_verdict)
		step_add_branch(partial->s->result, element->verdict, element->chain);
	return 0;
}

/* A key of an address and ports, with a source that is in there: but for this port? */
static enum truth
look_up_port(struct step *s, const struct expr *x, struct set *set)
{
	struct partial partial = { .s = s, .x = x, .len = set->key_len };

	if (ruleset_elements(s->eval->nl, set, s->eval->e) < 0)
		return TRUTH_MAYBE;
	element_each(set, take_partial, &partial);
	define_value(s, x, NULL);
	s->stop = x->dreg == NFT_REG_VERDICT;
	return truth_of(partial.found);
}

enum truth
step_look_up(struct step *s, const struct expr *x)
{
	struct set *set = x->set ? ruleset_set(s->eval->rs, s->rule->chain->table, x->set) : NULL;
	bool inverted = (x->flags & NFT_LOOKUP_F_INV) != 0;
	enum tag tag = set ? step_tag(&s->r, x->sreg, set->key_len) : TAG_NONE;
	enum truth t = TRUTH_MAYBE;

	if (s->eval->read_ports && s->view == VIEW_INSIDE && tag == TAG_SOURCE &&
	    set_is_concat(set))
		return look_up_port(s, x, set);
	if (set && step_is_viewed(s, x->sreg, set->key_len))
		t = step_by_view(s, inverted);
	else if (set && step_all_known(&s->r, x->sreg, set->key_len))
		return look_up_known(s, x, set);
	define_value(s, x, NULL);
	if (x->dreg == NFT_REG_VERDICT && t != TRUTH_NO)
		every_branch(s, set, tag == TAG_SOURCE);
	return t;
}
