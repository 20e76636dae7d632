/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Extensions of iptables: those whose meaning decides which way a CA's packets go. */
#include <string.h>

#include "eval_step.h"
#include "expr.h"
#include "ipset.h"
#include "nf.h"

#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
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
match_geoip(const struct step *s)
{
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

/* The state alone; addresses, ports and others may match or not. */
static enum truth
match_conntrack(const struct expr *x)
{
	struct xt_conntrack_mtinfo3 info;
	bool in;

	if (x->key != 3 || !take(&info, sizeof(info), x) || info.match_flags != XT_CONNTRACK_STATE)
		return TRUTH_MAYBE;
	in = (info.state_mask & XT_CONNTRACK_STATE_BIT(IP_CT_NEW)) != 0;
	/* raw may have taken it out of tracking. */
	if (!in && info.state_mask & XT_CONNTRACK_STATE_UNTRACKED)
		return TRUTH_MAYBE;
	return truth(in != ((info.invert_flags & XT_CONNTRACK_STATE) != 0));
}

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

enum truth
step_extension_match(const struct step *s, const struct expr *x)
{
	static const char *const origins[] = { "policy", "mac", "physdev", "devgroup" };

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		s->eval->source_unclear |= s->packet->addressed && strcmp(x->set, origins[i]) == 0;
	if (strcmp(x->set, "set") == 0)
		return match_ipset(s, x);
	if (strcmp(x->set, "geoip") == 0)
		return match_geoip(s);
	if (strcmp(x->set, "iprange") == 0)
		return match_iprange(s, x);
	if (strcmp(x->set, "conntrack") == 0)
		return match_conntrack(x);
	if (strcmp(x->set, "tcp") == 0)
		return match_tcp(s, x);
	if (strcmp(x->set, "udp") == 0)
		return match_udp(s, x);
	if (strcmp(x->set, "multiport") == 0)
		return match_multiport(s, x);
	return strcmp(x->set, "comment") == 0 ? TRUTH_YES : TRUTH_MAYBE;
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

enum truth
step_extension_target(struct step *s, const struct expr *x)
{
	static const char *const drops[] = { "REJECT", "DROP", "TARPIT", "DELUDE", "CHAOS", NULL };
	static const char *const nats[] = { "DNAT", "REDIRECT", NULL };
	static const char *const others[] = { "NETMAP", "TPROXY", NULL };

	if (is_one_of(x->set, drops)) {
		step_end_with(s, NF_DROP, NULL);
	} else if (is_one_of(x->set, nats)) {
		translate(s, x);
		step_end_with(s, NF_ACCEPT, NULL);
	} else if (is_one_of(x->set, others)) {
		s->result->translates = strcmp(x->set, "TPROXY") == 0;
		step_end_with(s, NF_ACCEPT, NULL);
	}
	return TRUTH_YES;
}
