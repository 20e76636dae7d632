/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rules of a table a target means, and how each is lifted. */
#ifndef GEOPAUSE_LEGACY_SELECT_H
#define GEOPAUSE_LEGACY_SELECT_H

#include "engine.h"
#include "legacy_host.h"
#include "legacy_reach.h"

struct legacy_edit {
	size_t target;      /* index into the request's */
	enum action action; /* SKIP; WIDEN: a copy of the rule, for these ports, is inserted */
	/*
	 * Index in the save that it was made from. SAVE_NONE, with WIDEN: what is inserted is no
	 * copy, but sends the packet to the chain's end.
	 */
	size_t rule;
	size_t in;        /* the chain that is changed: index in the save */
	unsigned number;  /* in that chain: the rule's; WIDEN: of what the copy is put before */
	uint64_t without; /* WIDEN: the tests of the source that the copy does without; parts' bits
			   */
	size_t order;     /* of what is put in the same place */
	unsigned hooks;
	struct ports ports; /* of those that were asked for */
	char *chain, *spec; /* the chain's name; the rule, as it was */
	const char *why;    /* static */
};

/* Of one table of one family, in the order of their places. */
struct legacy_edits {
	enum family family;
	char table[16];
	struct legacy_edit *v;
	size_t n;
};

/* What else is to be known of the host. */
struct legacy_scope {
	const struct legacy_host *host;
	const struct legacy_nat *nat; /* the family's */
};

/*
 * Adds what the targets of this table mean. What is meant and cannot be lifted safely is an error
 * that says why. met and notes may be NULL.
 */
int legacy_select(struct legacy_edits *edits, const struct save *save,
		  const struct lift_request *request, const struct legacy_scope *scope,
		  struct met *met, struct names *notes, struct err *e);
void legacy_edits_fini(struct legacy_edits *edits);
/* The same rules are lifted in the same way; where they stand does not count. */
bool legacy_edits_same(const struct legacy_edits *a, const struct legacy_edits *b);

#endif
