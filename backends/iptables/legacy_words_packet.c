/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matches of what a packet itself says. */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_string.h>
#include <linux/netfilter/xt_tcpmss.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter/xt_u32.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_words_put.h"

/* --- ports and protocols --- */

static void
put_ports(struct words *w, const char *option, const uint16_t ports[2], bool inverted)
{
	if (ports[0] == 0 && ports[1] == UINT16_MAX && !inverted)
		return;
	words_not(w, inverted);
	words_add(w, option);
	put_range(w, ports[0], ports[1]);
}

static void
put_flags(struct words *w, unsigned flags)
{
	static const struct bit_name names[] = {
		{ 0x01, "FIN" }, { 0x02, "SYN" }, { 0x04, "RST" },
		{ 0x08, "PSH" }, { 0x10, "ACK" }, { 0x20, "URG" }
	};

	words_begin(w);
	if (flags & 0x3f)
		PUT_BITS(w, names, flags);
	else
		words_text(w, "NONE");
	words_end(w);
}

void
put_tcp(struct words *w, const void *data, unsigned revision)
{
	const struct xt_tcp *tcp = data;

	(void)revision;
	put_ports(w, "--sport", tcp->spts, tcp->invflags & XT_TCP_INV_SRCPT);
	put_ports(w, "--dport", tcp->dpts, tcp->invflags & XT_TCP_INV_DSTPT);
	if (tcp->option || tcp->invflags & XT_TCP_INV_OPTION) {
		words_not(w, tcp->invflags & XT_TCP_INV_OPTION);
		words_add(w, "--tcp-option");
		put_range(w, tcp->option, tcp->option);
	}
	if (tcp->flg_mask || tcp->invflags & XT_TCP_INV_FLAGS) {
		words_not(w, tcp->invflags & XT_TCP_INV_FLAGS);
		words_add(w, "--tcp-flags");
		put_flags(w, tcp->flg_mask);
		put_flags(w, tcp->flg_cmp);
	}
}

void
put_udp(struct words *w, const void *data, unsigned revision)
{
	const struct xt_udp *udp = data;

	(void)revision;
	put_ports(w, "--sport", udp->spts, udp->invflags & XT_UDP_INV_SRCPT);
	put_ports(w, "--dport", udp->dpts, udp->invflags & XT_UDP_INV_DSTPT);
}

void
put_icmp(struct words *w, const void *data, unsigned revision)
{
	const struct ipt_icmp *icmp = data; /* struct ip6t_icmp is the same */

	_Static_assert(sizeof(struct ipt_icmp) == sizeof(struct ip6t_icmp), "the same");
	(void)revision;
	words_not(w, icmp->invflags & IPT_ICMP_INV);
	words_add(w, w->family == FAMILY_IPV4 ? "--icmp-type" : "--icmpv6-type");
	words_begin(w);
	if (icmp->type == 0xff && w->family == FAMILY_IPV4) {
		words_text(w, "any");
	} else {
		words_number(w, icmp->type);
		if (icmp->code[0] != 0 || icmp->code[1] != 0xff) {
			words_char(w, '/');
			words_number(w, icmp->code[0]);
		}
	}
	words_end(w);
}

void
put_multiport(struct words *w, const void *data, unsigned revision)
{
	static const char *const options[] = { [XT_MULTIPORT_SOURCE] = "--sports",
					       [XT_MULTIPORT_DESTINATION] = "--dports",
					       [XT_MULTIPORT_EITHER] = "--ports" };
	const struct xt_multiport_v1 *ports = data;

	(void)revision;
	words_not(w, ports->invert);
	words_add(w, ports->flags <= XT_MULTIPORT_EITHER ? options[ports->flags] : "--...");
	words_begin(w);
	for (unsigned i = 0; i < ports->count && i < XT_MULTI_PORTS; i++) {
		if (i > 0)
			words_char(w, ports->pflags[i - 1] ? ':' : ',');
		words_number(w, ports->ports[i]);
	}
	words_end(w);
}

/* --- addresses --- */

/* It asks for more than the set: counters, or that they are left alone. */
static bool
has_more(const void *data, unsigned revision)
{
	const struct xt_set_info_match_v3 *three = data;
	const struct xt_set_info_match_v4 *four = data;
	const unsigned known = IPSET_FLAG_RETURN_NOMATCH;

	if (revision == 3)
		return three->packets.op || three->bytes.op || three->flags & ~known;
	return revision == 4 && (four->packets.op || four->bytes.op || four->flags & ~known);
}

static bool
wants_nomatch(const void *data, unsigned revision)
{
	const struct xt_set_info_match_v1 *first = data;
	const struct xt_set_info_match_v3 *three = data;
	const struct xt_set_info_match_v4 *four = data;

	if (revision <= 2)
		return first->match_set.flags & IPSET_RETURN_NOMATCH;
	return (revision == 3 ? three->flags : four->flags) & IPSET_FLAG_RETURN_NOMATCH;
}

void
put_set_sides(struct words *w, const struct xt_set_info *info)
{
	words_begin(w);
	for (unsigned i = 1; i <= info->dim && i <= IPSET_DIM_MAX; i++) {
		if (i > 1)
			words_char(w, ',');
		words_text(w, info->flags & 1u << i ? "src" : "dst");
	}
	words_end(w);
}

/* All revisions but 0 begin alike. */
void
put_set(struct words *w, const void *data, unsigned revision)
{
	const struct xt_set_info *info = &((const struct xt_set_info_match_v1 *)data)->match_set;
	const char *name = w->set_name(w->sets, info->index);

	words_not(w, info->flags & IPSET_INV_MATCH);
	words_add(w, "--match-set");
	words_add(w, name ? name : "--...");
	w->odd |= !name;
	put_set_sides(w, info);
	if (wants_nomatch(data, revision))
		words_add(w, "--return-nomatch");
	if (has_more(data, revision))
		words_add(w, "--...");
}

/* xtables-addons' xt_geoip.h */
struct geoip_info {
	uint8_t flags, count;
	uint16_t country[15];
};
#define GEOIP_SOURCE 1
#define GEOIP_INVERTED 4

void
put_geoip(struct words *w, const void *data, unsigned revision)
{
	const struct geoip_info *geoip = data;

	(void)revision;
	words_not(w, geoip->flags & GEOIP_INVERTED);
	words_add(w, geoip->flags & GEOIP_SOURCE ? "--source-country" : "--destination-country");
	words_begin(w);
	for (unsigned i = 0; i < geoip->count && i < 15; i++) {
		if (i > 0)
			words_char(w, ',');
		words_char(w, (char)(geoip->country[i] >> 8));
		words_char(w, (char)(geoip->country[i] & 0xff));
	}
	words_end(w);
}

static void
put_addresses(struct words *w, const char *option, const union nf_inet_addr *from,
	      const union nf_inet_addr *to, bool inverted)
{
	words_not(w, inverted);
	words_add(w, option);
	words_begin(w);
	words_address(w, from);
	words_char(w, '-');
	words_address(w, to);
	words_end(w);
}

void
put_iprange(struct words *w, const void *data, unsigned revision)
{
	const struct xt_iprange_mtinfo *range = data;

	(void)revision;
	if (range->flags & IPRANGE_SRC)
		put_addresses(w, "--src-range", &range->src_min, &range->src_max,
			      range->flags & IPRANGE_SRC_INV);
	if (range->flags & IPRANGE_DST)
		put_addresses(w, "--dst-range", &range->dst_min, &range->dst_max,
			      range->flags & IPRANGE_DST_INV);
}

static void
put_addrtypes(struct words *w, const char *option, unsigned types, bool inverted)
{
	static const char *const names[] = { "UNSPEC",   "UNICAST",   "LOCAL",     "BROADCAST",
					     "ANYCAST",  "MULTICAST", "BLACKHOLE", "UNREACHABLE",
					     "PROHIBIT", "THROW",     "NAT",       "XRESOLVE" };
	bool first = true;

	if (!types)
		return;
	words_not(w, inverted);
	words_add(w, option);
	words_begin(w);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(types & 1u << i))
			continue;
		if (!first)
			words_char(w, ',');
		first = false;
		words_text(w, names[i]);
	}
	words_end(w);
}

void
put_addrtype(struct words *w, const void *data, unsigned revision)
{
	const struct xt_addrtype_info_v1 *type = data;

	(void)revision;
	put_addrtypes(w, "--src-type", type->source, type->flags & XT_ADDRTYPE_INVERT_SOURCE);
	put_addrtypes(w, "--dst-type", type->dest, type->flags & XT_ADDRTYPE_INVERT_DEST);
	if (type->flags & XT_ADDRTYPE_LIMIT_IFACE_IN)
		words_add(w, "--limit-iface-in");
	if (type->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT)
		words_add(w, "--limit-iface-out");
}

/* --- what else is in it --- */

/* struct ip6t_hl_info is the same. */
void
put_ttl(struct words *w, const void *data, unsigned revision)
{
	static const char *const four[] = { "--ttl-eq", "--ttl-eq", "--ttl-lt", "--ttl-gt" };
	static const char *const six[] = { "--hl-eq", "--hl-eq", "--hl-lt", "--hl-gt" };
	const struct ipt_ttl_info *info = data;

	(void)revision;
	if (info->mode > IPT_TTL_GT) {
		words_unknown(w, data, sizeof(*info));
		return;
	}
	words_not(w, info->mode == IPT_TTL_NE);
	put_number(w, (w->family == FAMILY_IPV4 ? four : six)[info->mode], info->ttl);
}

/* iptables shows a pattern in hexadecimal digits if it could not be read back otherwise. */
static bool
is_printable(const char *pattern, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (pattern[i] < ' ' || pattern[i] > '~')
			return false;
	return len > 0 && pattern[len - 1] != '\\';
}

static void
put_hex_pattern(struct words *w, const char *pattern, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * XT_STRING_MAX_PATTERN_SIZE + 2], *at = text;

	*at++ = '|';
	for (size_t i = 0; i < len; i++) {
		*at++ = digits[(unsigned char)pattern[i] >> 4];
		*at++ = digits[pattern[i] & 0xf];
	}
	*at++ = '|';
	words_pattern(w, text, (size_t)(at - text));
}

void
put_string(struct words *w, const void *data, unsigned revision)
{
	const struct xt_string_info *info = data;
	const size_t len = info->patlen <= sizeof(info->pattern) ? info->patlen : 0;
	const bool text = is_printable(info->pattern, len);

	(void)revision;
	words_not(w, info->u.v1.flags & XT_STRING_FLAG_INVERT);
	words_add(w, text ? "--string" : "--hex-string");
	if (text)
		words_pattern(w, info->pattern, len);
	else
		put_hex_pattern(w, info->pattern, len);
	put_name(w, "--algo", info->algo, sizeof(info->algo));
	if (info->from_offset != 0)
		put_number(w, "--from", info->from_offset);
	if (info->to_offset != UINT16_MAX)
		put_number(w, "--to", info->to_offset);
	if (info->u.v1.flags & XT_STRING_FLAG_IGNORECASE)
		words_add(w, "--icase");
}

void
put_tcpmss(struct words *w, const void *data, unsigned revision)
{
	const struct xt_tcpmss_match_info *info = data;

	(void)revision;
	words_not(w, info->invert);
	words_add(w, "--mss");
	put_range(w, info->mss_min, info->mss_max);
}

/* "0x0f" */
static void
put_byte(struct words *w, unsigned byte)
{
	static const char digits[] = "0123456789abcdef";

	words_text(w, "0x");
	words_char(w, digits[byte >> 4]);
	words_char(w, digits[byte & 15]);
}

void
put_tos(struct words *w, const void *data, unsigned revision)
{
	const struct xt_tos_match_info *info = data;

	(void)revision;
	words_not(w, info->invert);
	words_add(w, "--tos");
	words_begin(w);
	put_byte(w, info->tos_value);
	words_char(w, '/');
	put_byte(w, info->tos_mask);
	words_end(w);
}

void
put_dscp(struct words *w, const void *data, unsigned revision)
{
	const struct xt_dscp_info *info = data;

	(void)revision;
	words_not(w, info->invert);
	words_add(w, "--dscp");
	words_begin(w);
	put_byte(w, info->dscp);
	words_end(w);
}

/* --- bytes anywhere --- */

/* Of tests with all that the kernel takes. */
#define U32_TEXT_MAX                                                                               \
	((XT_U32_MAXSIZE + 1) * (XT_U32_MAXSIZE + 1) * sizeof("0xffffffff>>0xffffffff:0xffffffff,"))

/* "0x0>>0x16&0x3c@0xc" */
static void
write_location(FILE *f, const struct xt_u32_test *test)
{
	static const char *const ops[] = { "&", "<<", ">>", "@" };

	for (size_t i = 0; i < test->nnums && i <= XT_U32_MAXSIZE; i++) {
		const struct xt_u32_location_element *at = &test->location[i];

		if (i > 0)
			fputs(at->nextop <= XT_U32_AT ? ops[at->nextop] : "?", f);
		fprintf(f, "0x%x", at->number);
	}
}

/* "0x1,0x3:0x5" */
static void
write_values(FILE *f, const struct xt_u32_test *test)
{
	for (size_t i = 0; i < test->nvalues && i <= XT_U32_MAXSIZE; i++) {
		const struct xt_u32_value_element *value = &test->value[i];

		fprintf(f, "%s0x%x", i ? "," : "", value->min);
		if (value->min != value->max)
			fprintf(f, ":0x%x", value->max);
	}
}

void
put_u32(struct words *w, const void *data, unsigned revision)
{
	const struct xt_u32 *info = data;
	char text[U32_TEXT_MAX] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	(void)revision;
	if (!f) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < info->ntests && i <= XT_U32_MAXSIZE; i++) {
		if (i > 0)
			fputs("&&", f);
		write_location(f, &info->tests[i]);
		fputs("=", f);
		write_values(f, &info->tests[i]);
	}
	fclose(f);
	words_not(w, info->invert);
	words_add(w, "--u32");
	words_pattern(w, text, strlen(text));
}
