/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observation.h"

#include <stdlib.h>

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

void
observations_fini(struct observations *all)
{
	for (size_t i = 0; i < all->n; i++)
		observation_fini(&all->v[i]);
	free(all->v);
	*all = (struct observations){ 0 };
}
