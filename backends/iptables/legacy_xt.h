/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's structures of both families, which differ in an entry's header alone. */
#ifndef GEOPAUSE_LEGACY_XT_H
#define GEOPAUSE_LEGACY_XT_H

/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "err.h"
#include "legacy_family.h"

/* Where things are in an entry's header. */
struct xt_layout {
	size_t header; /* its size: matches follow */
	size_t target_offset, next_offset, comefrom, counters;
};

extern const struct xt_layout xt_layouts[FAMILIES];

/* What of the header both families have, in place. */
struct xt_header {
	char *iniface, *outiface;              /* IFNAMSIZ bytes each */
	unsigned char *in_mask, *out_mask;     /* of the same length */
	unsigned char *source, *source_mask;   /* address_len bytes each */
	unsigned char *address, *address_mask; /* the destination's */
	size_t address_len;
	uint16_t *proto;
	uint8_t *flags, *invert; /* IPT_F_..., IP6T_F_...; IPT_INV_..., IP6T_INV_... are the same */
};

struct xt_header xt_header_of(enum family family, unsigned char *entry);
uint16_t *xt_target_offset(enum family family, unsigned char *entry);
uint16_t *xt_next_offset(enum family family, unsigned char *entry);
struct xt_counters *xt_counters_of(enum family family, unsigned char *entry);
/* The same, whatever the counters; both have size bytes. */
bool xt_same_entry(enum family family, const unsigned char *a, const unsigned char *b, size_t size);
/* Its verdict is a goto. */
bool xt_is_goto(enum family family, unsigned char *entry);

#endif
