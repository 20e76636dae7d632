/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that follow each other in a chain, one for each network, as tools without sets write them
 * by the thousand. Whom none of them names passes all of them: what is found out of one holds for
 * all that do the same.
 */
#ifndef GEOPAUSE_ALIKE_H
#define GEOPAUSE_ALIKE_H

#include "select.h"

#define ALIKE_MAX 8 /* kinds of rules among them, as one a port */

/* Zero-initialised: no rule was seen yet. */
struct alike {
	const struct suspect *last;
	size_t at; /* its place in the chain */
	const struct suspect *kinds[ALIKE_MAX];
	size_t n;
};

/*
 * To be asked for all suspects, in their order. True: one before it is of the same kind, and
 * *kind is what was said of that one; else *kind is its own from now on.
 */
bool alike_seen(struct alike *alike, const struct suspect *s, size_t *kind);

/* Do two rules of a chain do the same once their test of the source is left out? */
bool alike_but_source(const struct suspect *a, const struct suspect *b);

#endif
