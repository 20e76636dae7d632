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
int lift_refuse(struct err *e, const struct rule *rule, const char *why);
int lift_plan_skip(struct lift *lift, const struct suspect *s, bool translated, struct err *e);

/* In tables of iptables: */
void lift_find_behind(struct lift *lift, const struct packets *packets);
/* Chooses the port that a rule behind NAT is to compare; -1: memory is gone. */
int lift_iptables_port(struct lift *lift, const struct rule *rule, enum mark_port *port);
/* Says what is opened besides; -1: memory is gone. */
int lift_iptables_note(struct lift *lift, struct eval *eval, const struct packets *packets);
/*
 * Suspect i lets through: if a rule behind it drops the rest, and skipping that is enough, it is
 * planned so, and *done.
 */
int lift_iptables_rest(struct lift *lift, struct eval *eval, const struct selection *sel, size_t i,
		       const struct packets *packets, bool translated, bool *done, struct err *e);
/* What a copy that lets through needs besides. */
void lift_iptables_widen(const struct lift *lift, struct lift_step *step,
			 const struct packets *packets);
int lift_iptables_note_widen(struct lift *lift, const struct rule *rule);
/* Refuses a rule that marks. */
int lift_iptables_marks(const struct suspect *s, struct err *e);
/* Chains of very many such rules are lifted by the jump to them. */
int lift_iptables_jumps(struct lift *lift, struct eval *eval, const struct packets *packets,
			bool translated, struct err *e);

int lift_plan_own_set(struct lift *lift, struct nl *nl, const struct own_set *own, struct err *e);

#endif
