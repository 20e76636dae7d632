/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Journals of other network namespaces in the same state directory. They are only read: a ruleset
 * can be restored from inside its own namespace alone.
 */
#ifndef GEOPAUSE_NEIGHBOURS_H
#define GEOPAUSE_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>

#include "identity.h"
#include "journal.h"
#include "state.h"

struct neighbour {
	char file[JOURNAL_NAME_MAX];
	const char *state; /* "open", ..., or "not readable" */
	bool may_be_open;  /* of this boot, and not expired */
};

struct neighbours {
	struct neighbour *v;
	size_t n;
};

int neighbours_read(struct neighbours *all, const struct state *state, const struct identity *own,
		    struct err *e);
void neighbours_fini(struct neighbours *all);

#endif
