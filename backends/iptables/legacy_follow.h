/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one table, without a lift, would have done with the first packet of a flow. */
#ifndef GEOPAUSE_LEGACY_FOLLOW_H
#define GEOPAUSE_LEGACY_FOLLOW_H

#include "legacy_packet.h"
#include "legacy_reach.h"

struct legacy_follow {
	const struct save *save;
	const char *txn; /* of the lift */
	struct legacy_packet packet;
	bool unclear;    /* it depends on where the packet came from, beyond its addresses */
	bool stops;      /* a rule that was lifted may stop it */
	bool widens;     /* what the lift put in lets it through */
	unsigned budget; /* rules that are still looked at; 0: it may be anything */
};

/* MAY_ACCEPT, MAY_DROP, or both where it cannot be told. */
unsigned legacy_follow(struct legacy_follow *follow, const char *base);

#endif
