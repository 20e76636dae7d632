/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_xt.h"

#include <stddef.h>
#include <string.h>

_Static_assert(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT &&
		       IPT_INV_SRCIP == IP6T_INV_SRCIP && IPT_INV_DSTIP == IP6T_INV_DSTIP &&
		       IPT_INV_FRAG == IP6T_INV_FRAG && XT_INV_PROTO == IP6T_INV_PROTO,
	       "what is inverted is said alike");

const char *const family_names[FAMILIES] = { [FAMILY_IPV4] = "IPv4", [FAMILY_IPV6] = "IPv6" };
const uint8_t family_protos[FAMILIES] = {
	[FAMILY_IPV4] = NFPROTO_IPV4, [FAMILY_IPV6] = NFPROTO_IPV6
};

/* Both families' structures have members of the same names. */
#define LAYOUT_OF(entry)                                                                           \
	{                                                                                          \
		.header = sizeof(entry), .target_offset = offsetof(entry, target_offset),          \
		.next_offset = offsetof(entry, next_offset),                                       \
		.comefrom = offsetof(entry, comefrom), .counters = offsetof(entry, counters)       \
	}

const struct xt_layout xt_layouts[FAMILIES] = {
	[FAMILY_IPV4] = LAYOUT_OF(struct ipt_entry),
	[FAMILY_IPV6] = LAYOUT_OF(struct ip6t_entry),
};

#define HEADER_OF(ip)                                                                              \
	((struct xt_header){ .iniface = (ip)->iniface,                                             \
			     .outiface = (ip)->outiface,                                           \
			     .in_mask = (ip)->iniface_mask,                                        \
			     .out_mask = (ip)->outiface_mask,                                      \
			     .source = (unsigned char *)&(ip)->src,                                \
			     .source_mask = (unsigned char *)&(ip)->smsk,                          \
			     .address = (unsigned char *)&(ip)->dst,                               \
			     .address_mask = (unsigned char *)&(ip)->dmsk,                         \
			     .address_len = sizeof((ip)->src),                                     \
			     .proto = &(ip)->proto,                                                \
			     .flags = &(ip)->flags,                                                \
			     .invert = &(ip)->invflags })

struct xt_header
xt_header_of(enum family family, unsigned char *entry)
{
	if (family == FAMILY_IPV4)
		return HEADER_OF(&((struct ipt_entry *)entry)->ip);
	return HEADER_OF(&((struct ip6t_entry *)entry)->ipv6);
}

uint16_t *
xt_target_offset(enum family family, unsigned char *entry)
{
	return (uint16_t *)(void *)(entry + xt_layouts[family].target_offset);
}

uint16_t *
xt_next_offset(enum family family, unsigned char *entry)
{
	return (uint16_t *)(void *)(entry + xt_layouts[family].next_offset);
}

struct xt_counters *
xt_counters_of(enum family family, unsigned char *entry)
{
	return (struct xt_counters *)(void *)(entry + xt_layouts[family].counters);
}

bool
xt_same_entry(enum family family, const unsigned char *a, const unsigned char *b, size_t size)
{
	const size_t counters = xt_layouts[family].counters;
	const size_t rest = counters + sizeof(struct xt_counters);

	return !memcmp(a, b, counters) && !memcmp(a + rest, b + rest, size - rest);
}

bool
xt_is_goto(enum family family, unsigned char *entry)
{
	uint8_t flag = family == FAMILY_IPV4 ? IPT_F_GOTO : IP6T_F_GOTO;

	return (*xt_header_of(family, entry).flags & flag) != 0;
}
