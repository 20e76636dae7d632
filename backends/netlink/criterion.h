/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * By what of the source a rule decides: the data flow from `ip saddr` (or a mark) through the
 * registers to the expression that compares it. Nothing is evaluated here.
 */
#ifndef GEOPAUSE_CRITERION_H
#define GEOPAUSE_CRITERION_H

#include <stdbool.h>
#include <stddef.h>

#include "expr.h"
#include "observation.h"
#include "ruleset.h"

#define CRITERIA_MAX 8

enum criterion_of {
	OF_SOURCE,
	OF_DESTINATION,
	OF_MARK,     /* meta mark */
	OF_CTMARK,   /* ct mark */
	OF_OWN_PORT, /* not of the source: a port looked up in a set with timeouts */
};

struct criterion {
	enum criterion_of of;
	enum source_kind kind;
	struct set *set;   /* or NULL */
	const char *ipset; /* the name of an ipset, of the ruleset; or NULL */
	bool inverted;
	bool decides;            /* the lookup yields a verdict: a verdict map */
	bool to_mark, to_ctmark; /* a map whose value becomes the mark */
	bool mixed;              /* a concatenation with more than ports and protocols */
	bool ambiguous;          /* the rule tests the source again: either may be meant */
	bool narrowed;           /* it was named, and another list of sources was not */
	bool uses[EXPRS_MAX];    /* the expressions that belong to it alone */
};

struct criteria {
	struct criterion v[CRITERIA_MAX];
	size_t n;
	bool sets_mark, sets_ctmark; /* the rule writes the mark */
	bool copies_mark;            /* from one of the two to the other */
	const struct set *fills;     /* the rule puts sources into it; or NULL */
	const char *fills_ipset;     /* the same, by name */
};

/* The name of the set that is looked up; NULL: none, or it is anonymous. */
const char *criterion_name(const struct criterion *c);

/*
 * `ip saddr @a ip saddr != @b`: the rule is for the sources in a, and b makes an exception. What b
 * holds says nothing of what the rule blocks or lets through.
 */
bool criterion_is_exception(const struct criteria *all, const struct criterion *c);

void criteria_find(struct criteria *all, const struct ruleset *rs, const struct rule *rule);

#endif
