/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matches of how often packets come, or have come. */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter/xt_connbytes.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_statistic.h>
#include <stdio.h>
#include <string.h>

#include "legacy_words_put.h"

/* --- packets a time --- */

/*
 * "3/hour": of all units the shortest that does not round too much. period is the time from one
 * packet to the next, a second being so many. Returns the unit's seconds; 0: there is no rate.
 */
static unsigned
put_rate(struct words *w, uint64_t period, uint64_t second)
{
	static const struct {
		const char *name;
		unsigned seconds;
	} units[] = { { "/day", 86400 }, { "/hour", 3600 }, { "/min", 60 }, { "/sec", 1 } };
	size_t i = 1;

	words_begin(w);
	if (period == 0) {
		words_text(w, "inf");
		words_end(w);
		return 0;
	}
	for (; i < sizeof(units) / sizeof(units[0]); i++) {
		const uint64_t unit = units[i].seconds * second;

		if (period > unit || unit / period < unit % period)
			break;
	}
	words_number(w, units[i - 1].seconds * second / period);
	words_text(w, units[i - 1].name);
	words_end(w);
	return units[i - 1].seconds;
}

#define LIMIT_BURST 5 /* iptables' default */

void
put_limit(struct words *w, const void *data, unsigned revision)
{
	const struct xt_rateinfo *rate = data;

	(void)revision;
	words_add(w, "--limit");
	put_rate(w, rate->avg, XT_LIMIT_SCALE);
	if (rate->burst != LIMIT_BURST)
		put_number(w, "--limit-burst", rate->burst);
}

/* --- the same, by addresses and ports --- */

#define GC_INTERVAL 1000 /* ms; iptables' default */
#define BYTES_EXPIRE 15  /* s, and with a burst: */
#define BURST_EXPIRE 60

/* The kernel keeps 2^32 divided by this. */
static uint64_t
bytes_of(uint64_t cost)
{
	return ((cost ? UINT32_MAX / cost : UINT32_MAX) - 1) << XT_HASHLIMIT_BYTE_SHIFT;
}

static uint64_t
cost_of(uint64_t bytes)
{
	return UINT32_MAX / ((uint32_t)(bytes >> XT_HASHLIMIT_BYTE_SHIFT) + 1);
}

/* "512kb/s": in the largest unit that loses nothing of this cost; cost 0: in the largest one. */
static void
put_bytes(struct words *w, uint64_t bytes, uint64_t cost, const char *per)
{
	static const struct {
		const char *name;
		unsigned shift;
	} units[] = { { "mb", 20 }, { "kb", 10 }, { "b", 0 } };
	size_t i = 0;

	while (units[i].shift > 0 &&
	       (bytes >> units[i].shift == 0 ||
		(cost && cost_of(bytes >> units[i].shift << units[i].shift) != cost)))
		i++;
	words_begin(w);
	words_number(w, bytes >> units[i].shift);
	words_text(w, units[i].name);
	words_text(w, per);
	words_end(w);
}

/* Returns the expiry, ms, that goes with it and is not said. */
static uint64_t
put_hash_rate(struct words *w, const struct hashlimit_cfg3 *c, uint64_t second)
{
	unsigned unit;

	words_add(w, c->mode & XT_HASHLIMIT_INVERT ? "--hashlimit-above" : "--hashlimit-upto");
	if (!(c->mode & XT_HASHLIMIT_BYTES)) {
		unit = put_rate(w, c->avg, second);
		put_number(w, "--hashlimit-burst", c->burst);
		return unit * UINT64_C(1000);
	}
	put_bytes(w, bytes_of(c->avg), c->avg, "/s");
	if (c->burst == 0)
		return BYTES_EXPIRE * 1000;
	words_add(w, "--hashlimit-burst");
	put_bytes(w, bytes_of(c->avg) * c->burst, 0, "");
	return BURST_EXPIRE * 1000;
}

static void
put_hash_mode(struct words *w, unsigned mode)
{
	static const struct bit_name names[] = { { XT_HASHLIMIT_HASH_SIP, "srcip" },
						 { XT_HASHLIMIT_HASH_SPT, "srcport" },
						 { XT_HASHLIMIT_HASH_DIP, "dstip" },
						 { XT_HASHLIMIT_HASH_DPT, "dstport" } };

	if (!(mode & (XT_HASHLIMIT_HASH_SIP | XT_HASHLIMIT_HASH_SPT | XT_HASHLIMIT_HASH_DIP |
		      XT_HASHLIMIT_HASH_DPT)))
		return;
	words_add(w, "--hashlimit-mode");
	words_begin(w);
	PUT_BITS(w, names, mode);
	words_end(w);
}

static void
put_hash(struct words *w, const struct hashlimit_cfg3 *c, const char *name, size_t name_max,
	 uint64_t second)
{
	const unsigned whole = w->family == FAMILY_IPV4 ? 32 : 128;
	const uint64_t expire = put_hash_rate(w, c, second);

	put_hash_mode(w, c->mode);
	put_name(w, "--hashlimit-name", name, name_max);
	if (c->size)
		put_number(w, "--hashlimit-htable-size", c->size);
	if (c->max)
		put_number(w, "--hashlimit-htable-max", c->max);
	if (c->gc_interval != GC_INTERVAL)
		put_number(w, "--hashlimit-htable-gcinterval", c->gc_interval);
	if (c->expire != expire)
		put_number(w, "--hashlimit-htable-expire", c->expire);
	if (c->srcmask != whole)
		put_number(w, "--hashlimit-srcmask", c->srcmask);
	if (c->dstmask != whole)
		put_number(w, "--hashlimit-dstmask", c->dstmask);
	if (!(c->mode & XT_HASHLIMIT_RATE_MATCH))
		return;
	words_add(w, "--hashlimit-rate-match");
	if (c->interval != 1)
		put_number(w, "--hashlimit-rate-interval", c->interval);
}

#define CFG3_OF(cfg)                                                                               \
	((struct hashlimit_cfg3){ .avg = (cfg)->avg,                                               \
				  .burst = (cfg)->burst,                                           \
				  .mode = (cfg)->mode & ~(unsigned)XT_HASHLIMIT_RATE_MATCH,        \
				  .size = (cfg)->size,                                             \
				  .max = (cfg)->max,                                               \
				  .gc_interval = (cfg)->gc_interval,                               \
				  .expire = (cfg)->expire,                                         \
				  .srcmask = (cfg)->srcmask,                                       \
				  .dstmask = (cfg)->dstmask })

void
put_hashlimit(struct words *w, const void *data, unsigned revision)
{
	const struct xt_hashlimit_mtinfo1 *one = data;
	const struct xt_hashlimit_mtinfo2 *two = data;
	const struct xt_hashlimit_mtinfo3 *three = data;
	struct hashlimit_cfg3 c;

	if (revision == 1) {
		c = CFG3_OF(&one->cfg);
		put_hash(w, &c, one->name, sizeof(one->name), XT_HASHLIMIT_SCALE);
	} else if (revision == 2) {
		c = CFG3_OF(&two->cfg);
		put_hash(w, &c, two->name, sizeof(two->name), XT_HASHLIMIT_SCALE_v2);
	} else {
		put_hash(w, &three->cfg, three->name, sizeof(three->name), XT_HASHLIMIT_SCALE_v2);
	}
}

/* --- others --- */

void
put_connlimit(struct words *w, const void *data, unsigned revision)
{
	const struct xt_connlimit_info *info = data;

	(void)revision;
	put_number(w, info->flags & XT_CONNLIMIT_INVERT ? "--connlimit-upto" : "--connlimit-above",
		   info->limit);
	put_number(w, "--connlimit-mask",
		   put_mask_bits(&info->mask, w->family == FAMILY_IPV4 ? 1 : 4));
	words_add(w, info->flags & XT_CONNLIMIT_DADDR ? "--connlimit-daddr" : "--connlimit-saddr");
}

void
put_recent(struct words *w, const void *data, unsigned revision)
{
	static const struct {
		unsigned bit;
		const char *option;
	} checks[] = { { XT_RECENT_SET, "--set" },
		       { XT_RECENT_CHECK, "--rcheck" },
		       { XT_RECENT_UPDATE, "--update" },
		       { XT_RECENT_REMOVE, "--remove" } };
	const struct xt_recent_mtinfo_v1 *recent = data; /* revision 0 has no mask */

	words_not(w, recent->invert);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (recent->check_set & checks[i].bit)
			words_add(w, checks[i].option);
	if (recent->seconds)
		put_number(w, "--seconds", recent->seconds);
	if (recent->check_set & XT_RECENT_REAP)
		words_add(w, "--reap");
	if (recent->hit_count)
		put_number(w, "--hitcount", recent->hit_count);
	if (recent->check_set & XT_RECENT_TTL)
		words_add(w, "--rttl");
	put_name(w, "--name", recent->name, sizeof(recent->name));
	if (revision == 1) {
		words_add(w, "--mask");
		words_begin(w);
		words_address(w, &recent->mask);
		words_end(w);
	}
	words_add(w, recent->side == XT_RECENT_DEST ? "--rdest" : "--rsource");
}

/* --- some of all --- */

void
put_statistic(struct words *w, const void *data, unsigned revision)
{
	const struct xt_statistic_info *info = data;
	const double all = 0x80000000U;
	char probability[32];

	(void)revision;
	if (info->mode > XT_STATISTIC_MODE_NTH) {
		words_unknown(w, data, offsetof(struct xt_statistic_info, master));
		return;
	}
	words_add(w, "--mode");
	words_add(w, info->mode == XT_STATISTIC_MODE_NTH ? "nth" : "random");
	words_not(w, info->flags & XT_STATISTIC_INVERT);
	if (info->mode == XT_STATISTIC_MODE_NTH) {
		put_number(w, "--every", (uint64_t)info->u.nth.every + 1);
		put_number(w, "--packet", info->u.nth.packet);
		return;
	}
	snprintf(probability, sizeof(probability), "%.11f", info->u.random.probability / all);
	words_add(w, "--probability");
	words_add(w, probability);
}

void
put_connbytes(struct words *w, const void *data, unsigned revision)
{
	static const char *const modes[] = { "packets", "bytes", "avgpkt" };
	static const char *const directions[] = { "original", "reply", "both" };
	const struct xt_connbytes_info *info = data;
	const bool inverted = info->count.from > info->count.to;
	const uint64_t from = inverted ? info->count.to : info->count.from,
		       to = inverted ? info->count.from : info->count.to;

	(void)revision;
	words_not(w, inverted);
	words_add(w, "--connbytes");
	words_begin(w);
	words_number(w, from);
	if (to != 0 && to != UINT64_MAX) {
		words_char(w, ':');
		words_number(w, to);
	}
	words_end(w);
	words_add(w, "--connbytes-mode");
	words_add(w, info->what < 3 ? modes[info->what] : "--...");
	words_add(w, "--connbytes-dir");
	words_add(w, info->direction < 3 ? directions[info->direction] : "--...");
}
