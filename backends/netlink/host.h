/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the rest of this host's network knows about a flow: its routes (rtnetlink(7)) and its TCP
 * sockets (sock_diag(7)). Without an answer nothing is known.
 */
#ifndef GEOPAUSE_HOST_H
#define GEOPAUSE_HOST_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "conntrack.h"

#define WAYS_MAX 16

/* The routing rules of one family (ip-rule(8)), as far as they matter here. */
struct routing {
	bool read;
	bool unclear;             /* one asks for what a flow does not show */
	bool by_entry;            /* one asks for what is known of the host's own packets only */
	bool vrf;                 /* there are others than the main routing domain */
	uint32_t marks[WAYS_MAX]; /* that they ask for, and 0 */
	size_t n_marks;
};

/* Zero-initialised; what is asked for again is read once. */
struct host {
	struct mnl_socket *route, *diag;
	uint32_t seq;
	struct routing v4, v6;
};

struct route {
	uint32_t interface;
	char name[16]; /* of the interface, padded with NUL */
};

struct ways {
	struct route v[WAYS_MAX];
	size_t n;
};

/*
 * An address of this host, network byte order? What belongs to a VRF is not found: with VRFs, no
 * for an answer means nothing.
 */
bool host_owns(struct host *host, uint8_t family, const uint8_t address[16]);
bool host_has_vrf(struct host *host, uint8_t family);

/*
 * Through which interfaces packets may go back to the flow's source, by the present routes: each
 * that the routing rules lead to with one of the marks that they ask for. None if there may be
 * others: several next hops, rules that ask for more than can be known of the flow.
 */
void host_ways_back(struct host *host, const struct flow *flow, struct ways *ways);

/*
 * Ends the TCP connection of a flow that ends on this host (tcp_diag_destroy; needs
 * CONFIG_INET_DIAG_DESTROY): the peer gets a reset. Nothing happens if there is none.
 */
void host_abort(struct host *host, const struct flow *flow);

void host_fini(struct host *host);

#endif
