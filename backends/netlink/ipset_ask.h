/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel says of sets of ipset(8), to whoever has met one in a rule. */
#ifndef GEOPAUSE_IPSET_ASK_H
#define GEOPAUSE_IPSET_ASK_H

#include <stdint.h>

#include "truth.h"

struct nl;

/* The rules of iptables have a set's number; the kernel knows its name. */
struct ipset_name {
	uint16_t index;
	char name[32]; /* IPSET_MAXNAMELEN */
};

/* Fills in the name of an index; "": there is none, or nobody tells. fd is any internet socket. */
void ipset_name_ask(int fd, struct ipset_name *name);

/*
 * Asks the kernel for an address, network byte order, IPv4 in the first 4 bytes; family is
 * NFPROTO_IPV4 or NFPROTO_IPV6. TRUTH_MAYBE: that cannot be asked, of a set with more than an
 * address for instance.
 */
enum truth ipset_has(struct nl *nl, const char *name, uint8_t family, const uint8_t address[16]);

#endif
