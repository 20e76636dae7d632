/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iptables-legacy-save's print_rule4() and print_rule6(), iptables.c and ip6tables.c. */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_words.h"

/* As getprotobynumber(3) calls the usual ones. */
static const char *
proto_name(uint16_t proto)
{
	switch (proto) {
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_IGMP:
		return "igmp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_DCCP:
		return "dccp";
	case IPPROTO_IPV6:
		return "ipv6";
	case IPPROTO_GRE:
		return "gre";
	case IPPROTO_ESP:
		return "esp";
	case IPPROTO_AH:
		return "ah";
	case IPPROTO_ICMPV6:
		return "ipv6-icmp";
	case 89:
		return "ospf";
	case IPPROTO_PIM:
		return "pim";
	case 112:
		return "vrrp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_UDPLITE:
		return "udplite";
	default:
		return NULL;
	}
}

/* The length of the prefix; -1: the mask is none. */
static int
prefix_of(const unsigned char *mask, size_t len)
{
	int bits = 0;
	size_t i = 0;

	for (; i < len && mask[i] == 0xff; i++)
		bits += 8;
	for (unsigned m = i < len ? mask[i] : 0; m & 0x80; m = m << 1 & 0xff)
		bits++;
	if (i < len && mask[i] != (unsigned char)(0xff00 >> (bits % 8)))
		return -1;
	for (i++; i < len; i++)
		if (mask[i])
			return -1;
	return bits;
}

static bool
is_zero(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

static void
put_network(struct words *w, const char *option, const unsigned char *address,
	    const unsigned char *mask, size_t len, bool inverted)
{
	int bits = prefix_of(mask, len);

	if (is_zero(mask, len) && is_zero(address, len) && !inverted)
		return;
	words_not(w, inverted);
	words_add(w, option);
	words_begin(w);
	words_address(w, address);
	words_char(w, '/');
	if (bits < 0)
		words_address(w, mask);
	else
		words_number(w, (unsigned)bits);
	words_end(w);
}

static void
put_interface(struct words *w, const char *option, const char *name, const unsigned char *mask,
	      bool inverted)
{
	size_t i = 0;

	if (!mask[0])
		return;
	words_not(w, inverted);
	words_add(w, option);
	words_begin(w);
	for (; i < IFNAMSIZ && mask[i] && name[i]; i++)
		words_char(w, name[i]);
	if (i < IFNAMSIZ && !mask[i])
		words_char(w, '+');
	words_end(w);
}

static void
put_proto(struct words *w, uint16_t proto, bool inverted)
{
	const char *name = proto_name(proto);

	if (!proto)
		return;
	words_not(w, inverted);
	words_add(w, "-p");
	words_begin(w);
	if (name)
		words_text(w, name);
	else
		words_number(w, proto);
	words_end(w);
}

static void
put_header(struct words *w, const struct blob *blob, size_t i)
{
	const struct xt_header h = xt_header_of(blob->family, blob_bytes(blob, i));

	put_network(w, "-s", h.source, h.source_mask, h.address_len, *h.invert & IPT_INV_SRCIP);
	put_network(w, "-d", h.address, h.address_mask, h.address_len, *h.invert & IPT_INV_DSTIP);
	put_interface(w, "-i", h.iniface, h.in_mask, *h.invert & IPT_INV_VIA_IN);
	put_interface(w, "-o", h.outiface, h.out_mask, *h.invert & IPT_INV_VIA_OUT);
	put_proto(w, *h.proto, *h.invert & XT_INV_PROTO);
	if (blob->family == FAMILY_IPV4 && *h.flags & IPT_F_FRAG) {
		words_not(w, *h.invert & IPT_INV_FRAG);
		words_add(w, "-f");
	}
}

static void
put_verdict(struct words *w, int verdict)
{
	static const struct {
		int verdict;
		const char *name;
	} verdicts[] = {
		{ -NF_DROP - 1, "DROP" },
		{ -NF_ACCEPT - 1, "ACCEPT" },
		{ -NF_QUEUE - 1, "QUEUE" },
		{ XT_RETURN, "RETURN" },
	};

	words_add(w, "-j");
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (verdicts[i].verdict == verdict) {
			words_add(w, verdicts[i].name);
			return;
		}
	}
	words_add(w, "--...");
	w->odd = true;
}

void
words_rule(struct words *w, const struct blob *blob, size_t i, const char *jump)
{
	const struct xt_entry_match *match = NULL;
	int verdict;

	put_header(w, blob, i);
	while ((match = blob_match(blob, i, match))) {
		w->part++;
		words_match(w, match);
	}
	w->part++;
	if (!blob_verdict(blob, i, &verdict)) {
		words_target(w, blob_target(blob, i));
	} else if (jump) {
		words_add(w, xt_is_goto(blob->family, blob_bytes(blob, i)) ? "-g" : "-j");
		words_add(w, jump);
	} else if (verdict < 0) {
		put_verdict(w, verdict);
	}
}
