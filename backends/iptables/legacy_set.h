/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a set of ipset(8) holds, and what rules hold that name one network each. */
#ifndef GEOPAUSE_LEGACY_SET_H
#define GEOPAUSE_LEGACY_SET_H

#include "nlsock.h"
#include "observation.h"

/* Counts a network or an address, as iptables prints them. */
void legacy_set_count(struct set_facts *facts, const char *network);
/* Leaves what cannot be read as "not read". nl: NULL, if no set can be. */
void legacy_set_facts(struct set_facts *facts, struct nl *nl, const char *set);
/* Is it of a type for networks, not for single addresses? False, too, if it cannot be asked. */
bool legacy_set_holds_networks(struct nl *nl, const char *set);

#endif
