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
	free(o->more);
	free(o->table);
	free(o->chain);
	free(o->hook);
	free(o->text);
	free(o->comment);
	free(o->leads_to);
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
are_hosts(const struct observation *o)
{
	return o->facts.hosts + o->facts.special >= o->facts.elements;
}

static bool
are_of_one_make(const struct observation *a, const struct observation *b, bool by_handle)
{
	if (by_handle)
		return a->source == SOURCE_LITERAL && are_hosts(a) == are_hosts(b) &&
		       same(a->leads_to, b->leads_to);
	return has_kind(b, a->kinds[0]) ||
	       (a->facts.hosts == 0 && b->facts.hosts < b->facts.elements);
}

static bool
are_of_one_list(const struct observation *a, const struct observation *b, bool by_handle)
{
	return is_listed(a) && is_listed(b) && a->effect == b->effect && a->by_mark == b->by_mark &&
	       are_of_one_make(a, b, by_handle) && same(a->backend, b->backend) &&
	       same(a->table, b->table) && same(a->chain, b->chain) &&
	       same(a->comment, b->comment) && same(a->refusal, b->refusal);
}

static void
add_facts(struct set_facts *all, const struct set_facts *more)
{
	all->interval |= more->interval;
	all->elements += more->elements;
	all->hosts += more->hosts;
	all->special += more->special;
}

/* Takes away the last one, of which the handle goes to list. */
static int
take_last(struct observations *all, struct observation *list)
{
	struct observation *last = &all->v[all->n - 1];

	/* Grows at powers of two. */
	if ((list->n_more & (list->n_more - 1)) == 0) {
		size_t size = list->n_more ? 2 * list->n_more : 1;
		uint64_t *grown = reallocarray(list->more, size, sizeof(*grown));

		if (grown == NULL)
			return -1;
		list->more = grown;
	}
	list->more[list->n_more++] = last->handle;
	list->source = SOURCE_ANONYMOUS;
	add_facts(&list->facts, &last->facts);
	add_kind(list, last->kinds[0]);
	observation_fini(last);
	all->n--;
	return 0;
}

int
observations_join(struct observations *all, bool by_handle)
{
	const size_t last = all->n - 1;
	const struct observation *o = &all->v[last];
	size_t others = 0;

	for (size_t back = 1; all->n > 0 && back <= RULES_A_NETWORK && back <= last; back++) {
		struct observation *list = &all->v[last - back];

		if (are_of_one_list(o, list, by_handle))
			return take_last(all, list);
		others += o->effect != EFFECT_NONE && list->effect != EFFECT_NONE;
		/* A list of networks and one of single addresses may be mixed. */
		if (others > by_handle)
			break;
	}
	return 0;
}

void
observations_fini(struct observations *all)
{
	for (size_t i = 0; i < all->n; i++)
		observation_fini(&all->v[i]);
	free(all->v);
	*all = (struct observations){ 0 };
}
