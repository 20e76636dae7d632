/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our marks in a table of x_tables, with everything in them that is needed to take them back.
 *
 * SKIP, for a rule R: in R's place a jump to a chain GP-TXN-N, which holds
 *
 *     -p tcp -m multiport --dports 80,443 -m time --datestop UTC -j RETURN     (one or more)
 *     R itself, with its counters
 *
 * Another lift of more ports puts its own chain between: in R's place in the first chain, or around
 * the jump to it.
 *
 * WIDEN: before R a copy of it without the test of the source, with -m time and the comment
 * geopause-TXN. xt_time compares UTC, so that both end by themselves with that second.
 */
#ifndef GEOPAUSE_LEGACY_MARK_H
#define GEOPAUSE_LEGACY_MARK_H

#include <time.h>

#include "backend.h"
#include "legacy_rule.h"

#define MARK_CHAIN_MAX 29 /* XT_EXTENSION_MAXNAMELEN of a chain's name, with NUL */
#define MARK_COMMENT "geopause-"
#define MARK_TIME_MAX 32

/* One of our chains, or one inserted rule. */
struct mark {
	char txn[TXN_BUF];
	unsigned index; /* of a chain */
	size_t chain;   /* the chain GP-TXN-N; SAVE_NONE: WIDEN */
	size_t rule;    /* R in it, the last one, SAVE_NONE if it was emptied; the inserted rule */
	size_t jump;    /* the rule in R's place; SAVE_NONE: there is none any more */
	time_t stop;    /* the latest of its rules' ends; 0: none */
};

struct marks {
	struct mark *v;
	size_t n;
};

const char *mark_chain(char buf[MARK_CHAIN_MAX], const char *txn, unsigned index);
/* The last second in which a lift is open that closes so many seconds from now: xt_time includes
 * it. */
time_t mark_end_after(unsigned seconds);
/* "2026-11-24T16:40:00". */
const char *mark_time(char buf[MARK_TIME_MAX], time_t at);
/* The end that a rule, which has its words, has by -m time --datestop; 0: none. */
time_t mark_stop(const struct save *save, size_t rule);
/* True for a chain's name that is ours, whatever its transaction. */
bool mark_is_ours(const char *chain);
/* The rule has our comment, or is a jump to a chain of ours. */
bool mark_is_our_rule(const struct rule *rule);

/* One of our chain's own rules, which return: not R. */
bool mark_is_our_return(const struct rule *rule);
/*
 * The chain of the administrator's in which R stands, whatever chains of ours lie in between: those
 * of several windows' lifts stack. Of another chain, itself.
 */
size_t mark_home(const struct save *save, size_t chain);

/* txn NULL: those of all. -1: out of memory. */
int marks_find(struct marks *marks, const struct save *save, const char *txn, struct err *e);
void marks_fini(struct marks *marks);

#endif
