/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Telling a geo-block from other blocks, by the signatures of the tools that make them and by what
 * the sets hold. In doubt a CANDIDATE, never a guess: only CERTAIN ones are lifted without a
 * policy.
 */
#ifndef GEOPAUSE_SIGNATURE_H
#define GEOPAUSE_SIGNATURE_H

#include <jansson.h>

#include "err.h"
#include "names.h"
#include "observation.h"
#include "target.h"

enum verdict {
	VERDICT_LEFT_ALONE, /* something else; why: in the evidence */
	VERDICT_CANDIDATE,  /* may be one; only the administrator knows */
	VERDICT_CERTAIN,
};

struct judgement {
	enum verdict verdict;
	char evidence[256]; /* "set name GEOIP_CC_* is made by VyOS"; ASCII */
};

/*
 * Judges o, one of all: an anonymous list of networks says nothing by itself, but it does beside
 * rules of its chain that speak of countries. all may be NULL: o stands alone.
 */
struct judgement signature_judge(const struct observations *all, const struct observation *o);

/*
 * Targets for all observations with at least this verdict that can be lifted and have an effect:
 * one a table, by set or map names where there are some, by comment, else by chain and handle.
 * The array is malloced; free each with target_fini, then the array.
 */
int signature_targets(const struct observations *all, enum verdict least, struct target **targets,
		      size_t *n, struct err *e);

/*
 * A policy document for these targets that policy_parse accepts and reads as the same targets, in
 * all but lines and file, if their names are unique; a new reference, or NULL. Compact, it may be
 * longer than a policy file may.
 */
json_t *policy_document(const struct target *targets, size_t n);

#endif
