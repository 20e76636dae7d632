/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where DNAT and REDIRECT send packets, as iptables' libxt_NAT.c says it. */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter/nf_nat.h>
#include <string.h>

#include "legacy_words_put.h"

/* The range of a target of IPv4's first revision, as the later ones have it. */
static struct nf_nat_range2
range_of_compat(const void *data)
{
	struct nf_nat_ipv4_multi_range_compat compat;
	struct nf_nat_range2 range = { 0 };

	memcpy(&compat, data, sizeof(compat));
	range.flags = compat.range[0].flags;
	range.min_addr.ip = compat.range[0].min_ip;
	range.max_addr.ip = compat.range[0].max_ip;
	range.min_proto = compat.range[0].min;
	range.max_proto = compat.range[0].max;
	return range;
}

static struct nf_nat_range2
range_of(const struct words *w, const void *data, unsigned revision)
{
	struct nf_nat_range2 range = { 0 };

	if (revision == 0 && w->family == FAMILY_IPV4)
		return range_of_compat(data);
	memcpy(&range, data, revision == 2 ? sizeof(range) : sizeof(struct nf_nat_range));
	return range;
}

static void
put_ports(struct words *w, const struct nf_nat_range2 *range)
{
	const uint16_t from = ntohs(range->min_proto.all), to = ntohs(range->max_proto.all);

	words_number(w, from);
	if (to == from)
		return;
	words_char(w, '-');
	words_number(w, to);
	if (range->flags & NF_NAT_RANGE_PROTO_OFFSET) {
		words_char(w, '/');
		words_number(w, ntohs(range->base_proto.all));
	}
}

static void
put_nat_flags(struct words *w, const struct nf_nat_range2 *range)
{
	if (range->flags & NF_NAT_RANGE_PROTO_RANDOM)
		words_add(w, "--random");
	if (range->flags & NF_NAT_RANGE_PROTO_RANDOM_FULLY)
		words_add(w, "--random-fully");
	if (range->flags & NF_NAT_RANGE_PERSISTENT)
		words_add(w, "--persistent");
}

static void
put_nat_addresses(struct words *w, const struct nf_nat_range2 *range)
{
	const bool brackets =
		w->family == FAMILY_IPV6 && (range->flags & NF_NAT_RANGE_PROTO_SPECIFIED);

	if (brackets)
		words_char(w, '[');
	words_address(w, &range->min_addr);
	if (memcmp(range->min_addr.all, range->max_addr.all, sizeof(range->min_addr.all)) != 0) {
		words_char(w, '-');
		words_address(w, &range->max_addr);
	}
	if (brackets)
		words_char(w, ']');
}

void
put_dnat(struct words *w, const void *data, unsigned revision)
{
	const struct nf_nat_range2 range = range_of(w, data, revision);

	words_add(w, "--to-destination");
	words_begin(w);
	if (range.flags & NF_NAT_RANGE_MAP_IPS)
		put_nat_addresses(w, &range);
	if (range.flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
		words_char(w, ':');
		put_ports(w, &range);
	}
	words_end(w);
	put_nat_flags(w, &range);
}

void
put_redirect(struct words *w, const void *data, unsigned revision)
{
	const struct nf_nat_range2 range = range_of(w, data, revision);

	if (range.flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
		words_add(w, "--to-ports");
		words_begin(w);
		put_ports(w, &range);
		words_end(w);
	}
	put_nat_flags(w, &range);
}
