/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The matches' own words, as their _save() functions in iptables' extensions write them. data is
 * the match's, as long as the table of legacy_words_match.c says.
 */
#ifndef GEOPAUSE_LEGACY_WORDS_PUT_H
#define GEOPAUSE_LEGACY_WORDS_PUT_H

#include <linux/netfilter.h>

#include "legacy_words.h"

struct bit_name {
	unsigned bit;
	const char *name;
};

/* "A,B"; of no bits nothing. */
void put_bits(struct words *w, const struct bit_name *names, size_t n, unsigned bits);
#define PUT_BITS(w, names, bits) put_bits(w, names, sizeof(names) / sizeof((names)[0]), bits)
/* How many bits are set; of so many words of 32 bits. */
unsigned put_mask_bits(const union nf_inet_addr *mask, size_t words);
/* "1", "1:9"; as a token. */
void put_range(struct words *w, unsigned from, unsigned to);
/* An option and its value. */
void put_number(struct words *w, const char *option, uint64_t number);
void put_name(struct words *w, const char *option, const char *name, size_t max); /* no quotes */

/* legacy_words_packet.c */
void put_tcp(struct words *w, const void *data, unsigned revision);
void put_udp(struct words *w, const void *data, unsigned revision);
void put_icmp(struct words *w, const void *data, unsigned revision);
void put_multiport(struct words *w, const void *data, unsigned revision);
void put_set(struct words *w, const void *data, unsigned revision);
struct xt_set_info;
void put_set_sides(struct words *w, const struct xt_set_info *info); /* "src,dst" */
void put_geoip(struct words *w, const void *data, unsigned revision);
void put_iprange(struct words *w, const void *data, unsigned revision);
void put_addrtype(struct words *w, const void *data, unsigned revision);
void put_ttl(struct words *w, const void *data, unsigned revision);
void put_string(struct words *w, const void *data, unsigned revision);
void put_tcpmss(struct words *w, const void *data, unsigned revision);
void put_tos(struct words *w, const void *data, unsigned revision);
void put_dscp(struct words *w, const void *data, unsigned revision);
void put_u32(struct words *w, const void *data, unsigned revision);

/* legacy_words_origin.c */
void put_policy(struct words *w, const void *data, unsigned revision);
void put_physdev(struct words *w, const void *data, unsigned revision);
void put_owner(struct words *w, const void *data, unsigned revision);
void put_rpfilter(struct words *w, const void *data, unsigned revision);

/* legacy_words_flow.c */
void put_state(struct words *w, const void *data, unsigned revision);
void put_conntrack(struct words *w, const void *data, unsigned revision);
void put_mark(struct words *w, const void *data, unsigned revision);
void put_helper(struct words *w, const void *data, unsigned revision);

/* legacy_words_rate.c */
void put_limit(struct words *w, const void *data, unsigned revision);
void put_hashlimit(struct words *w, const void *data, unsigned revision);
void put_connlimit(struct words *w, const void *data, unsigned revision);
void put_recent(struct words *w, const void *data, unsigned revision);
void put_statistic(struct words *w, const void *data, unsigned revision);
void put_connbytes(struct words *w, const void *data, unsigned revision);

/* legacy_words_nat.c */
void put_dnat(struct words *w, const void *data, unsigned revision);
void put_redirect(struct words *w, const void *data, unsigned revision);

#endif
