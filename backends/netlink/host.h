/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the rest of this host's network knows about a flow: its routes (rtnetlink(7)) and its TCP
 * sockets (sock_diag(7)). Both are asked for single answers; without an answer nothing is known.
 */
#ifndef GEOPAUSE_HOST_H
#define GEOPAUSE_HOST_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "conntrack.h"

/* Zero-initialised; sockets are opened when they are needed. */
struct host {
	struct mnl_socket *route, *diag;
	uint32_t seq;
};

struct route {
	bool local;         /* an address of this host */
	uint32_t interface; /* on the way to it; 0: not known */
	char name[16];      /* of the interface, padded with NUL */
};

/* The way to an address, network byte order. */
void host_route(struct host *host, uint8_t family, const uint8_t address[16], struct route *route);

/*
 * Ends the TCP connection of a flow that ends on this host (tcp_diag_destroy; needs
 * CONFIG_INET_DIAG_DESTROY): the peer gets a reset. Nothing happens if there is none.
 */
void host_abort(struct host *host, const struct flow *flow);

void host_fini(struct host *host);

#endif
