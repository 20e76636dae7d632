/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a packet that begins a connection to the asked ports can come by in one table, and what
 * becomes of it there.
 */
#ifndef GEOPAUSE_LEGACY_REACH_H
#define GEOPAUSE_LEGACY_REACH_H

#include "legacy_nat.h"
#include "legacy_packet.h"

enum reach_hook {
	HOOK_PREROUTING = 1 << 0,
	HOOK_INPUT = 1 << 1,
	HOOK_FORWARD = 1 << 2,
};
#define HOOKS_BEHIND_NAT (HOOK_INPUT | HOOK_FORWARD)

#define REACH_PACKETS_MAX (PORTS_MAX + LEGACY_NAT_MAX + 1)

struct reach {
	const struct save *save;
	struct ports ports;
	struct rule *rules; /* of save: reach_rule() reads them when they are asked for */
	bool *known;
	unsigned *hooks;                 /* by chain: bits of enum reach_hook that lead there */
	unsigned char *denies, *accepts; /* by chain: some source may meet with that, if known */

	struct legacy_packet packets[REACH_PACKETS_MAX];
	size_t n_packets;
	/* By rule (chain, for ends) and packet, n_packets each: */
	unsigned char *answers; /* enum truth, but for the source */
	unsigned char *after;   /* enum outcomes from the rule on to its chain's end */
	unsigned char *ends;    /* enum outcomes once the chain is left */
};

/* nat: what the ports of packets may be behind it. */
int reach_init(struct reach *reach, const struct save *save, const struct ports *ports,
	       const struct legacy_nat *nat, struct err *e);
/* rc; -1 if it was 0, but for some rule there was no memory, and what it says is not known. */
int reach_done(struct reach *reach, int rc, struct err *e);
void reach_fini(struct reach *reach);

/* Of thousands of rules a few are asked for, most of the time, and only these are put in words. */
struct rule *reach_rule(const struct reach *reach, size_t rule);

/* No packet to any of the ports can meet the rule. */
bool reach_excludes(const struct reach *reach, const struct rule *rule);
/* May packet number k come by and meet it? */
bool reach_meets(const struct reach *reach, const struct rule *rule, size_t k);
/* The same, of a packet that no list of sources names. */
enum truth reach_meets_unnamed(const struct reach *reach, const struct rule *rule, size_t k);
/* The rule's verdict may be, somewhere below, to stop the packet; or to let it through. */
bool reach_rule_denies(const struct reach *reach, const struct rule *rule);
bool reach_rule_accepts(const struct reach *reach, const struct rule *rule);
/*
 * The same; of a chain that does both, what it does with sources that none of its rules names: bans
 * among what lets through, and exceptions in what denies, do not count.
 */
void reach_rule_means(const struct reach *reach, const struct rule *rule, bool *denies,
		      bool *accepts);

/* What the rule does with packet k that meets it: MAY_FALL, if it goes on with the next rule. */
unsigned reach_verdict(const struct reach *reach, const struct rule *rule, size_t k);
/* What becomes of packet k behind this rule, up to its chain's end. */
unsigned reach_after(const struct reach *reach, size_t rule, size_t k);
/* And when it leaves the chain: MAY_ACCEPT or MAY_DROP. */
unsigned reach_end(const struct reach *reach, size_t chain, size_t k);
/* A packet that goes on after this rule may be stopped later in this table. */
bool reach_denied_after(const struct reach *reach, size_t rule);
/*
 * Of a rule that sends packets out of its chain, with RETURN or a goto: does that save them from
 * being stopped, or keep them from being let through?
 */
void reach_leaving(const struct reach *reach, size_t rule, bool *saves, bool *keeps);
/* Who leaves the chain by this rule comes out behind whatever led to the chain. */
bool reach_leaves_chain(const struct reach *reach, const struct rule *rule);
/* A packet may come out at the chain's end. */
bool reach_falls_off(const struct reach *reach, size_t chain);
/* "INPUT", "INPUT and FORWARD"; static. */
const char *reach_hooks_text(unsigned hooks);

#endif
