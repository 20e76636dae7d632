/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flows that the kernel tracks, of TCP and UDP over IPv4 and IPv6, read and deleted through
 * ctnetlink (linux/netfilter/nfnetlink_conntrack.h). Only those of the own network namespace.
 */
#ifndef GEOPAUSE_CONNTRACK_H
#define GEOPAUSE_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "challenge.h"
#include "nlsock.h"

struct flow_tuple {
	uint8_t source[16], destination[16]; /* network byte order; IPv4: the first 4 bytes */
	uint16_t sport, dport;               /* host byte order */
};

struct flow {
	uint8_t family;                    /* NFPROTO_IPV4 or NFPROTO_IPV6 */
	uint8_t proto;                     /* IPPROTO_TCP or IPPROTO_UDP */
	struct flow_tuple original, reply; /* reply: as translated, seen from the other end */
	uint32_t id;                       /* with the original tuple: unique for the flow's life */
	bool has_zone, has_tuple_zone;     /* of both directions; of the original one only */
	uint16_t zone, tuple_zone;
	bool covered, local; /* cover.c's: to be cut; ends on this host */
};

struct flow_list {
	struct ports ports; /* wanted: the original destination's */
	struct flow *v;
	size_t n, size;
};

/* Reads all flows to flows->ports. None, where the kernel tracks no connections. */
int conntrack_read(struct flow_list *flows, struct nl *nl, struct err *e);
void conntrack_fini(struct flow_list *flows);

/* 1 if it was deleted, 0 if it was gone already; -1 with e, e->sys as of nl_query. */
int conntrack_delete(struct nl *nl, const struct flow *flow, struct err *e);

#define FLOW_TEXT_MAX 192
/* "tcp 192.0.2.1 5555 203.0.113.10 80 id 123": unique for the flow's life. Returns buf. */
const char *conntrack_text(char buf[FLOW_TEXT_MAX], const struct flow *flow);

/* For the fuzzer: one message of the dump. */
int conntrack_take(const struct nlmsghdr *nlh, void *flows, struct err *e);

#endif
