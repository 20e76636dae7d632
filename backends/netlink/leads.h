/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of the chains that packets of the tested sources are sent to. */
#ifndef GEOPAUSE_LEADS_H
#define GEOPAUSE_LEADS_H

#include "criterion.h"
#include "nlsock.h"

/*
 * Of a rule, and of the verdict map that it looks the source up in: the names, separated by
 * spaces, malloced. NULL in *names: there are none, or the map also drops sources by itself. The
 * map's elements are read.
 */
int leads_find(char **names, struct nl *nl, const struct ruleset *rs, const struct rule *rule,
	       const struct criterion *criterion, struct err *e);

#endif
