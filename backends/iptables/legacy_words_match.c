/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The matches that words are known for. */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_connbytes.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_length.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_rpfilter.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_string.h>
#include <linux/netfilter/xt_tcpmss.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter/xt_time.h>
#include <linux/netfilter/xt_u32.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "legacy_words_put.h"

void
put_bits(struct words *w, const struct bit_name *names, size_t n, unsigned bits)
{
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		if (!(bits & names[i].bit))
			continue;
		if (!first)
			words_char(w, ',');
		first = false;
		words_text(w, names[i].name);
	}
}

void
put_range(struct words *w, unsigned from, unsigned to)
{
	words_begin(w);
	words_number(w, from);
	if (from != to) {
		words_char(w, ':');
		words_number(w, to);
	}
	words_end(w);
}

void
put_number(struct words *w, const char *option, uint64_t number)
{
	words_add(w, option);
	words_begin(w);
	words_number(w, number);
	words_end(w);
}

/* As iptables prints it: without quotes. */
void
put_name(struct words *w, const char *option, const char *name, size_t max)
{
	words_add(w, option);
	words_begin(w);
	for (size_t i = 0; i < max && name[i]; i++)
		words_char(w, name[i]);
	words_end(w);
}

/* --- time --- */

static void
put_two(struct words *w, int number)
{
	words_char(w, (char)('0' + number / 10));
	words_char(w, (char)('0' + number % 10));
}

static void
put_date(struct words *w, const char *option, time_t at)
{
	struct tm tm;

	if (!gmtime_r(&at, &tm))
		return;
	words_add(w, option);
	words_begin(w);
	words_number(w, (unsigned)tm.tm_year + 1900);
	words_char(w, '-');
	put_two(w, tm.tm_mon + 1);
	words_char(w, '-');
	put_two(w, tm.tm_mday);
	words_char(w, 'T');
	put_two(w, tm.tm_hour);
	words_char(w, ':');
	put_two(w, tm.tm_min);
	words_char(w, ':');
	put_two(w, tm.tm_sec);
	words_end(w);
}

static void
put_daytime(struct words *w, const char *option, uint32_t second)
{
	words_add(w, option);
	words_begin(w);
	put_two(w, (int)(second / 3600 % 100));
	words_char(w, ':');
	put_two(w, (int)(second / 60 % 60));
	words_char(w, ':');
	put_two(w, (int)(second % 60));
	words_end(w);
}

static void
put_monthdays(struct words *w, uint32_t days)
{
	bool first = true;

	words_add(w, "--monthdays");
	words_begin(w);
	for (unsigned day = 1; day <= 31; day++) {
		if (!(days & 1u << day))
			continue;
		if (!first)
			words_char(w, ',');
		first = false;
		words_number(w, day);
	}
	words_end(w);
}

static void
put_weekdays(struct words *w, unsigned days)
{
	static const struct bit_name names[] = { { 1 << 1, "Mon" }, { 1 << 2, "Tue" },
						 { 1 << 3, "Wed" }, { 1 << 4, "Thu" },
						 { 1 << 5, "Fri" }, { 1 << 6, "Sat" },
						 { 1 << 7, "Sun" } };

	words_add(w, "--weekdays");
	words_begin(w);
	PUT_BITS(w, names, days);
	words_end(w);
}

static void
put_time(struct words *w, const void *data, unsigned revision)
{
	const struct xt_time_info *t = data;

	(void)revision;
	if (t->daytime_start != XT_TIME_MIN_DAYTIME || t->daytime_stop != XT_TIME_MAX_DAYTIME) {
		put_daytime(w, "--timestart", t->daytime_start);
		put_daytime(w, "--timestop", t->daytime_stop);
	}
	if (t->monthdays_match != XT_TIME_ALL_MONTHDAYS)
		put_monthdays(w, t->monthdays_match);
	if (t->weekdays_match != XT_TIME_ALL_WEEKDAYS)
		put_weekdays(w, t->weekdays_match);
	if (t->date_start != 0)
		put_date(w, "--datestart", t->date_start);
	if (t->date_stop != 0)
		put_date(w, "--datestop", t->date_stop);
	if (t->flags & XT_TIME_LOCAL_TZ)
		words_add(w, "--kerneltz");
	if (t->flags & XT_TIME_CONTIGUOUS)
		words_add(w, "--contiguous");
}

/* --- others --- */

static void
put_comment(struct words *w, const void *data, unsigned revision)
{
	const struct xt_comment_info *comment = data;

	(void)revision;
	words_add(w, "--comment");
	words_quoted(w, comment->comment, sizeof(comment->comment));
}

static void
put_mac(struct words *w, const void *data, unsigned revision)
{
	static const char digits[] = "0123456789abcdef";
	const struct xt_mac_info *mac = data;

	(void)revision;
	words_not(w, mac->invert);
	words_add(w, "--mac-source");
	words_begin(w);
	for (size_t i = 0; i < sizeof(mac->srcaddr); i++) {
		if (i > 0)
			words_char(w, ':');
		words_char(w, digits[mac->srcaddr[i] >> 4]);
		words_char(w, digits[mac->srcaddr[i] & 15]);
	}
	words_end(w);
}

static void
put_length(struct words *w, const void *data, unsigned revision)
{
	const struct xt_length_info *length = data;

	(void)revision;
	words_not(w, length->invert);
	words_add(w, "--length");
	put_range(w, length->min, length->max);
}

static void
put_pkttype(struct words *w, const void *data, unsigned revision)
{
	static const char *const names[] = { "unicast", "broadcast", "multicast" };
	const struct xt_pkttype_info *type = data;

	(void)revision;
	words_not(w, type->invert);
	words_add(w, "--pkt-type");
	words_add(w, type->pkttype >= 0 && type->pkttype < 3 ? names[type->pkttype] : "--...");
}

static const struct {
	const char *name;
	uint8_t first, last; /* revisions */
	size_t size;         /* of what is read; a shorter one is not known */
	void (*put)(struct words *w, const void *data, unsigned revision);
} matches[] = {
	{ "set", 1, 2, sizeof(struct xt_set_info_match_v1), put_set },
	{ "set", 3, 3, sizeof(struct xt_set_info_match_v3), put_set },
	{ "set", 4, 4, sizeof(struct xt_set_info_match_v4), put_set },
	{ "tcp", 0, 0, sizeof(struct xt_tcp), put_tcp },
	{ "udp", 0, 0, sizeof(struct xt_udp), put_udp },
	{ "comment", 0, 0, sizeof(struct xt_comment_info), put_comment },
	{ "multiport", 1, 1, sizeof(struct xt_multiport_v1), put_multiport },
	{ "conntrack", 1, 1, sizeof(struct xt_conntrack_mtinfo1), put_conntrack },
	{ "conntrack", 2, 2, sizeof(struct xt_conntrack_mtinfo2), put_conntrack },
	{ "conntrack", 3, 3, sizeof(struct xt_conntrack_mtinfo3), put_conntrack },
	{ "state", 0, 0, sizeof(struct xt_state_info), put_state },
	{ "time", 0, 0, sizeof(struct xt_time_info), put_time },
	{ "geoip", 0, 1, 32, put_geoip },
	{ "iprange", 1, 1, sizeof(struct xt_iprange_mtinfo), put_iprange },
	{ "addrtype", 1, 1, sizeof(struct xt_addrtype_info_v1), put_addrtype },
	{ "mark", 1, 1, sizeof(struct xt_mark_mtinfo1), put_mark },
	{ "connmark", 1, 1, sizeof(struct xt_connmark_mtinfo1), put_mark },
	{ "limit", 0, 0, sizeof(struct xt_rateinfo), put_limit },
	{ "hashlimit", 1, 1, sizeof(struct xt_hashlimit_mtinfo1), put_hashlimit },
	{ "hashlimit", 2, 2, sizeof(struct xt_hashlimit_mtinfo2), put_hashlimit },
	{ "hashlimit", 3, 3, sizeof(struct xt_hashlimit_mtinfo3), put_hashlimit },
	{ "connlimit", 1, 1, sizeof(struct xt_connlimit_info), put_connlimit },
	{ "recent", 0, 0, sizeof(struct xt_recent_mtinfo), put_recent },
	{ "recent", 1, 1, sizeof(struct xt_recent_mtinfo_v1), put_recent },
	{ "icmp", 0, 0, sizeof(struct ipt_icmp), put_icmp },
	{ "icmp6", 0, 0, sizeof(struct ip6t_icmp), put_icmp },
	{ "mac", 0, 0, sizeof(struct xt_mac_info), put_mac },
	{ "length", 0, 0, sizeof(struct xt_length_info), put_length },
	{ "pkttype", 0, 0, sizeof(struct xt_pkttype_info), put_pkttype },
	{ "ttl", 0, 0, sizeof(struct ipt_ttl_info), put_ttl },
	{ "hl", 0, 0, sizeof(struct ip6t_hl_info), put_ttl },
	{ "string", 1, 1, offsetof(struct xt_string_info, config), put_string },
	{ "policy", 0, 0, sizeof(struct xt_policy_info), put_policy },
	{ "physdev", 0, 0, sizeof(struct xt_physdev_info), put_physdev },
	{ "rpfilter", 0, 0, sizeof(struct xt_rpfilter_info), put_rpfilter },
	{ "helper", 0, 0, sizeof(struct xt_helper_info), put_helper },
	{ "tcpmss", 0, 0, sizeof(struct xt_tcpmss_match_info), put_tcpmss },
	{ "tos", 1, 1, sizeof(struct xt_tos_match_info), put_tos },
	{ "dscp", 0, 0, sizeof(struct xt_dscp_info), put_dscp },
	{ "u32", 0, 0, sizeof(struct xt_u32), put_u32 },
	{ "owner", 1, 1, sizeof(struct xt_owner_match_info), put_owner },
	{ "statistic", 0, 0, offsetof(struct xt_statistic_info, master), put_statistic },
	{ "connbytes", 0, 0, sizeof(struct xt_connbytes_info), put_connbytes },
};

/* What iptables calls it: `-m state` is a conntrack match that knows where it is from. */
static const char *
shown_name(const struct xt_entry_match *match)
{
	const struct xt_conntrack_mtinfo1 *info = (const void *)match->data; /* 2 and 3 begin so */

	if (!strcmp(match->u.user.name, "conntrack") && match->u.user.revision >= 1 &&
	    match->u.match_size >= sizeof(*match) + sizeof(*info) &&
	    info->match_flags & XT_CONNTRACK_STATE_ALIAS)
		return "state";
	return match->u.user.name;
}

void
words_match(struct words *w, const struct xt_entry_match *match)
{
	const unsigned revision = match->u.user.revision;
	const size_t size = match->u.match_size - sizeof(*match);

	words_add(w, "-m");
	words_add(w, shown_name(match));
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		if (strcmp(matches[i].name, match->u.user.name) != 0 ||
		    revision < matches[i].first || revision > matches[i].last ||
		    size < matches[i].size)
			continue;
		matches[i].put(w, match->data, revision);
		return;
	}
	if (size > 0)
		words_unknown(w, match->data, size);
}
