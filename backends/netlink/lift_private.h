/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files lift*.c. */
#ifndef GEOPAUSE_LIFT_PRIVATE_H
#define GEOPAUSE_LIFT_PRIVATE_H

#include "lift.h"

#define WHERE_BUF (2 * NAME_BUF + 64)
/* "inet filter input handle 7"; returns buf. */
const char *lift_where_rule(char buf[WHERE_BUF], const struct rule *rule);

/* A zeroed step at the end; NULL with e set when memory is gone. */
struct lift_step *lift_add_step(struct lift *lift, size_t target, enum action action,
				struct err *e);
/* "rule ... cannot be lifted: WHY"; -1. */
int lift_refuse(struct err *e, const struct rule *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int lift_plan_skip(struct lift *lift, const struct suspect *s, struct err *e);
/* Is there a step that changes the rule? */
bool lift_is_planned(const struct lift *lift, const struct rule *rule);
/* Why it cannot be changed where it stands: -1. */
int lift_check_rule(const struct rule *rule, struct err *e);
/* "rule ... WHY; it is left as it is"; -1: memory is gone. */
int lift_note_untouched(struct lift *lift, const struct suspect *s, const char *why);

/* --- lift_dnat.c --- */

void lift_find_behind(struct lift *lift, const struct packets *packets);
/* May DNAT or a redirect make one of these ports of another one? */
bool lift_others_become_asked(const struct lift *lift, struct eval *eval);
/* Chooses what the step's rule is to compare. */
int lift_choose_port(struct lift *lift, struct lift_step *step, struct err *e);

/* --- lift_only.c --- */

/* For which of the asked ports, if for one that it takes it is no geo-block. -1: memory is gone. */
int lift_choose_only(struct lift *lift, struct lift_step *step);

/* --- lift_widen.c, lift_place.c --- */

/* A step for a copy of the rule without its test of the source; NULL: there can be none, or memory.
 */
struct lift_step *lift_add_copy(struct lift *lift, const struct suspect *s, struct err *e);

/* Suspect i lets through, and others are dropped later: these packets. */
int lift_plan_widen(struct lift *lift, struct eval *eval, const struct selection *sel, size_t i,
		    uint32_t dropped, struct err *e);
/*
 * Where a copy of the step's rule lets nobody through that a ban keeps out; false: nowhere, and
 * *ban, if it is not NULL, is in the way.
 */
bool lift_find_place(struct lift *lift, struct eval *eval, struct lift_step *step,
		     const struct rule **ban);

/* A copy of the rule would let through whom `ban` keeps out. */
int lift_refuse_ban(struct err *e, const struct rule *rule, const struct rule *ban);

/* --- lift_order.c --- */

/* Rules that send the allowed through bans or limits: copies for those whom a copy lets in. */
int lift_plan_checks(struct lift *lift, struct eval *eval, const struct selection *sel,
		     struct err *e);
/* Copies by way of bans come before those that stand at the same place and meet none. */
int lift_order_copies(struct lift *lift, struct eval *eval, struct err *e);
/* Which of the packets a rule of effect NONE keeps out, if a ban or a limit says so. */
uint32_t lift_checked_by(struct eval *eval, const struct suspect *s, uint32_t concerns,
			 const struct packets *packets);
/* What keeps out some of those that the allow rule, or this verdict of it, lets in; or NULL. */
const struct rule *lift_ban_of(struct eval *eval, const struct suspect *s,
			       const struct branch *verdict, const struct packets *packets);

/* --- lift_rest.c --- */

/*
 * The suspect lets through: if a rule behind it drops the rest, and skipping that is enough and not
 * too much, it is planned so, and *done.
 */
int lift_plan_rest(struct lift *lift, struct eval *eval, const struct selection *sel,
		   const struct suspect *s, bool *done, struct err *e);

/* --- lift_indirect.c --- */

/*
 * Rules that do not decide themselves: they write a mark, fill a set, ask a program. *done: there
 * is nothing more to plan for it.
 */
int lift_plan_indirect(struct lift *lift, struct eval *eval, const struct selection *sel,
		       const struct suspect *s, bool *done, struct err *e);

/* --- lift_iptables.c --- */

/* What rules of our own need besides. */
void lift_iptables_step(const struct lift *lift, struct lift_step *step);
/* Says what iptables shows of the lift; -1: memory is gone. */
int lift_iptables_notes(struct lift *lift);
/* Chains of very many rules that are skipped are lifted by the jump to them. */
int lift_iptables_jumps(struct lift *lift, struct eval *eval, struct err *e);

int lift_plan_own_set(struct lift *lift, struct nl *nl, const struct own_set *own, struct err *e);

#endif
