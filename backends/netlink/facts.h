/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a set of addresses holds, for the judgement whether it is a geo-block's. */
#ifndef GEOPAUSE_FACTS_H
#define GEOPAUSE_FACTS_H

#include "criterion.h"
#include "observation.h"
#include "ruleset.h"

/* Reads all elements, which may be very many. A set of other things than addresses is not counted.
 */
int facts_read(struct set_facts *facts, struct nl *nl, struct set *set, struct err *e);

/* The one address or network that a rule compares the source with (its criterion's expressions). */
void facts_of_literal(struct set_facts *facts, const struct rule *rule,
		      const struct criterion *criterion);

/* Not an address of anybody's country: private, loopback, multicast, ... len: 4 or 16 bytes. */
bool facts_is_special(const uint8_t *address, size_t len);

#endif
