/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The targets that words are known for, as their _save() functions in iptables' extensions. */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_CLASSIFY.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_TCPMSS.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_words_put.h"

static void
put_reject(struct words *w, const void *data, unsigned revision)
{
	static const char *const four[] = {
		[IPT_ICMP_NET_UNREACHABLE] = "icmp-net-unreachable",
		[IPT_ICMP_HOST_UNREACHABLE] = "icmp-host-unreachable",
		[IPT_ICMP_PROT_UNREACHABLE] = "icmp-proto-unreachable",
		[IPT_ICMP_PORT_UNREACHABLE] = "icmp-port-unreachable",
		[IPT_ICMP_ECHOREPLY] = "echo-reply",
		[IPT_ICMP_NET_PROHIBITED] = "icmp-net-prohibited",
		[IPT_ICMP_HOST_PROHIBITED] = "icmp-host-prohibited",
		[IPT_TCP_RESET] = "tcp-reset",
		[IPT_ICMP_ADMIN_PROHIBITED] = "icmp-admin-prohibited",
	};
	static const char *const six[] = {
		[IP6T_ICMP6_NO_ROUTE] = "icmp6-no-route",
		[IP6T_ICMP6_ADM_PROHIBITED] = "icmp6-adm-prohibited",
		[IP6T_ICMP6_NOT_NEIGHBOUR] = "icmp6-not-neighbour",
		[IP6T_ICMP6_ADDR_UNREACH] = "icmp6-addr-unreachable",
		[IP6T_ICMP6_PORT_UNREACH] = "icmp6-port-unreachable",
		[IP6T_ICMP6_ECHOREPLY] = "echo-reply",
		[IP6T_TCP_RESET] = "tcp-reset",
		[IP6T_ICMP6_POLICY_FAIL] = "icmp6-policy-fail",
		[IP6T_ICMP6_REJECT_ROUTE] = "icmp6-reject-route",
	};
	const char *const *names = w->family == FAMILY_IPV4 ? four : six;
	size_t n = w->family == FAMILY_IPV4 ? sizeof(four) / sizeof(four[0])
					    : sizeof(six) / sizeof(six[0]);
	uint32_t with;

	(void)revision;
	memcpy(&with, data, sizeof(with));
	words_add(w, "--reject-with");
	words_add(w, with < n && names[with] ? names[with] : "--...");
}

static void
put_log(struct words *w, const void *data, unsigned revision)
{
	static const struct {
		unsigned bit;
		const char *option;
	} flags[] = { { XT_LOG_TCPSEQ, "--log-tcp-sequence" },
		      { XT_LOG_TCPOPT, "--log-tcp-options" },
		      { XT_LOG_IPOPT, "--log-ip-options" },
		      { XT_LOG_UID, "--log-uid" },
		      { XT_LOG_MACDECODE, "--log-macdecode" } };
	const struct xt_log_info *log = data;
	const unsigned warning = 4; /* iptables' default */

	(void)revision;
	if (log->prefix[0]) {
		words_add(w, "--log-prefix");
		words_quoted(w, log->prefix, sizeof(log->prefix));
	}
	if (log->level != warning) {
		words_add(w, "--log-level");
		words_begin(w);
		words_number(w, log->level);
		words_end(w);
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (log->logflags & flags[i].bit)
			words_add(w, flags[i].option);
}

static void
put_masked(struct words *w, const char *option, uint32_t value, uint32_t mask)
{
	words_add(w, option);
	words_begin(w);
	words_hex(w, value);
	words_char(w, '/');
	words_hex(w, mask);
	words_end(w);
}

static void
put_mask(struct words *w, const char *option, uint32_t mask)
{
	words_add(w, option);
	words_begin(w);
	words_hex(w, mask);
	words_end(w);
}

static void
put_set_mark(struct words *w, const void *data, unsigned revision)
{
	const struct xt_mark_tginfo2 *mark = data;

	(void)revision;
	put_masked(w, "--set-xmark", mark->mark, mark->mask);
}

static void
put_connmark_mode(struct words *w, const struct xt_connmark_tginfo1 *mark, unsigned mode)
{
	if (mode == XT_CONNMARK_SET) {
		put_masked(w, "--set-xmark", mark->ctmark, mark->ctmask);
		return;
	}
	words_add(w, mode == XT_CONNMARK_SAVE ? "--save-mark" : "--restore-mark");
	put_mask(w, "--nfmask", mark->nfmask);
	put_mask(w, "--ctmask", mark->ctmask);
}

static void
put_connmark(struct words *w, const void *data, unsigned revision)
{
	const struct xt_connmark_tginfo1 *mark = data;

	(void)revision;
	put_connmark_mode(w, mark, mark->mode);
}

/* Begins like revision 1. */
static void
put_shifted_connmark(struct words *w, const void *data, unsigned revision)
{
	const struct xt_connmark_tginfo2 *mark = data;

	(void)revision;
	put_connmark_mode(w, data, mark->mode);
	if (mark->shift_bits)
		words_add(w, "--...");
}

static void
put_nflog(struct words *w, const void *data, unsigned revision)
{
	const struct xt_nflog_info *log = data;

	(void)revision;
	if (log->prefix[0]) {
		words_add(w, "--nflog-prefix");
		words_quoted(w, log->prefix, sizeof(log->prefix));
	}
	if (log->group)
		put_number(w, "--nflog-group", log->group);
	if (log->flags & XT_NFLOG_F_COPY_LEN)
		put_number(w, "--nflog-size", log->len);
	else if (log->len)
		put_number(w, "--nflog-range", log->len);
	if (log->threshold != XT_NFLOG_DEFAULT_THRESHOLD)
		put_number(w, "--nflog-threshold", log->threshold);
}

/* Revision 0 begins like 1 and 2, and has no timeout. */
static void
put_ct(struct words *w, const void *data, unsigned revision)
{
	const struct xt_ct_target_info_v1 *ct = data;

	if (ct->flags & ~(XT_CT_NOTRACK | XT_CT_NOTRACK_ALIAS) || ct->ct_events || ct->exp_events) {
		words_unknown(w, data, offsetof(struct xt_ct_target_info, ct));
		return;
	}
	if (ct->flags & XT_CT_NOTRACK)
		words_add(w, "--notrack");
	if (ct->helper[0])
		put_name(w, "--helper", ct->helper, sizeof(ct->helper));
	if (revision > 0 && ct->timeout[0])
		put_name(w, "--timeout", ct->timeout, sizeof(ct->timeout));
	if (ct->zone)
		put_number(w, "--zone", ct->zone);
}

static void
put_set_use(struct words *w, const char *option, const struct xt_set_info *info)
{
	const char *name;

	if (info->index == IPSET_INVALID_ID)
		return;
	name = w->set_name(w->sets, info->index);
	words_add(w, option);
	words_add(w, name ? name : "--...");
	w->odd |= !name;
	put_set_sides(w, info);
}

/* Revisions 1 and 2 begin alike. */
static void
put_set_change(struct words *w, const void *data, unsigned revision)
{
	const struct xt_set_info_target_v2 *two = data;
	const struct xt_set_info_target_v3 *three = data;
	const uint32_t flags = revision == 1   ? 0
			       : revision == 2 ? two->flags
					       : three->flags,
		       timeout = revision == 1   ? UINT32_MAX
				 : revision == 2 ? two->timeout
						 : three->timeout;

	put_set_use(w, "--add-set", &two->add_set);
	if (flags & IPSET_FLAG_EXIST)
		words_add(w, "--exist");
	if (timeout != UINT32_MAX)
		put_number(w, "--timeout", timeout);
	put_set_use(w, "--del-set", &two->del_set);
	if (revision < 3)
		return;
	put_set_use(w, "--map-set", &three->map_set);
	if (flags & IPSET_FLAG_MAP_SKBMARK)
		words_add(w, "--map-mark");
	if (flags & IPSET_FLAG_MAP_SKBPRIO)
		words_add(w, "--map-prio");
	if (flags & IPSET_FLAG_MAP_SKBQUEUE)
		words_add(w, "--map-queue");
}

/* Each revision begins like the one before it. */
static void
put_queue(struct words *w, const void *data, unsigned revision)
{
	const struct xt_NFQ_info_v3 *queue = data;
	const unsigned first = queue->queuenum, n = revision > 0 ? queue->queues_total : 1;

	if (n == 1) {
		put_number(w, "--queue-num", first);
	} else {
		words_add(w, "--queue-balance");
		words_begin(w);
		words_number(w, first);
		words_char(w, ':');
		words_number(w, first + n - 1);
		words_end(w);
	}
	if (revision > 1 && queue->flags & NFQ_FLAG_BYPASS)
		words_add(w, "--queue-bypass");
	if (revision > 2 && queue->flags & NFQ_FLAG_CPU_FANOUT)
		words_add(w, "--queue-cpu-fanout");
}

static void
put_mss(struct words *w, const void *data, unsigned revision)
{
	const struct xt_tcpmss_info *info = data;

	(void)revision;
	if (info->mss == XT_TCPMSS_CLAMP_PMTU)
		words_add(w, "--clamp-mss-to-pmtu");
	else
		put_number(w, "--set-mss", info->mss);
}

/* "0001:001f" */
static void
put_class(struct words *w, const void *data, unsigned revision)
{
	const struct xt_classify_target_info *info = data;
	char text[sizeof("ffff:ffff")];

	(void)revision;
	snprintf(text, sizeof(text), "%04x:%04x", info->priority >> 16, info->priority & 0xffff);
	words_add(w, "--set-class");
	words_add(w, text);
}

static const struct {
	const char *name;
	uint8_t revision;
	size_t size;
	void (*put)(struct words *w, const void *data, unsigned revision);
	enum family only; /* FAMILIES: in either */
} targets[] = {
	{ "REJECT", 0, sizeof(struct ipt_reject_info), put_reject, FAMILIES },
	{ "LOG", 0, sizeof(struct xt_log_info), put_log, FAMILIES },
	{ "NFLOG", 0, sizeof(struct xt_nflog_info), put_nflog, FAMILIES },
	{ "CT", 0, offsetof(struct xt_ct_target_info, ct), put_ct, FAMILIES },
	{ "CT", 1, offsetof(struct xt_ct_target_info_v1, ct), put_ct, FAMILIES },
	{ "CT", 2, offsetof(struct xt_ct_target_info_v1, ct), put_ct, FAMILIES },
	{ "SET", 1, sizeof(struct xt_set_info_target_v1), put_set_change, FAMILIES },
	{ "SET", 2, sizeof(struct xt_set_info_target_v2), put_set_change, FAMILIES },
	{ "SET", 3, sizeof(struct xt_set_info_target_v3), put_set_change, FAMILIES },
	{ "NFQUEUE", 0, sizeof(struct xt_NFQ_info), put_queue, FAMILIES },
	{ "NFQUEUE", 1, sizeof(struct xt_NFQ_info_v1), put_queue, FAMILIES },
	{ "NFQUEUE", 2, sizeof(struct xt_NFQ_info_v2), put_queue, FAMILIES },
	{ "NFQUEUE", 3, sizeof(struct xt_NFQ_info_v3), put_queue, FAMILIES },
	{ "TCPMSS", 0, sizeof(struct xt_tcpmss_info), put_mss, FAMILIES },
	{ "CLASSIFY", 0, sizeof(struct xt_classify_target_info), put_class, FAMILIES },
	{ "MARK", 2, sizeof(struct xt_mark_tginfo2), put_set_mark, FAMILIES },
	{ "CONNMARK", 1, sizeof(struct xt_connmark_tginfo1), put_connmark, FAMILIES },
	{ "CONNMARK", 2, sizeof(struct xt_connmark_tginfo2), put_shifted_connmark, FAMILIES },
	{ "DNAT", 0, sizeof(struct nf_nat_ipv4_multi_range_compat), put_dnat, FAMILY_IPV4 },
	{ "DNAT", 1, sizeof(struct nf_nat_range), put_dnat, FAMILIES },
	{ "DNAT", 2, sizeof(struct nf_nat_range2), put_dnat, FAMILIES },
	{ "REDIRECT", 0, sizeof(struct nf_nat_ipv4_multi_range_compat), put_redirect, FAMILY_IPV4 },
	{ "REDIRECT", 0, sizeof(struct nf_nat_range), put_redirect, FAMILY_IPV6 },
};

void
words_target(struct words *w, const struct xt_entry_target *target)
{
	const size_t size = target->u.target_size - sizeof(*target);

	words_add(w, "-j");
	words_add(w, target->u.user.name);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (strcmp(targets[i].name, target->u.user.name) != 0 ||
		    target->u.user.revision != targets[i].revision || size < targets[i].size ||
		    (targets[i].only != FAMILIES && targets[i].only != w->family))
			continue;
		targets[i].put(w, target->data, targets[i].revision);
		return;
	}
	if (size > 0)
		words_unknown(w, target->data, size);
}
