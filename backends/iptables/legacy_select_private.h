/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Selecting in one table: shared by the files that it names. */
#ifndef GEOPAUSE_LEGACY_SELECT_PRIVATE_H
#define GEOPAUSE_LEGACY_SELECT_PRIVATE_H

#include "legacy_select.h"
#include "nlsock.h"

struct selection {
	struct legacy_edits *edits;
	const struct save *save;
	struct reach reach;
	const struct lift_request *request;
	const struct legacy_scope *scope;
	size_t t; /* the target */
	const struct target *target;
	struct met *met;
	struct names *notes;
	bool *meant;    /* by rule: the target means it */
	bool *skipped;  /* by rule: there is a SKIP */
	bool *bypassed; /* by rule: it cannot be skipped in its place */
	bool *limited;  /* by rule: the SKIP is not for ports that are only limited behind it */
	bool *listed;   /* by chain: an allow-list of the target was lifted in it */
	size_t order;
	struct nl *sets; /* to ask what they hold; NULL: nobody can be asked */
	struct err *e;
};

/* legacy_meant.c: bits of the patterns that match; NULL: none. */
uint64_t edit_matching(const struct patterns *patterns, const char *name);
/* Does the target mean this rule of the administrator's? Notes what of it was met. */
bool edit_is_meant(struct selection *s, size_t rule);

/* ERR_FAILED that names the rule. */
int edit_refuse(struct selection *s, const struct rule *rule, const char *why);
/* A new edit of the chain `in`, or NULL with s->e; rule may be SAVE_NONE with ACTION_WIDEN. */
struct legacy_edit *edit_add(struct selection *s, size_t rule, size_t in, enum action action,
			     const char *why);
/* What the rule stops is not stopped by it. */
int edit_skip(struct selection *s, size_t rule, const char *why);

/* legacy_marking.c: rules that set a mark by the source; and whether a mark tells of it alone. */
int edit_lift_marking(struct selection *s, size_t rule);
/* What lets sources pass by such a rule behind it, if it does. */
int edit_lift_spared(struct selection *s, size_t rule);
int edit_check_mark(struct selection *s, const struct rule *rule);

/* legacy_filling.c: a rule that puts sources into a set may mean that others stop them by it. */
int edit_check_filling(struct selection *s, const struct rule *rule);

/* legacy_place.c: lifts a rule that lets sources through. */
int edit_widen(struct selection *s, size_t rule);
/* Of a jump that is skipped: what stops some, by what may not be the geo-block, where it leads. */
const struct rule *edit_ban_inside(const struct selection *s, const struct rule *jump);
/* Has `a` no condition but those of b, and such on ports and states? */
bool edit_asks_no_more(const struct rule *a, const struct rule *b);
/* Whoever comes to it is stopped, but for the ports, places and states that it asks for. */
bool edit_is_rest(const struct selection *s, const struct rule *rule, size_t k);

/* legacy_limit.c: of packet k, which may come too often. */
/* The rule, or one where it leads to, may stop some of them; and only if they do. */
bool edit_may_stop(const struct selection *s, const struct rule *rule, size_t k);
bool edit_only_limits(const struct selection *s, const struct rule *rule, size_t k);
/* No packet to its port is stopped, but for those: the rule is not skipped for that port. */
bool edit_is_spared(const struct selection *s, const struct rule *rule, size_t k);
/*
 * Sets, by rule, what keeps some out on the way that the rule sends packets; false: nothing. With
 * `certain` only what all of them come to.
 */
bool edit_bans_of(const struct selection *s, const struct rule *rule, size_t k, bool certain,
		  bool *bans);

/* legacy_order.c: of copies in one place, those that lead through bans come first. */
int edit_order(struct selection *s);
/* Does it let through whom a list does not name? */
bool edit_is_copy_of_list(const struct legacy_edit *edit);
bool edit_meets_copy(const struct selection *s, const struct legacy_edit *edit, size_t packet);
/* Edit number `edit` before the other one in its place; what is behind that moves on. */
void edit_move_before(struct selection *s, size_t edit, size_t other);

/* Where lists differ in what they lead through. */
#define EDIT_WAY_OUT                                                                               \
	"; or name only one of the lists, or say \"action\": \"skip\", if whoever is in none "     \
	"need not pass that"

/* legacy_check.c: rules that keep out some of the sources that lists behind them let through. */
bool edit_is_check(const struct selection *s, size_t rule);
/* One that stands, or may stand, before that rule, for this packet; NULL: none. */
const struct rule *edit_check_before(const struct selection *s, size_t rule, size_t packet);
/* Copies of them before those of the lists. */
int edit_add_checks(struct selection *s);

/* legacy_copy.c: what is put there is the rule without what tests its source. */
struct edit_place {
	size_t chain;
	unsigned number; /* the rule there that it is put before; 0: none is needed */
	bool skipped;    /* since what stops the others is skipped */
};
/* That can be copied, and without that test: else it is refused. */
int edit_check_copy(struct selection *s, size_t rule);
/* One that was checked, for this port. */
int edit_add_copy(struct selection *s, size_t rule, const struct edit_place *place, uint16_t port,
		  uint8_t proto);
/* Puts a copy before the rule, which does for all sources what it does for some. */
int edit_copy_here(struct selection *s, size_t rule);

/* legacy_rest.c: the rule that stops whom a list does not let through; indices of rules. */
/* A ban behind it, that a copy of the list's rule before it would pass by; NULL: none. */
const struct rule *edit_ban_behind(const struct selection *s, const struct rule *list, size_t rest,
				   size_t packet);
/* To skip it lets in what copies of the lists' rules would, and no more. */
bool edit_may_skip_rest(const struct selection *s, const struct rule *list, size_t rest);

/* legacy_bypass.c: the chains in which skipping the rules one by one is not possible or too much.
 */
int edit_gather(struct selection *s);

#endif
