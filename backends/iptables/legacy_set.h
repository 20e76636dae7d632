/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a set of ipset(8) holds, as ipset itself prints it. */
#ifndef GEOPAUSE_LEGACY_SET_H
#define GEOPAUSE_LEGACY_SET_H

#include "observation.h"

struct nl;

/* Counts a network or an address, as ipset and iptables print them. */
void legacy_set_count(struct set_facts *facts, const char *network);
/* Leaves what cannot be read as "not read". */
void legacy_set_facts(struct set_facts *facts, const char *set);
/*
 * Asks the kernel for an address, network byte order, family NFPROTO_IPV4 or NFPROTO_IPV6. 1: it is
 * in the set; 0: it is not; -1: that cannot be asked, of a set with more than an address.
 */
int legacy_set_has(struct nl *nl, const char *set, uint8_t family, const uint8_t address[16]);

#endif
