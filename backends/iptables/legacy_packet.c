/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_packet.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "ipset_ask.h"
#include "legacy_part.h"
#include "nf.h"

/* Matches that say nothing beyond their options, all of which are looked at. */
static const char *const read_matches[] = { "tcp",     "udp",       "multiport", "conntrack",
					    "state",   "set",       "geoip",     "iprange",
					    "comment", "mark",      "connmark",  "mac",
					    "recent",  "hashlimit", "connlimit" };

static enum truth
answer_of(bool yes)
{
	return yes ? TRUTH_YES : TRUTH_NO;
}

/* --- ports --- */

static bool
in_range(const char *range, const char *end, uint16_t number)
{
	char *at;
	unsigned long low = strtoul(range, &at, 10), high = low;

	if (at < end && *at == ':')
		high = strtoul(at + 1, NULL, 10);
	return low <= number && number <= high;
}

/* "80", "80:90", "80,443,8000:8080". */
static bool
in_list(const char *list, uint16_t number)
{
	for (const char *at = list;; at++) {
		const char *end = at + strcspn(at, ",");

		if (in_range(at, end, number))
			return true;
		if (!*end)
			return false;
		at = end;
	}
}

static enum truth
is_proto(const struct legacy_packet *packet, const char *proto)
{
	const char *name = packet->port.proto == IPPROTO_TCP ? "tcp" : "udp";
	const char *number = packet->port.proto == IPPROTO_TCP ? "6" : "17";

	return answer_of(!strcmp(proto, "all") || !strcmp(proto, name) || !strcmp(proto, number));
}

static enum truth
is_to_port(const struct legacy_packet *packet, const char *list)
{
	return packet->any_port ? TRUTH_MAYBE : answer_of(in_list(list, packet->port.number));
}

/* --- states --- */

static bool
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, word, len) && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

static enum truth
is_in_state(const struct legacy_packet *packet, const char *states)
{
	if (has_word(states, "NEW"))
		return TRUTH_YES;
	if (packet->addressed && has_word(states, "DNAT") &&
	    packet->port.number != packet->original)
		return TRUTH_YES;
	return has_word(states, "UNTRACKED") || has_word(states, "DNAT") || has_word(states, "SNAT")
		       ? TRUTH_MAYBE
		       : TRUTH_NO;
}

/* Of a SYN: the flags that are looked at, and those of them that have to be set. */
static enum truth
is_syn(const char *looked, const char *set)
{
	static const char *const others[] = { "FIN", "RST", "PSH", "ACK", "URG" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (has_word(set, others[i]))
			return TRUTH_NO;
	return answer_of(!has_word(looked, "SYN") || has_word(set, "SYN"));
}

/* --- addresses --- */

static size_t
address_len(const struct legacy_packet *packet)
{
	return packet->family == NFPROTO_IPV4 ? 4 : 16;
}

static bool
read_address(const struct legacy_packet *packet, const char *text, size_t len, uint8_t to[16])
{
	char address[INET6_ADDRSTRLEN];

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	return inet_pton(packet->family == NFPROTO_IPV4 ? AF_INET : AF_INET6, address, to) == 1;
}

/* "24", or "255.255.255.0" as iptables prints what is no prefix. */
static bool
read_mask(const struct legacy_packet *packet, const char *text, uint8_t mask[16])
{
	size_t len = address_len(packet);
	char *end;
	unsigned long bits;

	memset(mask, 0, 16);
	if (!text)
		bits = len * 8;
	else if (strpbrk(text, ".:"))
		return read_address(packet, text, strlen(text), mask);
	else if ((bits = strtoul(text, &end, 10)), *end || end == text || bits > len * 8)
		return false;
	for (size_t i = 0; i < bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return true;
}

static enum truth
is_in_network(const struct legacy_packet *packet, const uint8_t *address, const char *network)
{
	const char *slash = strchr(network, '/');
	size_t len = slash ? (size_t)(slash - network) : strlen(network);
	uint8_t net[16], mask[16];

	if (!read_address(packet, network, len, net) ||
	    !read_mask(packet, slash ? slash + 1 : NULL, mask))
		return TRUTH_MAYBE;
	for (size_t i = 0; i < address_len(packet); i++)
		if ((address[i] ^ net[i]) & mask[i])
			return TRUTH_NO;
	return TRUTH_YES;
}

static enum truth
is_in_address_range(const struct legacy_packet *packet, const uint8_t *address, const char *range)
{
	const char *dash = strchr(range, '-');
	uint8_t low[16], high[16];

	if (!dash || !read_address(packet, range, (size_t)(dash - range), low) ||
	    !read_address(packet, dash + 1, strlen(dash + 1), high))
		return TRUTH_MAYBE;
	return answer_of(memcmp(address, low, address_len(packet)) >= 0 &&
			 memcmp(address, high, address_len(packet)) <= 0);
}

static enum truth
is_in_set(const struct legacy_packet *packet, const char *set, const char *flags)
{
	bool source = !strcmp(flags, "src");

	if (!source && strcmp(flags, "dst") != 0)
		return TRUTH_MAYBE;
	return ipset_has(packet->nl, set, packet->family,
			 source ? packet->source : packet->destination);
}

/* "eth0", "eth+". */
static enum truth
is_interface(const struct legacy_packet *packet, const char *name, bool *unclear)
{
	size_t len = strlen(name);

	if (packet->interface)
		return answer_of(len && name[len - 1] == '+'
					 ? !strncmp(packet->interface, name, len - 1)
					 : !strcmp(packet->interface, name));
	if (!packet->addressed && !strcmp(name, "lo"))
		return TRUTH_NO;
	if (unclear)
		*unclear = true;
	return TRUTH_MAYBE;
}

/* --- one part --- */

static enum truth
ask_address(const struct legacy_packet *packet, const struct part *part)
{
	const char *value = part->values[0];
	bool source = part->option == OPT_SOURCE || part->option == OPT_SRC_RANGE;
	const uint8_t *address = source ? packet->source : packet->destination;

	if (!packet->addressed)
		return TRUTH_MAYBE;
	if (part->option == OPT_MATCH_SET)
		return is_in_set(packet, value, part->values[1]);
	if (part->option == OPT_SRC_RANGE || part->option == OPT_DST_RANGE)
		return is_in_address_range(packet, address, value);
	return is_in_network(packet, address, value);
}

static bool
is_read(const char *match)
{
	for (size_t i = 0; i < sizeof(read_matches) / sizeof(read_matches[0]); i++)
		if (!strcmp(read_matches[i], match))
			return true;
	return false;
}

/* "0x7/0xff", "0x7". */
static enum truth
has_mark(const struct legacy_packet *packet, const char *text, const char *match)
{
	uint32_t value, mask;

	if (!packet->mark_known || !match || strcmp(match, "mark") != 0 ||
	    !rule_read_mark(text, &value, &mask))
		return TRUTH_MAYBE;
	return answer_of((packet->mark & mask) == value);
}

static enum truth
ask(const struct legacy_packet *packet, const struct part *part, const char *match, bool *unclear)
{
	const char *value = part->values[0];

	switch (part->option) {
	case OPT_JUMP:
	case OPT_GOTO:
	case OPT_COMMENT:
	case OPT_ALWAYS:
	case OPT_DETAIL:
		return TRUTH_YES;
	case OPT_PROTO:
		return is_proto(packet, value);
	case OPT_DPORT:
	case OPT_DPORTS:
		return is_to_port(packet, value);
	case OPT_PORTS: /* or from one of these */
		return is_to_port(packet, value) == TRUTH_YES ? TRUTH_YES : TRUTH_MAYBE;
	case OPT_ORIGINAL_DPORT:
		return answer_of(in_list(value, packet->original));
	case OPT_DIRECTION:
		return answer_of(!strcmp(value, "ORIGINAL"));
	case OPT_STATE:
		return is_in_state(packet, value);
	case OPT_TCP_FLAGS:
		return is_syn(value, part->values[1]);
	case OPT_FRAGMENT:
		return TRUTH_NO;
	case OPT_ABOVE:
		/* --connlimit-above 0: the first connection is one too many. */
		if (value && !strcmp(value, "0"))
			return TRUTH_YES;
		return packet->addressed || packet->over_limits ? TRUTH_MAYBE : TRUTH_NO;
	case OPT_MARK:
		return has_mark(packet, value, match);
	case OPT_MATCH:
		return is_read(value) ? TRUTH_YES : TRUTH_MAYBE;
	case OPT_IN:
		return is_interface(packet, value, unclear);
	case OPT_MAC:
		if (unclear)
			*unclear = true;
		return TRUTH_MAYBE;
	case OPT_SOURCE:
	case OPT_SRC_RANGE:
	case OPT_DESTINATION:
	case OPT_DST_RANGE:
	case OPT_MATCH_SET:
		return ask_address(packet, part);
	case OPT_SRC_COUNTRY:
		if (unclear)
			*unclear = true;
		return TRUTH_MAYBE;
	case OPT_UNKNOWN:
	case OPT_OUT:
	case OPT_DST_COUNTRY:
	case OPT_VALUE:
		break;
	}
	return TRUTH_MAYBE;
}

enum truth
packet_meets(const struct legacy_packet *packet, const struct rule *rule, bool *unclear)
{
	enum truth all = TRUTH_YES;
	const char *match = NULL;
	bool depends = false;
	struct part part;

	if (rule->odd)
		return TRUTH_MAYBE;
	for (size_t i = 0; i < rule->at->n && part_read(rule->at, i, &part); i = part.to) {
		enum truth one;

		if (part_is_target(&part))
			break;
		if (!packet->addressed && part_is_source(&part))
			continue;
		match = part.option == OPT_MATCH ? part.values[0] : match;
		one = ask(packet, &part, match, &depends);
		if (one != TRUTH_MAYBE && (one == TRUTH_YES) == part.inverted)
			return TRUTH_NO;
		all = one == TRUTH_MAYBE ? TRUTH_MAYBE : all;
	}
	if (unclear)
		*unclear |= depends;
	return all;
}

bool
packet_is_elsewhere(const struct legacy_packet *packet, const struct rule *rule)
{
	struct part part;

	for (size_t i = 0; !rule->odd && i < rule->at->n && part_read(rule->at, i, &part) &&
			   !part_is_target(&part);
	     i = part.to) {
		enum truth one;

		if (part.option != OPT_PROTO && part.option != OPT_DPORT &&
		    part.option != OPT_DPORTS)
			continue;
		one = ask(packet, &part, NULL, NULL);
		if (one != TRUTH_MAYBE && (one == TRUTH_YES) == part.inverted)
			return true;
	}
	return false;
}
