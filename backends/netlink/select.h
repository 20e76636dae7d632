/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rules and sets of the live ruleset a policy's targets mean. */
#ifndef GEOPAUSE_SELECT_H
#define GEOPAUSE_SELECT_H

#include "backend.h"
#include "classify.h"

struct own_set {
	struct set *set;
	size_t target;
};

struct selection {
	struct suspect *suspects;
	size_t n;
	struct own_set *own_sets;
	size_t n_own_sets;
	bool mark_by_source, ctmark_by_source; /* a selected rule writes the mark */
};

/* What the patterns of a target of iptables match in the tables of both families. */
struct select_met {
	bool any;                     /* rules were selected */
	uint64_t chain, set, comment; /* bit i: pattern i matches something that is there */
};

/*
 * Resolves all targets. A target whose table has no family is one of iptables: it means both
 * families', nothing of it need be there, and met[target], if given, tells what is. What does not
 * fit (nothing or too much matches, an unknown name) is ERR_POLICY through target_err.
 * SELECT_ALL_TABLES: marks are involved, which rules of any table may test; load all of them and
 * call again.
 */
#define SELECT_ALL_TABLES 1
int select_targets(struct selection *sel, struct eval *eval, const struct lift_request *request,
		   const struct packets *packets, bool all_loaded, struct select_met *met,
		   struct err *e);
void selection_fini(struct selection *sel);

/* "inet filter" -> "filter" and NFPROTO_INET; NULL if it has no two words. */
const char *select_table_name(const char *text, uint8_t *family);
/* "inet filter" -> its table; NULL if it is not there. */
struct table *select_table(const struct ruleset *rs, const char *text);

/* Is it (one of) the target's? */
bool select_means(const struct ruleset *rs, const struct target *target, const struct table *table);

/* A set of ports that can be filled: inet_service, or inet_proto . inet_service. */
bool select_is_port_set(const struct set *set);

/* Does any rule copy packets' marks to connections', or back? Then both tell the same. */
bool select_marks_copied(const struct ruleset *rs);
/* The families (FAMILY_*) whose sources a rule that writes a mark looks at by this. */
unsigned select_mark_families(const struct rule *writer, const struct criterion *by);

/*
 * Finds every rule that decides by the source address, or by a mark that such a rule wrote;
 * for discover.
 */
int select_everything(struct selection *sel, struct eval *eval, const struct packets *packets,
		      struct err *e);

#endif
