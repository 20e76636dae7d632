/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests_of.h"

#include <string.h>

#include "nf.h"

#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>

static bool
is_load(const struct expr *x)
{
	return (x->kind == EXPR_META || x->kind == EXPR_PAYLOAD || x->kind == EXPR_CT ||
		x->kind == EXPR_FIB) &&
	       x->dreg != EXPR_NO_REG;
}

static bool
loads_port_or_protocol(const struct rule *rule, const struct expr *x)
{
	uint32_t at = rule->chain->table->family == NFPROTO_IPV6 ? 6 : 9;

	if (x->kind == EXPR_META)
		return x->key == NFT_META_L4PROTO || x->key == NFT_META_NFPROTO ||
		       x->key == NFT_META_PROTOCOL;
	if (x->kind != EXPR_PAYLOAD)
		return false;
	if (x->key == NFT_PAYLOAD_TRANSPORT_HEADER)
		return x->offset == 2 && x->len == 2;
	return x->key == NFT_PAYLOAD_NETWORK_HEADER && x->offset == at && x->len == 1;
}

/* -m tcp --dport 80, and no flags, options or source ports. */
static bool
asks_for_tcp_port(const struct expr *x)
{
	struct xt_tcp tcp;

	if (x->a.len < sizeof(tcp))
		return false;
	memcpy(&tcp, x->a.v, sizeof(tcp));
	return tcp.spts[0] == 0 && tcp.spts[1] == 65535 && tcp.option == 0 && tcp.flg_mask == 0 &&
	       (tcp.invflags & ~XT_TCP_INV_DSTPT) == 0;
}

static bool
asks_for_udp_port(const struct expr *x)
{
	struct xt_udp udp;

	if (x->a.len < sizeof(udp))
		return false;
	memcpy(&udp, x->a.v, sizeof(udp));
	return udp.spts[0] == 0 && udp.spts[1] == 65535 && (udp.invflags & ~XT_UDP_INV_DSTPT) == 0;
}

static bool
is_port_match(const struct expr *x)
{
	if (x->kind != EXPR_MATCH)
		return false;
	if (strcmp(x->set, "tcp") == 0)
		return asks_for_tcp_port(x);
	if (strcmp(x->set, "udp") == 0)
		return asks_for_udp_port(x);
	return strcmp(x->set, "multiport") == 0 && x->a.len > 0 &&
	       x->a.v[0] == XT_MULTIPORT_DESTINATION;
}

static bool
is_comparison(const struct expr *x)
{
	return x->kind == EXPR_CMP || x->kind == EXPR_RANGE ||
	       (x->kind == EXPR_LOOKUP && x->dreg == EXPR_NO_REG);
}

/* How many expressions from the loads of the test's registers up to the test; 0: not seen. */
static size_t
span(const struct rule *rule, size_t i)
{
	size_t n = 1;

	while (i >= rule->core + n && !is_load(&rule->v[i - n]))
		n++;
	if (i < rule->core + n)
		return 0;
	while (i >= rule->core + n && is_load(&rule->v[i - n]))
		n++;
	return n;
}

static bool
is_port_test(const struct rule *rule, size_t i)
{
	if (is_port_match(&rule->v[i]))
		return true;
	/* One load and one comparison; a concatenation has more. */
	return is_comparison(&rule->v[i]) && span(rule, i) == 2 &&
	       loads_port_or_protocol(rule, &rule->v[i - 1]);
}

static bool
same(const struct expr *a, const struct expr *b)
{
	return a->attr->nla_len == b->attr->nla_len &&
	       memcmp(a->attr, b->attr, a->attr->nla_len) == 0;
}

/* Is the test, with all that loads and changes its register, in the other rule as well? */
static bool
is_asked_too(const struct rule *rule, size_t i, const struct rule *other)
{
	size_t n = is_comparison(&rule->v[i]) ? span(rule, i) : 1;

	for (size_t k = other ? other->core : 0; other && n > 0 && k + n <= other->n; k++) {
		size_t m = 0;

		while (m < n && same(&rule->v[i + 1 - n + m], &other->v[k + m]))
			m++;
		if (m == n)
			return true;
	}
	return false;
}

/* Neither a test nor anything that has an effect. */
static bool
asks_nothing(const struct expr *x)
{
	return x->kind == EXPR_NEUTRAL || is_load(x) || expr_is_comment(x) ||
	       x->kind == EXPR_BITWISE || x->kind == EXPR_BYTEORDER;
}

static bool
just_decides(const struct expr *x)
{
	return x->kind == EXPR_REJECT || x->is_verdict ||
	       (x->kind == EXPR_TARGET && strcmp(x->set, "REJECT") == 0);
}

bool
tests_no_more(const struct rule *rule, const bool without[], const struct rule *other)
{
	for (size_t i = rule->core; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		if ((without && without[i]) || asks_nothing(x) || just_decides(x) ||
		    is_port_test(rule, i) || is_asked_too(rule, i, other))
			continue;
		return false;
	}
	return true;
}
