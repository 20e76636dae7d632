/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "alike.h"

#include <string.h>

#include "bans.h"
#include "expr.h"

static bool
does_nothing(const struct suspect *s, size_t i)
{
	return s->criterion.uses[i] || s->rule->v[i].kind == EXPR_NEUTRAL ||
	       expr_is_comment(&s->rule->v[i]);
}

bool
alike_but_source(const struct suspect *a, const struct suspect *b)
{
	size_t i = a->rule->core, j = b->rule->core;

	if (a->rule->chain != b->rule->chain || a->criterion.decides || b->criterion.decides ||
	    a->mark_families != b->mark_families || a->concerns != b->concerns)
		return false;
	for (;;) {
		while (i < a->rule->n && does_nothing(a, i))
			i++;
		while (j < b->rule->n && does_nothing(b, j))
			j++;
		if (i == a->rule->n || j == b->rule->n)
			return i == a->rule->n && j == b->rule->n;
		if (a->rule->v[i].attr->nla_len != b->rule->v[j].attr->nla_len ||
		    memcmp(a->rule->v[i].attr, b->rule->v[j].attr, a->rule->v[i].attr->nla_len))
			return false;
		i++, j++;
	}
}

/* Nobody takes it who is not of this network. */
static bool
is_of_network(const struct suspect *s)
{
	return s->has_criterion && s->criterion.of == OF_SOURCE && !s->criterion.inverted &&
	       !s->criterion.mixed && !s->by_mark && s->criterion.kind == SOURCE_LITERAL;
}

static bool
goes_on(struct alike *alike, const struct suspect *s)
{
	const struct chain *chain = s->rule->chain;
	bool next = alike->last && alike->last->rule->chain == chain && alike->at + 1 < chain->n &&
		    chain->rules[alike->at + 1] == s->rule;

	alike->at = next ? alike->at + 1 : place_index(chain, s->rule);
	alike->last = s;
	return next;
}

bool
alike_seen(struct alike *alike, const struct suspect *s, size_t *kind)
{
	bool next = goes_on(alike, s), network = is_of_network(s);

	if (!next || !network)
		alike->n = 0;
	for (size_t i = 0; i < alike->n && i < ALIKE_MAX; i++) {
		const struct suspect *other = alike->kinds[i];

		if (other->target == s->target && other->rule->bases == s->rule->bases &&
		    alike_but_source(other, s)) {
			*kind = i;
			return true;
		}
	}
	*kind = alike->n % ALIKE_MAX;
	if (network)
		alike->kinds[alike->n++ % ALIKE_MAX] = s;
	return false;
}
