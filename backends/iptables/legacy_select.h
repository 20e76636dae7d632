/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rules of a table a target means, and how each is lifted. */
#ifndef GEOPAUSE_LEGACY_SELECT_H
#define GEOPAUSE_LEGACY_SELECT_H

#include "engine.h"
#include "legacy_host.h"
#include "legacy_reach.h"

struct legacy_edit {
	size_t target;      /* index into the request's */
	enum action action; /* SKIP, WIDEN */
	size_t rule;        /* index in the save that it was made from */
	unsigned number;    /* in its chain, there */
	unsigned hooks;
	char *chain, *spec; /* the rule's, as it was */
	const char *why;    /* static */
};

/* Of one table of one family, in the order of the rules, none twice. */
struct legacy_edits {
	enum family family;
	char table[16];
	struct legacy_edit *v;
	size_t n;
};

/*
 * Adds what the targets of this table mean. What is meant and cannot be lifted safely is an error
 * that says why. met and notes may be NULL.
 */
int legacy_select(struct legacy_edits *edits, const struct save *save,
		  const struct lift_request *request, struct met *met, struct names *notes,
		  struct err *e);
void legacy_edits_fini(struct legacy_edits *edits);
/* The same rules are lifted in the same way; where they stand does not count. */
bool legacy_edits_same(const struct legacy_edits *a, const struct legacy_edits *b);

#endif
