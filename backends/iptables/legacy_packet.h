/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Would a packet meet a rule? The packet is the first of a connection: of anybody to an asked port,
 * or that of a flow, whose addresses are known. What such a packet usually is not (one of too many)
 * it is not; what is not known of it may be.
 */
#ifndef GEOPAUSE_LEGACY_PACKET_H
#define GEOPAUSE_LEGACY_PACKET_H

#include "legacy_rule.h"
#include "truth.h"

struct nl;

struct legacy_packet {
	struct port port;
	uint16_t original; /* port.number before DNAT, host byte order */
	bool any_port;     /* port.number is not known */
	bool translated;   /* seen only behind DNAT */
	bool over_limits;  /* may be one of too many */

	/* Of a flow; network byte order, IPv4: the first 4 bytes. */
	bool addressed;
	uint8_t family; /* NFPROTO_IPV4, NFPROTO_IPV6 */
	uint8_t source[16], destination[16];
	const char *interface; /* that it came in by; NULL: not known */
	struct nl *nl;         /* to ask for sets */
	uint32_t mark;         /* of nfmark, where it is known */
	bool mark_known;
};

/*
 * All conditions together. Of a packet without addresses the tests of its source do not count.
 * *unclear is set where it depends on where a flow came from, beyond its addresses; may be NULL.
 */
enum truth packet_meets(const struct legacy_packet *packet, const struct rule *rule, bool *unclear);
/* Its protocol and port are others than the rule's. */
bool packet_is_elsewhere(const struct legacy_packet *packet, const struct rule *rule);

#endif
