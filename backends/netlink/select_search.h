/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One target's search through the ruleset: shared by the files select*.c. */
#ifndef GEOPAUSE_SELECT_SEARCH_H
#define GEOPAUSE_SELECT_SEARCH_H

#include "select.h"

/* One target on its way through the ruleset. */
struct search {
	struct selection *sel;
	struct eval *eval;
	const struct packets *packets;
	const struct target *target;
	size_t index; /* of the target in the request */
	struct table *table;
	struct err *e;
	size_t rules;                    /* matched */
	size_t destinations, exceptions; /* matched, but by destination or as an exception only */
};

bool selection_has(const struct selection *sel, const struct rule *rule);
/* Adds the rule if it is not there yet; criterion may be NULL. */
int selection_add(struct selection *sel, struct rule *rule, const struct criterion *criterion,
		  size_t target, struct err *e);
/* As selection_add, even if the rule is there already, by another criterion. */
int selection_append(struct selection *sel, struct rule *rule, const struct criterion *criterion,
		     size_t target, struct err *e);
/* A selected rule: if it writes a mark, the rules that test the mark are meant as well. */
int search_add_rule(struct search *s, struct rule *rule, const struct criteria *all,
		    const struct criterion *criterion);

int selection_add_own_set(struct selection *sel, struct set *set, size_t target, struct err *e);
/* Adds the sets of ports that the target's rules.set means. must: it means nothing else. */
int search_own_sets(struct search *s, bool must);

#define PATH_BUF 64
/* "rules.set[1]", or "rules.set" where there is just one. */
const char *search_path(char buf[PATH_BUF], const char *key, const struct patterns *all,
			const struct pattern *one);
/* ERR_POLICY for a name that nothing in the table has. */
int search_check_names(struct search *s);
/* Adds which of the target's names are in its table. */
void search_meet(const struct search *s, struct select_met *met);
/* ERR_POLICY: all names are there, but no rule is selected. */
int search_found_nothing(struct search *s);

#endif
