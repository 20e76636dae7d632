/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lifting: what has to change in the ruleset for a request (a plan), and the transaction that does
 * it. Shared by all backends that change nf_tables.
 *
 * SKIP   the rule denies: it is replaced in place by our prefix and its own expressions; handle,
 *        position and comment stay.
 * WIDEN  the rule lets through: a copy of it without its test of the source, behind our prefix, is
 *        inserted after it: right before the rule that drops the rest, so that bans go on working.
 * SET    the administrator's own set of ports gets elements that expire.
 */
#ifndef GEOPAUSE_LIFT_H
#define GEOPAUSE_LIFT_H

#include <time.h>

#include "backend.h"
#include "bans.h"
#include "batch.h"
#include "classify.h"
#include "mark.h"
#include "select.h"

struct lift_step {
	size_t target;
	enum action action;     /* ACTION_SKIP, _WIDEN or _SET */
	struct suspect suspect; /* of rules */
	struct mark_port port;  /* of rules */
	struct ports only;      /* with port.only: which */
	struct branch verdict;  /* WIDEN of a verdict map: what the copy does */
	struct place place;     /* WIDEN: of the copy */
	/* In a table of iptables: */
	unsigned protos;  /* bit 0 TCP, bit 1 UDP: our own rules are for one each */
	bool by_original; /* ports were translated: these rules look at what was asked for, too */
	time_t until;     /* WIDEN: when it ends if it is saved and loaded */
	struct set *set;  /* SET */
	struct ports add; /* SET: those that are not in it yet */
};

/* The last rules of which is to be noted that nothing is done about them. */
struct untouched {
	const struct rule *rule, *last; /* the first of them, and the last */
	const char *why;
	size_t n;
};

struct lift {
	struct ruleset rs;
	struct lift_request request; /* borrowed targets */
	struct ports behind[2]; /* IPv4, IPv6: the asked ports, and those that DNAT makes of them */
	bool redirected[2];     /* some of these by a redirect to this host */
	struct unseen_nat unseen;
	bool translated;          /* some ports of these are, or may be */
	bool others_become_asked; /* ports that were not asked for may become asked ones */
	struct packets packets;   /* to these ports, before and behind translation */
	struct lift_step *steps;
	size_t n;
	struct names notes;
	struct untouched untouched;
};

/* Reads the ruleset and decides the steps. Nothing is changed. met: as of select_targets, or NULL.
 */
int lift_plan(struct lift *lift, struct nl *nl, const struct lift_request *request,
	      const struct unseen_nat *unseen, struct select_met *met, struct err *e);
void lift_fini(struct lift *lift);

/*
 * Does the plan in one transaction. When the ruleset changed since it was read, plans again and
 * tries again, a bounded number of times.
 */
enum outcome lift_commit(struct lift *lift, struct nl *nl, struct err *e);

/* The ports as rules of the table behind NAT see them. */
const struct ports *lift_ports_behind(const struct lift *lift, const struct table *table);
/* Those that the step's rule compares. */
const struct ports *lift_step_ports(const struct lift *lift, const struct lift_step *step);
/* In a table of iptables: the protocols that need rules of our own; their number. */
size_t lift_step_protos(const struct lift *lift, const struct lift_step *step, uint8_t protos[2]);
/* How many marks the step leaves in rules: its own, and those of all rules that it adds. */
size_t lift_step_marks(const struct lift *lift, const struct lift_step *step);
/* Is step i the first that changes a rule of its table? */
bool lift_is_first(const struct lift *lift, size_t i);
/* Does it need a set besides (MARK_PORT_TRANSLATED, port.only), as the first of its table? */
bool lift_is_first_of_set(const struct lift *lift, size_t i);

/* The texts of step i, malloced, ASCII: "inet filter input handle 7", and so on. */
char *lift_where(const struct lift *lift, size_t i);
char *lift_reason(const struct lift *lift, size_t i);

#endif
