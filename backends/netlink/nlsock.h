/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A netlink socket to netfilter: nf_tables, conntrack, ipset (linux/netfilter/nfnetlink.h).
 * Requests are synchronous; a reply that does not come within NL_TIMEOUT_S is an error, never an
 * endless wait.
 */
#ifndef GEOPAUSE_NLSOCK_H
#define GEOPAUSE_NLSOCK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define NL_TIMEOUT_S 10

struct nl {
	struct mnl_socket *sock;
	uint32_t portid;
	uint32_t seq;
	uint8_t *buf; /* NL_BUF bytes, for requests and replies */
};

#define NL_BUF 65536u

/* Called for each message of a reply; 0 to go on, -1 with e set to stop. */
typedef int (*nl_fn)(const struct nlmsghdr *nlh, void *data, struct err *e);
/* Of replies of which only counts that they came. */
int nl_ignore(const struct nlmsghdr *nlh, void *data, struct err *e);

int nl_open(struct nl *nl, struct err *e);
/* After a transaction the kernel's part of the close is waited for by a child (see there). */
void nl_close(struct nl *nl);

/* A request in nl->buf, ready for attributes; type is an NFT_MSG_*, family an NFPROTO_*. */
struct nlmsghdr *nl_request(struct nl *nl, uint16_t type, uint8_t family, uint16_t flags);
/* The same to another subsystem: NFNL_SUBSYS_CTNETLINK, _IPSET. */
struct nlmsghdr *nl_request_to(struct nl *nl, uint16_t subsystem, uint16_t type, uint8_t family,
			       uint16_t flags);

/*
 * Sends the request and hands every message of the reply to fn.
 * 0; -1 with e (e->sys has the kernel's errno); NL_AGAIN when the ruleset changed in the middle of
 * the dump (NLM_F_DUMP_INTR): what fn was given is worthless, start again.
 */
#define NL_AGAIN 1
int nl_query(struct nl *nl, struct nlmsghdr *request, nl_fn fn, void *data, struct err *e);

/*
 * Runs fn over the messages in buf, as a reply to the request seq; what nl_query does after each
 * recv, and what the fuzzer calls. *done is set when the reply is complete.
 */
int nl_parse(const void *buf, size_t len, uint32_t seq, uint32_t portid, nl_fn fn, void *data,
	     bool *done, struct err *e);

/* Sends a whole batch (one sendmsg, however large). 0, or -1 with e: nothing was sent. */
int nl_send(struct nl *nl, const void *buf, size_t len, struct err *e);

#endif
