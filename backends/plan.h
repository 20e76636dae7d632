/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every backend does with its plans and outcomes. */
#ifndef GEOPAUSE_PLAN_H
#define GEOPAUSE_PLAN_H

#include <stdlib.h>

#include "backend.h"

static inline void
steps_free(struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(steps[i].where);
		free(steps[i].rule);
		free(steps[i].before);
		free(steps[i].after);
		free(steps[i].reason);
	}
	free(steps);
}

/* All but the backend's own data, which it has freed. */
static inline void
plan_free_shared(struct plan *plan)
{
	steps_free(plan->steps, plan->n);
	names_fini(&plan->notes);
	free(plan);
}

/* Of two parts that both have to be done. */
static inline enum outcome
outcome_worse(enum outcome a, enum outcome b)
{
	if (a == OUTCOME_UNKNOWN || b == OUTCOME_UNKNOWN)
		return OUTCOME_UNKNOWN;
	return a == OUTCOME_NOT_DONE ? a : b;
}

#endif
