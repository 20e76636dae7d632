/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules that block by the source without deciding themselves. */
#ifndef GEOPAUSE_INDIRECT_H
#define GEOPAUSE_INDIRECT_H

#include "classify.h"
#include "select.h"

#define INDIRECT_WHY_MAX 1024

/*
 * Why a rule cannot be lifted that fills a set by which others drop, or asks a program; with the
 * way out. all: also if those others were selected. False: it is no such rule.
 */
bool indirect_refusal(struct eval *eval, const struct selection *sel, const struct suspect *s,
		      const struct packets *packets, bool all, char why[INDIRECT_WHY_MAX]);
/* It marks packets by their source, in a table of iptables, and no rule is seen that decides by it.
 */
bool indirect_marks_unseen(const struct eval *eval, const struct suspect *s);

#endif
