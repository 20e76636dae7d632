/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "criterion.h"

#include <string.h>

#include "ipset.h"
#include "nf.h"
#include "registers.h"
#include "xt_mark.h"

#include <linux/netfilter/xt_iprange.h>

/* What a 32-bit register holds, and which expressions put it there. */
struct word {
	enum {
		HOLDS_OTHER,
		HOLDS_SOURCE,
		HOLDS_DESTINATION,
		HOLDS_MARK,
		HOLDS_CTMARK,
		HOLDS_PORT,
		HOLDS_LOOKED_UP
	} holds;
	bool neutral; /* a port or a protocol: lost without harm, the prefix compares them too */
	bool from[EXPRS_MAX];
	size_t criterion; /* with HOLDS_LOOKED_UP */
};

struct flow {
	struct word words[REG_WORDS];
	const struct ruleset *rs;
	const struct rule *rule;
	struct criteria *all;
};

static void
define(struct flow *flow, size_t i, uint32_t reg, size_t len, const struct word *value)
{
	size_t at = reg_word(reg), n = reg_words(reg, len);

	for (size_t w = at; w < at + n; w++) {
		flow->words[w] = *value;
		flow->words[w].from[i] = true;
	}
}

static int
payload_holds(const struct flow *flow, const struct expr *x, uint32_t offset)
{
	uint8_t family = flow->rule->chain->table->family;
	bool v6 = family == NFPROTO_IPV6;

	if (x->key == NFT_PAYLOAD_TRANSPORT_HEADER)
		return offset < 4 ? HOLDS_PORT : HOLDS_OTHER;
	if (x->key != NFT_PAYLOAD_NETWORK_HEADER)
		return HOLDS_OTHER;
	/* In inet and netdev: 12..19 are IPv4's addresses, within IPv6's source (8..23); 8 is ttl.
	 */
	if (family != NFPROTO_IPV4)
		v6 |= x->len > 8 || (x->offset == 8 && x->len > 1) || x->offset >= 20;
	if (v6)
		return offset >= 8 && offset < 24    ? HOLDS_SOURCE
		       : offset >= 24 && offset < 40 ? HOLDS_DESTINATION
						     : HOLDS_OTHER;
	return offset >= 12 && offset < 16   ? HOLDS_SOURCE
	       : offset >= 16 && offset < 20 ? HOLDS_DESTINATION
					     : HOLDS_OTHER;
}

/* `ip protocol`, `ip6 nexthdr` */
static bool
is_protocol(const struct flow *flow, const struct expr *x)
{
	uint8_t family = flow->rule->chain->table->family;

	return x->key == NFT_PAYLOAD_NETWORK_HEADER && x->len == 1 &&
	       ((x->offset == 9 && family != NFPROTO_IPV6) ||
		(x->offset == 6 && family != NFPROTO_IPV4));
}

static void
flow_payload(struct flow *flow, size_t i, const struct expr *x)
{
	size_t at = reg_word(x->dreg), n = reg_words(x->dreg, x->len);

	for (size_t w = 0; w < n; w++) {
		struct word value = { 0 };

		value.holds = (unsigned)payload_holds(flow, x, x->offset + (uint32_t)w * 4);
		value.neutral = value.holds == HOLDS_PORT || is_protocol(flow, x);
		value.from[i] = true;
		flow->words[at + w] = value;
	}
}

/* `ct original ip saddr` is the source as well. */
static unsigned
ct_holds(const struct expr *x)
{
	bool address = x->key == NFT_CT_SRC || x->key == NFT_CT_SRC_IP || x->key == NFT_CT_SRC_IP6;

	return address && x->op == 0 ? HOLDS_SOURCE : HOLDS_OTHER;
}

static void
flow_load(struct flow *flow, size_t i, const struct expr *x)
{
	struct word value = { 0 };

	if (x->kind == EXPR_META) {
		value.holds = x->key == NFT_META_MARK ? HOLDS_MARK : HOLDS_OTHER;
		value.neutral = x->key == NFT_META_L4PROTO || x->key == NFT_META_NFPROTO ||
				x->key == NFT_META_PROTOCOL;
	} else {
		value.holds = x->key == NFT_CT_MARK ? HOLDS_CTMARK : ct_holds(x);
		value.neutral = x->key == NFT_CT_PROTO_DST;
	}
	define(flow, i, x->dreg, value.holds == HOLDS_SOURCE && x->key != NFT_CT_SRC_IP ? 16 : 4,
	       &value);
}

/* The mark is written from a register: was that looked up by the source? */
static void
flow_set_mark(struct flow *flow, const struct expr *x, bool ct)
{
	const struct word *word = &flow->words[reg_word(x->sreg)];

	if (ct)
		flow->all->sets_ctmark = true;
	else
		flow->all->sets_mark = true;
	flow->all->copies_mark |= word->holds == (ct ? HOLDS_MARK : HOLDS_CTMARK);
	if (word->holds == HOLDS_LOOKED_UP && ct)
		flow->all->v[word->criterion].to_ctmark = true;
	else if (word->holds == HOLDS_LOOKED_UP)
		flow->all->v[word->criterion].to_mark = true;
}

static bool
criterion_of(const struct word *word, const struct set *set, enum criterion_of *of)
{
	switch (word->holds) {
	case HOLDS_SOURCE:
		*of = OF_SOURCE;
		return true;
	case HOLDS_DESTINATION:
		*of = OF_DESTINATION;
		return true;
	case HOLDS_MARK:
		*of = OF_MARK;
		return true;
	case HOLDS_CTMARK:
		*of = OF_CTMARK;
		return true;
	case HOLDS_PORT:
		*of = OF_OWN_PORT;
		return set && (set->flags & NFT_SET_TIMEOUT) && !(set->flags & NFT_SET_MAP);
	case HOLDS_OTHER:
	case HOLDS_LOOKED_UP:
		break;
	}
	return false;
}

/* The most telling word of those that the expression reads: an address, then a mark, then a port.
 */
static bool
read_words(const struct flow *flow, const struct expr *x, size_t n, const struct set *set,
	   struct criterion *c)
{
	size_t at = reg_word(x->sreg);
	bool found = false;

	for (size_t w = at; w < at + n && w < REG_WORDS; w++) {
		enum criterion_of of;

		if (!criterion_of(&flow->words[w], set, &of))
			continue;
		if (!found || of < c->of)
			c->of = of;
		found = true;
	}
	for (size_t w = at; found && w < at + n && w < REG_WORDS; w++) {
		enum criterion_of of;
		bool same = criterion_of(&flow->words[w], set, &of) && of == c->of;

		if (!same && !flow->words[w].neutral)
			c->mixed = true;
		for (size_t i = 0; i < EXPRS_MAX; i++)
			c->uses[i] |= flow->words[w].from[i];
	}
	return found;
}

static struct criterion *
add_criterion(struct flow *flow, size_t i, const struct criterion *c)
{
	struct criterion *added;

	if (flow->all->n == CRITERIA_MAX)
		return NULL;
	added = &flow->all->v[flow->all->n++];
	*added = *c;
	added->uses[i] = true;
	return added;
}

static void
flow_lookup(struct flow *flow, size_t i, const struct expr *x)
{
	struct set *set = x->set ? ruleset_set(flow->rs, flow->rule->chain->table, x->set) : NULL;
	struct criterion c = { .set = set, .inverted = (x->flags & NFT_LOOKUP_F_INV) != 0 };
	size_t n = set ? reg_words(x->sreg, set->key_len) : 1;
	struct word value = { 0 };

	if (!read_words(flow, x, n, set, &c))
		goto define;
	c.decides = x->dreg == NFT_REG_VERDICT;
	if (c.of == OF_OWN_PORT)
		c.kind = SOURCE_OWN_SET;
	else if (set && (set->flags & NFT_SET_ANONYMOUS))
		c.kind = SOURCE_ANONYMOUS;
	else
		c.kind = x->dreg == EXPR_NO_REG ? SOURCE_SET : SOURCE_MAP;
	if (add_criterion(flow, i, &c)) {
		value.holds = HOLDS_LOOKED_UP;
		value.criterion = flow->all->n - 1;
	}
define:
	if (x->dreg != EXPR_NO_REG && x->dreg != NFT_REG_VERDICT)
		define(flow, i, x->dreg, 16, &value);
}

/* `ip saddr 192.0.2.1-192.0.2.9` is two comparisons of what was loaded once. */
static bool
ends_range(struct flow *flow, size_t i, const struct criterion *c)
{
	struct criterion *last = flow->all->n > 0 ? &flow->all->v[flow->all->n - 1] : NULL;

	if (!last || i == 0 || !last->uses[i - 1] || last->of != c->of ||
	    !expr_is_ordered(&flow->rule->v[i - 1]) || !expr_is_ordered(&flow->rule->v[i]) ||
	    flow->rule->v[i - 1].sreg != flow->rule->v[i].sreg)
		return false;
	last->uses[i] = true;
	return true;
}

static void
flow_compare(struct flow *flow, size_t i, const struct expr *x)
{
	struct criterion c = { .kind = SOURCE_LITERAL };

	c.inverted = x->op != NFT_CMP_EQ; /* NFT_RANGE_EQ is 0 as well */
	if (expr_is_ordered(x))
		c.inverted = false;
	if (read_words(flow, x, reg_words(x->sreg, x->a.len), NULL, &c) && c.of != OF_OWN_PORT &&
	    !ends_range(flow, i, &c))
		add_criterion(flow, i, &c);
}

/* `add @set { ip saddr }` */
static void
flow_update(struct flow *flow, const struct expr *x)
{
	if (x->set && flow->words[reg_word(x->sreg)].holds == HOLDS_SOURCE)
		flow->all->fills = ruleset_set(flow->rs, flow->rule->chain->table, x->set);
}

/* dreg = f(sreg): the words keep what they hold. */
static void
flow_through(struct flow *flow, size_t i, const struct expr *x)
{
	size_t n = reg_words(x->sreg, x->len), to = reg_word(x->dreg), from = reg_word(x->sreg);
	struct word copy[REG_WORDS];

	memcpy(copy, flow->words, sizeof(copy));
	for (size_t w = 0; w < n && to + w < REG_WORDS; w++) {
		flow->words[to + w] = copy[from + w];
		flow->words[to + w].from[i] = true;
	}
}

static void
flow_step(struct flow *flow, size_t i, const struct expr *x)
{
	static const struct word unknown;

	if (x->kind == EXPR_PAYLOAD && x->dreg != EXPR_NO_REG)
		flow_payload(flow, i, x);
	else if ((x->kind == EXPR_META || x->kind == EXPR_CT) && x->dreg != EXPR_NO_REG)
		flow_load(flow, i, x);
	else if (x->kind == EXPR_META && x->key == NFT_META_MARK && x->sreg != EXPR_NO_REG)
		flow_set_mark(flow, x, false);
	else if (x->kind == EXPR_CT && x->key == NFT_CT_MARK && x->sreg != EXPR_NO_REG)
		flow_set_mark(flow, x, true);
	else if (x->kind == EXPR_DYNSET && x->sreg != EXPR_NO_REG)
		flow_update(flow, x);
	else if (x->kind == EXPR_LOOKUP && x->sreg != EXPR_NO_REG)
		flow_lookup(flow, i, x);
	else if ((x->kind == EXPR_CMP || x->kind == EXPR_RANGE) && x->sreg != EXPR_NO_REG)
		flow_compare(flow, i, x);
	else if ((x->kind == EXPR_BITWISE || x->kind == EXPR_BYTEORDER) && x->sreg != EXPR_NO_REG &&
		 x->dreg != EXPR_NO_REG)
		flow_through(flow, i, x);
	else if (x->kind == EXPR_OTHER) /* it may have written any register */
		memset(flow->words, 0, sizeof(flow->words));
	else if (x->dreg != EXPR_NO_REG && x->dreg != NFT_REG_VERDICT)
		define(flow, i, x->dreg, 16, &unknown);
}

const char *
criterion_name(const struct criterion *c)
{
	if (c->set)
		return c->set->flags & NFT_SET_ANONYMOUS ? NULL : c->set->name;
	return c->ipset;
}

bool
criterion_is_exception(const struct criteria *all, const struct criterion *c)
{
	for (size_t i = 0; c->inverted && i < all->n; i++) {
		if (all->v[i].of == OF_SOURCE && !all->v[i].inverted)
			return true;
	}
	return false;
}

/* xtables-addons' geoip: struct xt_geoip_match_info begins with its flags. */
static bool
read_geoip(const struct expr *x, struct criterion *c)
{
	enum {
		GEOIP_DST = 1 << 1,
		GEOIP_INV = 1 << 2
	};
	uint8_t flags = x->a.len > 0 ? x->a.v[0] : 0;

	c->kind = SOURCE_FOREIGN;
	c->of = flags & GEOIP_DST ? OF_DESTINATION : OF_SOURCE;
	c->inverted = (flags & GEOIP_INV) != 0;
	return true;
}

static bool
read_ipset(const struct expr *x, struct criterion *c)
{
	struct ipset_use use;

	if (!ipset_use_of(x, &use))
		return false;
	c->kind = x->ipset ? SOURCE_SET : SOURCE_FOREIGN;
	c->ipset = x->ipset;
	c->of = use.source ? OF_SOURCE : OF_DESTINATION;
	c->inverted = use.inverted;
	c->mixed = use.dimensions > 1;
	return true;
}

/* A range of addresses; where both are tested, the source's. */
static bool
read_iprange(const struct expr *x, struct criterion *c)
{
	struct xt_iprange_mtinfo info;

	if (x->a.len < sizeof(info))
		return false;
	memcpy(&info, x->a.v, sizeof(info));
	c->kind = SOURCE_LITERAL;
	c->of = info.flags & IPRANGE_SRC ? OF_SOURCE : OF_DESTINATION;
	c->inverted =
		(info.flags & (info.flags & IPRANGE_SRC ? IPRANGE_SRC_INV : IPRANGE_DST_INV)) != 0;
	return true;
}

static bool
read_mark(const struct expr *x, struct criterion *c)
{
	struct xt_mark_test test;

	if (!xt_mark_test_of(x, &test))
		return false;
	c->kind = SOURCE_LITERAL;
	c->of = test.ct ? OF_CTMARK : OF_MARK;
	c->inverted = test.inverted;
	return true;
}

/* What iptables' extensions write. */
static void
take_target(struct criteria *all, const struct expr *x)
{
	struct xt_mark_write write;
	struct ipset_use use;

	if (ipset_filled_by(x, &use) && use.source)
		all->fills_ipset = x->ipset;
	if (!xt_mark_write_of(x, &write))
		return;
	all->copies_mark |= write.copied;
	all->sets_mark |= !write.ct;
	all->sets_ctmark |= write.ct;
}

/* What iptables' extensions look up. */
static void
take_extension(struct criteria *all, size_t i, const struct expr *x)
{
	struct criterion c = { .of = OF_SOURCE, .kind = SOURCE_FOREIGN };

	if (x->kind != EXPR_MATCH || all->n == CRITERIA_MAX)
		return;
	if (!(strcmp(x->set, "set") == 0 && read_ipset(x, &c)) &&
	    !(strcmp(x->set, "iprange") == 0 && read_iprange(x, &c)) &&
	    !(strcmp(x->set, "geoip") == 0 && read_geoip(x, &c)) && !read_mark(x, &c))
		return;
	c.uses[i] = true;
	all->v[all->n++] = c;
}

void
criteria_find(struct criteria *all, const struct ruleset *rs, const struct rule *rule)
{
	struct flow flow = { .rs = rs, .rule = rule, .all = all };

	all->n = 0;
	all->sets_mark = all->sets_ctmark = all->copies_mark = false;
	all->fills = NULL;
	all->fills_ipset = NULL;
	if (rule->ours)
		return;
	for (size_t i = rule->core; i < rule->n; i++) {
		take_extension(all, i, &rule->v[i]);
		take_target(all, &rule->v[i]);
		flow_step(&flow, i, &rule->v[i]);
	}
}
