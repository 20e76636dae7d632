/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matches of the way by which a packet came. */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter/xt_rpfilter.h>

#include "legacy_words_put.h"

/* --- IPsec --- */

static void
put_transform(struct words *w, const struct xt_policy_elem *pol)
{
	if (pol->match.reqid) {
		words_not(w, pol->invert.reqid);
		put_number(w, "--reqid", pol->reqid);
	}
	if (pol->match.spi) {
		words_not(w, pol->invert.spi);
		words_add(w, "--spi");
		words_begin(w);
		words_hex(w, pol->spi); /* iptables keeps it in the order of the host */
		words_end(w);
	}
	if (pol->match.proto) {
		words_not(w, pol->invert.proto);
		words_add(w, "--proto");
		words_begin(w);
		if (pol->proto == IPPROTO_ESP || pol->proto == IPPROTO_AH)
			words_text(w, pol->proto == IPPROTO_ESP ? "esp" : "ah");
		else
			words_number(w, pol->proto);
		words_end(w);
	}
	if (pol->match.mode) {
		words_not(w, pol->invert.mode);
		words_add(w, "--mode");
		words_add(w, pol->mode == XT_POLICY_MODE_TUNNEL ? "tunnel" : "transport");
	}
	if (pol->match.saddr || pol->match.daddr)
		words_unknown(w, pol, sizeof(*pol));
}

void
put_policy(struct words *w, const void *data, unsigned revision)
{
	const struct xt_policy_info *info = data;

	(void)revision;
	words_add(w, "--dir");
	words_add(w, info->flags & XT_POLICY_MATCH_IN ? "in" : "out");
	words_add(w, "--pol");
	words_add(w, info->flags & XT_POLICY_MATCH_NONE ? "none" : "ipsec");
	if (info->flags & XT_POLICY_MATCH_STRICT)
		words_add(w, "--strict");
	for (unsigned i = 0; i < info->len && i < XT_POLICY_MAX_ELEM; i++) {
		if (i > 0)
			words_add(w, "--next");
		put_transform(w, &info->pol[i]);
	}
}

/* --- ports of a bridge --- */

void
put_physdev(struct words *w, const void *data, unsigned revision)
{
	const struct xt_physdev_info *info = data;
	const struct {
		unsigned bit;
		const char *option, *name;
	} tests[] = {
		{ XT_PHYSDEV_OP_ISIN, "--physdev-is-in", NULL },
		{ XT_PHYSDEV_OP_IN, "--physdev-in", info->physindev },
		{ XT_PHYSDEV_OP_ISOUT, "--physdev-is-out", NULL },
		{ XT_PHYSDEV_OP_OUT, "--physdev-out", info->physoutdev },
		{ XT_PHYSDEV_OP_BRIDGED, "--physdev-is-bridged", NULL },
	};

	(void)revision;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (!(info->bitmask & tests[i].bit))
			continue;
		words_not(w, info->invert & tests[i].bit);
		if (tests[i].name)
			put_name(w, tests[i].option, tests[i].name, IFNAMSIZ);
		else
			words_add(w, tests[i].option);
	}
}

/* --- who sent it, of this host --- */

static void
put_ids(struct words *w, const char *option, uint32_t from, uint32_t to)
{
	words_add(w, option);
	words_begin(w);
	words_number(w, from);
	if (from != to) {
		words_char(w, '-');
		words_number(w, to);
	}
	words_end(w);
}

void
put_owner(struct words *w, const void *data, unsigned revision)
{
	const struct xt_owner_match_info *info = data;

	(void)revision;
	if (info->match & XT_OWNER_SOCKET) {
		words_not(w, info->invert & XT_OWNER_SOCKET);
		words_add(w, "--socket-exists");
	}
	if (info->match & XT_OWNER_UID) {
		words_not(w, info->invert & XT_OWNER_UID);
		put_ids(w, "--uid-owner", info->uid_min, info->uid_max);
	}
	if (info->match & XT_OWNER_GID) {
		words_not(w, info->invert & XT_OWNER_GID);
		put_ids(w, "--gid-owner", info->gid_min, info->gid_max);
	}
	if (info->match & XT_OWNER_SUPPL_GROUPS)
		words_add(w, "--suppl-groups");
}

/* --- whether an answer would go back there --- */

void
put_rpfilter(struct words *w, const void *data, unsigned revision)
{
	static const struct {
		unsigned bit;
		const char *option;
	} flags[] = { { XT_RPFILTER_LOOSE, "--loose" },
		      { XT_RPFILTER_VALID_MARK, "--validmark" },
		      { XT_RPFILTER_ACCEPT_LOCAL, "--accept-local" },
		      { XT_RPFILTER_INVERT, "--invert" } };
	const struct xt_rpfilter_info *info = data;

	(void)revision;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (info->flags & flags[i].bit)
			words_add(w, flags[i].option);
}
