/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matches of what the kernel knows of a packet's connection. */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_state.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_words_put.h"

static const struct bit_name states[] = {
	{ XT_CONNTRACK_STATE_INVALID, "INVALID" },
	{ XT_CONNTRACK_STATE_BIT(IP_CT_NEW), "NEW" },
	{ XT_CONNTRACK_STATE_BIT(IP_CT_RELATED), "RELATED" },
	{ XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED), "ESTABLISHED" },
	{ XT_CONNTRACK_STATE_UNTRACKED, "UNTRACKED" },
	{ XT_CONNTRACK_STATE_SNAT, "SNAT" },
	{ XT_CONNTRACK_STATE_DNAT, "DNAT" },
};

static void
put_state_list(struct words *w, const char *option, unsigned bits, bool inverted)
{
	words_not(w, inverted);
	words_add(w, option);
	words_begin(w);
	PUT_BITS(w, states, bits);
	words_end(w);
}

void
put_state(struct words *w, const void *data, unsigned revision)
{
	const struct xt_state_info *state = data;

	(void)revision;
	put_state_list(w, "--state", state->statemask, false);
}

/* Revision 1 has masks of 8 bits; 3 has ranges of ports. */
static struct xt_conntrack_mtinfo3
conntrack_of(const void *data, unsigned revision)
{
	struct xt_conntrack_mtinfo3 info = { 0 };

	if (revision == 3) {
		memcpy(&info, data, sizeof(info));
		return info;
	}
	memcpy(&info, data, sizeof(struct xt_conntrack_mtinfo1));
	if (revision == 1) {
		const struct xt_conntrack_mtinfo1 *one = data;

		info.state_mask = one->state_mask;
		info.status_mask = one->status_mask;
	} else {
		const struct xt_conntrack_mtinfo2 *two = data;

		info.state_mask = two->state_mask;
		info.status_mask = two->status_mask;
	}
	info.origsrc_port_high = info.origsrc_port;
	info.origdst_port_high = info.origdst_port;
	info.replsrc_port_high = info.replsrc_port;
	info.repldst_port_high = info.repldst_port;
	return info;
}

unsigned
put_mask_bits(const union nf_inet_addr *mask, size_t words)
{
	unsigned bits = 0;

	for (size_t i = 0; i < words; i++)
		bits += (unsigned)__builtin_popcount(mask->all[i]);
	return bits;
}

static void
put_ct_address(struct words *w, const char *option, const union nf_inet_addr *address,
	       const union nf_inet_addr *mask, bool inverted)
{
	const unsigned all = w->family == FAMILY_IPV4 ? 32 : 128;
	unsigned bits = put_mask_bits(mask, all / 32);

	words_not(w, inverted);
	words_add(w, option);
	words_begin(w);
	words_address(w, address);
	if (bits != all) {
		words_char(w, '/');
		words_number(w, bits);
	}
	words_end(w);
}

/* In network byte order in revisions 1 and 2, in the host's in 3. */
static void
put_ct_ports(struct words *w, const char *option, uint16_t from, uint16_t to, bool inverted,
	     unsigned revision)
{
	words_not(w, inverted);
	words_add(w, option);
	if (revision < 3)
		put_range(w, ntohs(from), ntohs(to));
	else
		put_range(w, from, to);
}

static void
put_ct_status(struct words *w, unsigned status, bool inverted)
{
	static const struct bit_name names[] = { { 1 << 1, "SEEN_REPLY" },
						 { 1 << 0, "EXPECTED" },
						 { 1 << 2, "ASSURED" },
						 { 1 << 3, "CONFIRMED" } };

	words_not(w, inverted);
	words_add(w, "--ctstatus");
	words_begin(w);
	PUT_BITS(w, names, status);
	if (!status)
		words_text(w, "NONE");
	words_end(w);
}

static void
put_tuple(struct words *w, const struct xt_conntrack_mtinfo3 *info, unsigned revision)
{
	const struct {
		unsigned bit;
		const char *option;
		const union nf_inet_addr *address, *mask;
	} addresses[] = {
		{ XT_CONNTRACK_ORIGSRC, "--ctorigsrc", &info->origsrc_addr, &info->origsrc_mask },
		{ XT_CONNTRACK_ORIGDST, "--ctorigdst", &info->origdst_addr, &info->origdst_mask },
		{ XT_CONNTRACK_REPLSRC, "--ctreplsrc", &info->replsrc_addr, &info->replsrc_mask },
		{ XT_CONNTRACK_REPLDST, "--ctrepldst", &info->repldst_addr, &info->repldst_mask },
	};
	const struct {
		unsigned bit;
		const char *option;
		uint16_t from, to;
	} ports[] = {
		{ XT_CONNTRACK_ORIGSRC_PORT, "--ctorigsrcport", info->origsrc_port,
		  info->origsrc_port_high },
		{ XT_CONNTRACK_ORIGDST_PORT, "--ctorigdstport", info->origdst_port,
		  info->origdst_port_high },
		{ XT_CONNTRACK_REPLSRC_PORT, "--ctreplsrcport", info->replsrc_port,
		  info->replsrc_port_high },
		{ XT_CONNTRACK_REPLDST_PORT, "--ctrepldstport", info->repldst_port,
		  info->repldst_port_high },
	};

	for (size_t i = 0; i < 4; i++)
		if (info->match_flags & addresses[i].bit)
			put_ct_address(w, addresses[i].option, addresses[i].address,
				       addresses[i].mask, info->invert_flags & addresses[i].bit);
	for (size_t i = 0; i < 4; i++)
		if (info->match_flags & ports[i].bit)
			put_ct_ports(w, ports[i].option, ports[i].from, ports[i].to,
				     info->invert_flags & ports[i].bit, revision);
}

void
put_conntrack(struct words *w, const void *data, unsigned revision)
{
	const struct xt_conntrack_mtinfo3 info = conntrack_of(data, revision);

	if (info.match_flags & XT_CONNTRACK_STATE)
		put_state_list(
			w, info.match_flags & XT_CONNTRACK_STATE_ALIAS ? "--state" : "--ctstate",
			info.state_mask, info.invert_flags & XT_CONNTRACK_STATE);
	if (info.match_flags & XT_CONNTRACK_PROTO) {
		words_not(w, info.invert_flags & XT_CONNTRACK_PROTO);
		words_add(w, "--ctproto");
		put_range(w, info.l4proto, info.l4proto);
	}
	put_tuple(w, &info, revision);
	if (info.match_flags & XT_CONNTRACK_STATUS)
		put_ct_status(w, info.status_mask, info.invert_flags & XT_CONNTRACK_STATUS);
	if (info.match_flags & XT_CONNTRACK_EXPIRES) {
		words_not(w, info.invert_flags & XT_CONNTRACK_EXPIRES);
		words_add(w, "--ctexpire");
		put_range(w, info.expires_min, info.expires_max);
	}
	if (info.match_flags & XT_CONNTRACK_DIRECTION) {
		words_add(w, "--ctdir");
		words_add(w, info.invert_flags & XT_CONNTRACK_DIRECTION ? "REPLY" : "ORIGINAL");
	}
}

static void
put_mark_value(struct words *w, uint32_t mark, uint32_t mask, bool inverted)
{
	words_not(w, inverted);
	words_add(w, "--mark");
	words_begin(w);
	words_hex(w, mark);
	if (mask != UINT32_MAX) {
		words_char(w, '/');
		words_hex(w, mask);
	}
	words_end(w);
}

void
put_mark(struct words *w, const void *data, unsigned revision)
{
	const struct xt_mark_mtinfo1 *mark = data; /* connmark's is the same */

	_Static_assert(sizeof(struct xt_mark_mtinfo1) == sizeof(struct xt_connmark_mtinfo1),
		       "the same");
	(void)revision;
	put_mark_value(w, mark->mark, mark->mask, mark->invert);
}

void
put_helper(struct words *w, const void *data, unsigned revision)
{
	const struct xt_helper_info *info = data;

	(void)revision;
	words_not(w, info->invert);
	words_add(w, "--helper");
	words_quoted(w, info->name, sizeof(info->name));
}
