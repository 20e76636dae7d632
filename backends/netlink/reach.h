/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rules a CA's packets may come to, through which hooks. */
#ifndef GEOPAUSE_REACH_H
#define GEOPAUSE_REACH_H

#include "challenge.h"
#include "eval.h"
#include "ruleset.h"

#define PACKETS_MAX 32 /* both families, and as they are translated; bits of rule->reached */

struct packets {
	struct packet v[PACKETS_MAX];
	size_t n;
};

enum reach_at {
	AT_BEFORE_CONNTRACK = 1 << 0, /* ingress, raw: `ct` tells nothing there */
	AT_BEFORE_NAT = 1 << 1,       /* prerouting behind conntrack: ports are the packet's */
	AT_BEHIND_NAT = 1 << 2,       /* input, forward: ports may have been translated */
	AT_FORWARD = 1 << 3,
	AT_OUTGOING = 1 << 4, /* output, postrouting, egress */
	AT_BRIDGE = 1 << 5,
};

struct packets packets_of(const struct ports *ports);

/* Where in a packet's way the base chain is: bits of enum reach_at. */
uint32_t reach_at(const struct chain *base);
/* The bit of base chain number i (in the order of rs->chains) in rule->bases. */
uint64_t base_bit(size_t i);

/*
 * Fills in reached, at and bases of every loaded rule. Incoming hooks are followed packet by
 * packet; what outgoing and bridge chains reach is marked AT_OUTGOING, AT_BRIDGE for all packets.
 */
int reach_find(struct eval *eval, struct ruleset *rs, const struct packets *packets, struct err *e);

/* For an evaluation whose budget is spent: -1. */
int reach_too_complex(struct err *e);

/* A base chain whose rules may translate the destination; all of them run at the same moment. */
bool is_dnat_base(const struct chain *chain);
#define UNSEEN_MAX 64

/* Translations that nf_tables does not hold: those of iptables-legacy's nat table. */
struct unseen_nat {
	struct {
		uint8_t family;
		struct port from; /* asked for */
		uint16_t to;
	} v[UNSEEN_MAX];
	size_t n;
	bool more;  /* there are others, which cannot be told */
	bool mixed; /* other ports than the asked ones become asked ones */
};

/* What nf_tables knows of them: that there may be some, or none. */
struct unseen_nat reach_unseen_nat(void);

/*
 * May DNAT or a redirect change the port of any of the packets before it comes to input or forward?
 * Adds the packets as they look there, as far as that can be told.
 */
bool reach_translate(struct eval *eval, const struct ruleset *rs, const struct unseen_nat *unseen,
		     struct packets *packets);

/* Does the packet come by this base chain, in this form? */
bool reach_sees(const struct chain *base, const struct packet *packet);

#endif
