/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Extensions of iptables: those whose meaning decides which way a CA's packets go. */
#include <stddef.h>
#include <string.h>

#include "eval_step.h"
#include "expr.h"
#include "ipset.h"
#include "nf.h"
#include "xt_mark.h"

#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_tcpudp.h>

/* NF_NAT_RANGE_PROTO_SPECIFIED; its header does not go together with libc's. */
#define RANGE_HAS_PORTS (1u << 1)

static enum truth
truth(bool yes)
{
	return yes ? TRUTH_YES : TRUTH_NO;
}

/* Copies the extension's own data; false: it is shorter than that. */
static bool
take(void *to, size_t len, const struct expr *x)
{
	if (x->a.len < len)
		return false;
	memcpy(to, x->a.v, len);
	return true;
}

/* --- matches --- */

static enum truth
match_ipset(const struct step *s, const struct expr *x)
{
	struct ipset_use use;
	enum truth t = TRUTH_MAYBE;

	if (s->packet->addressed)
		t = ipset_match(s->eval->nl, x, s->packet);
	if (t != TRUTH_MAYBE || !ipset_use_of(x, &use) || !use.source) {
		s->eval->source_unclear |= s->packet->addressed && t == TRUTH_MAYBE;
		return t;
	}
	return step_by_view(s, use.inverted);
}

/* xtables-addons' geoip says neither here which countries it has. */
static enum truth
match_geoip(const struct step *s, const struct expr *x)
{
	(void)x;
	s->eval->source_unclear |= s->packet->addressed;
	return s->view == VIEW_INSIDE ? TRUTH_YES : TRUTH_MAYBE;
}

static enum truth
match_iprange(const struct step *s, const struct expr *x)
{
	size_t len = s->packet->family == NFPROTO_IPV6 ? 16 : 4;
	struct xt_iprange_mtinfo info;
	bool in, inverted;

	if (!take(&info, sizeof(info), x) || info.flags & IPRANGE_DST ||
	    !(info.flags & IPRANGE_SRC))
		return TRUTH_MAYBE;
	inverted = (info.flags & IPRANGE_SRC_INV) != 0;
	if (!s->packet->addressed)
		return step_by_view(s, inverted);
	in = memcmp(s->packet->source, &info.src_min, len) >= 0 &&
	     memcmp(s->packet->source, &info.src_max, len) <= 0;
	return truth(in != inverted);
}

static enum truth
match_state(const struct xt_conntrack_mtinfo3 *info)
{
	bool in = (info->state_mask & XT_CONNTRACK_STATE_BIT(IP_CT_NEW)) != 0;

	/* raw may have taken it out of tracking. */
	if (!in && info->state_mask & XT_CONNTRACK_STATE_UNTRACKED)
		return TRUTH_MAYBE;
	return truth(in != ((info->invert_flags & XT_CONNTRACK_STATE) != 0));
}

/* The state and the port before a translation; addresses and others may match or not. */
static enum truth
match_conntrack(const struct step *s, const struct expr *x)
{
	const unsigned known = XT_CONNTRACK_STATE | XT_CONNTRACK_ORIGDST_PORT;
	uint16_t port = s->packet->original;
	struct xt_conntrack_mtinfo3 info;
	enum truth t = TRUTH_YES;

	if (x->key != 3 || !take(&info, sizeof(info), x))
		return TRUTH_MAYBE;
	if (info.match_flags & XT_CONNTRACK_ORIGDST_PORT &&
	    (port >= info.origdst_port && port <= info.origdst_port_high) ==
		    ((info.invert_flags & XT_CONNTRACK_ORIGDST_PORT) != 0))
		return TRUTH_NO;
	if (info.match_flags & XT_CONNTRACK_STATE)
		t = match_state(&info);
	return t == TRUTH_YES && info.match_flags & ~known ? TRUTH_MAYBE : t;
}

/* --- what a source did before --- */

/* A list that rules fill with sources: to be in it is to be a source that is looked for. */
static enum truth
match_recent(const struct step *s, const struct expr *x)
{
	struct xt_recent_mtinfo info; /* revision 1 begins with it */

	if (s->packet->addressed || !take(&info, sizeof(info), x))
		return TRUTH_MAYBE;
	if (info.check_set & XT_RECENT_SET)
		return truth(!info.invert);
	return step_by_view(s, info.invert != 0);
}

/* As rate() in eval.c: a single connection is below every limit. */
static enum truth
match_hashlimit(const struct step *s, const struct expr *x)
{
	struct xt_hashlimit_mtinfo1 old;
	struct xt_hashlimit_mtinfo2 newer;
	struct xt_hashlimit_mtinfo3 newest;
	bool over = s->eval->over_limits;

	if (s->packet->addressed)
		return TRUTH_MAYBE;
	if (x->key == 1 && take(&old, sizeof(old), x))
		return truth(((old.cfg.mode & XT_HASHLIMIT_INVERT) == 0) != over);
	if (x->key == 2 && take(&newer, sizeof(newer), x))
		return truth(((newer.cfg.mode & XT_HASHLIMIT_INVERT) == 0) != over);
	if (x->key == 3 && take(&newest, sizeof(newest), x))
		return truth(((newest.cfg.mode & XT_HASHLIMIT_INVERT) == 0) != over);
	return TRUTH_MAYBE;
}

static enum truth
match_connlimit(const struct step *s, const struct expr *x)
{
	struct xt_connlimit_info info;

	if (s->packet->addressed || x->key != 1 ||
	    x->a.len < offsetof(struct xt_connlimit_info, data))
		return TRUTH_MAYBE;
	memcpy(&info, x->a.v, offsetof(struct xt_connlimit_info, data));
	/* It is the first of its source; none is allowed with 0. */
	return truth((info.limit == 0 || s->eval->over_limits) !=
		     ((info.flags & XT_CONNLIMIT_INVERT) != 0));
}

static enum truth
match_mark(const struct step *s, const struct expr *x)
{
	const struct eval *eval = s->eval;
	struct xt_mark_test test;
	bool known;

	if (!xt_mark_test_of(x, &test))
		return TRUTH_MAYBE;
	known = test.ct ? eval->ctmark_known : eval->mark_known;
	if (step_mark_tells(s, test.ct) || (!known && s->packet->addressed))
		return step_by_view(s, test.inverted);
	if (!known)
		return TRUTH_MAYBE;
	return truth((((test.ct ? eval->ctmark : eval->mark) & test.mask) == test.value) !=
		     test.inverted);
}

/* --- ports --- */

/* Both of a source port, which is any, and a destination port. */
static enum truth
match_ports(const struct step *s, const uint16_t from[2], const uint16_t to[2], bool not_from,
	    bool not_to)
{
	uint16_t port = s->packet->port.number;
	bool in = port >= to[0] && port <= to[1];

	if (in == not_to)
		return TRUTH_NO;
	if (from[0] > 0 || from[1] < 65535)
		return TRUTH_MAYBE;
	return truth(!not_from);
}

static enum truth
match_tcp(const struct step *s, const struct expr *x)
{
	struct xt_tcp tcp;
	bool flags;
	enum truth t;

	if (s->packet->port.proto != IPPROTO_TCP)
		return TRUTH_NO;
	if (!take(&tcp, sizeof(tcp), x))
		return TRUTH_MAYBE;
	t = match_ports(s, tcp.spts, tcp.dpts, (tcp.invflags & XT_TCP_INV_SRCPT) != 0,
			(tcp.invflags & XT_TCP_INV_DSTPT) != 0);
	flags = (0x02 & tcp.flg_mask) == tcp.flg_cmp; /* SYN */
	if (flags == ((tcp.invflags & XT_TCP_INV_FLAGS) != 0))
		return TRUTH_NO;
	return tcp.option && t == TRUTH_YES ? TRUTH_MAYBE : t;
}

static enum truth
match_udp(const struct step *s, const struct expr *x)
{
	struct xt_udp udp;

	if (s->packet->port.proto != IPPROTO_UDP)
		return TRUTH_NO;
	if (!take(&udp, sizeof(udp), x))
		return TRUTH_MAYBE;
	return match_ports(s, udp.spts, udp.dpts, (udp.invflags & XT_UDP_INV_SRCPT) != 0,
			   (udp.invflags & XT_UDP_INV_DSTPT) != 0);
}

static enum truth
match_multiport(const struct step *s, const struct expr *x)
{
	uint16_t port = s->packet->port.number;
	struct xt_multiport_v1 info;
	bool in = false;

	if (x->key != 1 || !take(&info, sizeof(info), x) || info.count > XT_MULTI_PORTS)
		return TRUTH_MAYBE;
	for (size_t i = 0; i < info.count && !in; i++) {
		uint16_t last = info.ports[i];

		if (info.pflags[i] && i + 1 < info.count)
			last = info.ports[i + 1];
		in = port >= info.ports[i] && port <= last;
		i += info.pflags[i] ? 1 : 0;
	}
	if (info.flags == XT_MULTIPORT_DESTINATION)
		return truth(in != (info.invert != 0));
	/* The source port may be any: only "either" is decided by the destination's. */
	return info.flags == XT_MULTIPORT_EITHER && in ? truth(!info.invert) : TRUTH_MAYBE;
}

static enum truth
match_always(const struct step *s, const struct expr *x)
{
	(void)s;
	(void)x;
	return TRUTH_YES;
}

static const struct {
	const char *name;
	enum truth (*match)(const struct step *s, const struct expr *x);
} matches[] = {
	{ "comment", match_always },  { "connlimit", match_connlimit },
	{ "connmark", match_mark },   { "conntrack", match_conntrack },
	{ "geoip", match_geoip },     { "hashlimit", match_hashlimit },
	{ "iprange", match_iprange }, { "limit", match_always },
	{ "mark", match_mark },       { "multiport", match_multiport },
	{ "recent", match_recent },   { "set", match_ipset },
	{ "tcp", match_tcp },         { "udp", match_udp },
};

enum truth
step_extension_match(const struct step *s, const struct expr *x)
{
	static const char *const origins[] = { "policy", "mac", "physdev", "devgroup" };

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		s->eval->source_unclear |= s->packet->addressed && strcmp(x->set, origins[i]) == 0;
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		if (strcmp(x->set, matches[i].name) == 0)
			return matches[i].match(s, x);
	}
	return TRUTH_MAYBE;
}

/* --- targets --- */

/*
 * The first port of the range that a destination is translated to; 0: it stays. In IPv4's old
 * layout (revision 0): how many ranges, then flags, two addresses and two ports; in the others
 * flags, two addresses of 16 bytes, and two ports.
 */
uint16_t
eval_xt_port(const struct rule *rule, const struct expr *x)
{
	bool old = x->key == 0 && rule->chain->table->family == NFPROTO_IPV4;
	size_t flags_at = old ? 4 : 0, port_at = old ? 16 : 36;
	uint32_t flags;

	if (x->a.len < port_at + 2)
		return 0;
	memcpy(&flags, x->a.v + flags_at, sizeof(flags));
	if (!(flags & RANGE_HAS_PORTS))
		return 0;
	return (uint16_t)(x->a.v[port_at] << 8 | x->a.v[port_at + 1]);
}

static void
translate(struct step *s, const struct expr *x)
{
	uint16_t port = eval_xt_port(s->rule, x);

	if (port == 0 || port == s->packet->port.number)
		return;
	s->result->translates = true;
	s->result->redirects = strcmp(x->set, "REDIRECT") == 0;
	s->result->to_port = port;
}

static bool
is_one_of(const char *name, const char *const names[])
{
	for (size_t i = 0; names[i]; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void
write_mark(struct step *s, const struct xt_mark_write *w)
{
	const struct eval *eval = s->eval;
	uint32_t old = w->ct ? eval->ctmark : eval->mark, from = w->ct ? eval->mark : eval->ctmark;
	bool old_known = w->ct ? eval->ctmark_known : eval->mark_known;
	bool from_known = w->ct ? eval->mark_known : eval->ctmark_known;

	step_write_mark(s, w->ct, (old & ~w->clear) ^ ((w->copied ? from & w->keep : 0) ^ w->value),
			(old_known || w->clear == UINT32_MAX) && (from_known || !w->copied));
}

enum truth
step_extension_target(struct step *s, const struct expr *x)
{
	static const char *const drops[] = { "REJECT", "DROP", "TARPIT", "DELUDE", "CHAOS", NULL };
	static const char *const nats[] = { "DNAT", "REDIRECT", NULL };
	static const char *const others[] = { "NETMAP", "TPROXY", NULL };
	static const char *const queues[] = { "NFQUEUE", "QUEUE", NULL };
	struct xt_mark_write write;

	if (is_one_of(x->set, drops)) {
		step_end_with(s, NF_DROP, NULL);
	} else if (is_one_of(x->set, nats)) {
		translate(s, x);
		step_end_with(s, NF_ACCEPT, NULL);
	} else if (is_one_of(x->set, others)) {
		s->result->translates = strcmp(x->set, "TPROXY") == 0;
		step_end_with(s, NF_ACCEPT, NULL);
	} else if (is_one_of(x->set, queues)) {
		step_end_with(s, NF_QUEUE, NULL);
	} else if (xt_mark_write_of(x, &write)) {
		write_mark(s, &write);
	}
	return TRUTH_YES;
}
