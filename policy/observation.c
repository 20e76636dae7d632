/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observation.h"

#include <stdlib.h>
#include <string.h>

#define RULES_A_NETWORK 8u /* one for each of some ports, one that logs */

struct observation *
observations_add(struct observations *all)
{
	struct observation *grown = reallocarray(all->v, all->n + 1, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	all->v = grown;
	grown[all->n] = (struct observation){ 0 };
	return &grown[all->n++];
}

static void
observation_fini(struct observation *o)
{
	free(o->table);
	free(o->chain);
	free(o->hook);
	free(o->text);
	free(o->comment);
	free(o->set);
	free(o->set_comment);
	free(o->refusal);
	free(o->spared_by);
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
is_listed(const struct observation *o)
{
	return (o->source == SOURCE_LITERAL || o->source == SOURCE_ANONYMOUS) && !o->inverted &&
	       !o->destination;
}

static bool
has_kind(const struct observation *o, uint64_t kind)
{
	for (size_t i = 0; i < OBSERVATION_KINDS; i++)
		if (o->kinds[i] == kind)
			return true;
	return false;
}

static void
add_kind(struct observation *o, uint64_t kind)
{
	for (size_t i = 0; i < OBSERVATION_KINDS && !has_kind(o, kind); i++)
		if (o->kinds[i] == 0)
			o->kinds[i] = kind;
}

static bool
are_of_one_list(const struct observation *a, const struct observation *b)
{
	return is_listed(a) && is_listed(b) && a->effect == b->effect &&
	       (has_kind(b, a->kinds[0]) ||
		(a->facts.hosts == 0 && b->facts.hosts < b->facts.elements)) &&
	       same(a->backend, b->backend) && same(a->table, b->table) &&
	       same(a->chain, b->chain) && same(a->comment, b->comment) &&
	       same(a->refusal, b->refusal);
}

static void
add_facts(struct set_facts *all, const struct set_facts *more)
{
	all->interval |= more->interval;
	all->elements += more->elements;
	all->hosts += more->hosts;
	all->special += more->special;
}

void
observations_join(struct observations *all)
{
	const size_t last = all->n - 1;
	struct observation *o;

	if (all->n == 0)
		return;
	o = &all->v[last];
	for (size_t back = 1; back <= RULES_A_NETWORK && back <= last; back++) {
		struct observation *list = &all->v[last - back];

		if (are_of_one_list(o, list)) {
			list->source = SOURCE_ANONYMOUS;
			add_facts(&list->facts, &o->facts);
			add_kind(list, o->kinds[0]);
			observation_fini(o);
			all->n--;
			return;
		}
		if (o->effect != EFFECT_NONE && list->effect != EFFECT_NONE)
			return;
	}
}

void
observations_fini(struct observations *all)
{
	for (size_t i = 0; i < all->n; i++)
		observation_fini(&all->v[i]);
	free(all->v);
	*all = (struct observations){ 0 };
}
