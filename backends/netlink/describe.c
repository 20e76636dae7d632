/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "describe.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "expr.h"
#include "ipset.h"
#include "nf.h"
#include "reach.h"
#include "registers.h"

struct text {
	char *buf;
	size_t size, len;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	if (t->len + 1 >= t->size)
		return;
	if (t->len > 0)
		t->buf[t->len++] = ' ';
	va_start(args, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n < t->size - t->len ? (size_t)n : t->size - t->len - 1;
}

/* What the registers were loaded from, by name. */
struct names_of {
	char word[REG_WORDS][32];
};

static const char *
meta_name(uint32_t key)
{
	switch (key) {
	case NFT_META_L4PROTO:
		return "meta l4proto";
	case NFT_META_NFPROTO:
		return "meta nfproto";
	case NFT_META_MARK:
		return "meta mark";
	case NFT_META_IIFNAME:
		return "iifname";
	case NFT_META_OIFNAME:
		return "oifname";
	case NFT_META_IIF:
		return "iif";
	case NFT_META_OIF:
		return "oif";
	case NFT_META_PROTOCOL:
		return "meta protocol";
	default:
		return "meta";
	}
}

static const char *
ct_name(uint32_t key)
{
	switch (key) {
	case NFT_CT_STATE:
		return "ct state";
	case NFT_CT_MARK:
		return "ct mark";
	case NFT_CT_STATUS:
		return "ct status";
	case NFT_CT_PROTO_DST:
		return "ct original proto-dst";
	default:
		return "ct";
	}
}

static const char *
payload_name(const struct expr *x)
{
	if (x->key == NFT_PAYLOAD_TRANSPORT_HEADER)
		return x->offset == 0 ? "th sport" : x->offset == 2 ? "th dport" : "th";
	if (x->key != NFT_PAYLOAD_NETWORK_HEADER)
		return "payload";
	switch (x->offset) {
	case 8:
		return x->len > 1 ? "ip6 saddr" : "ip ttl";
	case 12:
		return "ip saddr";
	case 16:
		return "ip daddr";
	case 24:
		return "ip6 daddr";
	case 9:
		return "ip protocol";
	case 6:
		return "ip6 nexthdr";
	default:
		return "payload";
	}
}

static void
set_name(struct names_of *names, uint32_t reg, const char *name)
{
	snprintf(names->word[reg_word(reg)], sizeof(names->word[0]), "%s", name);
}

static const char *
get_name(const struct names_of *names, uint32_t reg)
{
	const char *name = names->word[reg_word(reg)];

	return *name ? name : "...";
}

static const char *
value_text(char *buf, size_t size, const char *name, const struct expr_data *d)
{
	char escaped[NAME_BUF], copy[NAME_BUF] = "";
	uint8_t address[16] = { 0 };
	uint32_t number = 0;

	memcpy(address, d->v, d->len < 16 ? d->len : 16);
	if (strcmp(name, "ip saddr") == 0 || strcmp(name, "ip daddr") == 0) {
		inet_ntop(AF_INET, address, buf, (socklen_t)size);
	} else if (strcmp(name, "ip6 saddr") == 0 || strcmp(name, "ip6 daddr") == 0) {
		inet_ntop(AF_INET6, address, buf, (socklen_t)size);
	} else if (strcmp(name, "iifname") == 0 || strcmp(name, "oifname") == 0) {
		memcpy(copy, d->v, d->len < sizeof(copy) ? d->len : sizeof(copy) - 1);
		snprintf(buf, size, "%s", err_name(escaped, copy));
	} else if (strncmp(name, "th ", 3) == 0 && d->len == 2) {
		snprintf(buf, size, "%u", (unsigned)(d->v[0] << 8 | d->v[1]));
	} else if (d->len == 1) {
		snprintf(buf, size, "%u", d->v[0]);
	} else {
		memcpy(&number, d->v, d->len < 4 ? d->len : 4);
		snprintf(buf, size, "0x%x", number);
	}
	return buf;
}

static void
describe_compare(struct text *t, const struct names_of *names, const struct expr *x)
{
	static const char *const ops[] = { "", "!= ", "< ", "<= ", "> ", ">= " };
	const char *name = get_name(names, x->sreg);
	char a[NAME_BUF + 4], b[NAME_BUF + 4];

	if (!x->a.v)
		return;
	value_text(a, sizeof(a), name, &x->a);
	if (x->kind == EXPR_CMP)
		add(t, "%s %s%s", name, x->op < 6 ? ops[x->op] : "", a);
	else if (x->b.v)
		add(t, "%s %s%s-%s", name, x->op ? "!= " : "", a,
		    value_text(b, sizeof(b), name, &x->b));
}

static void
describe_lookup(struct text *t, struct names_of *names, const struct ruleset *rs,
		const struct rule *rule, const struct expr *x)
{
	const struct set *set = x->set ? ruleset_set(rs, rule->chain->table, x->set) : NULL;
	const char *how = x->dreg == EXPR_NO_REG       ? ""
			  : x->dreg == NFT_REG_VERDICT ? "vmap "
						       : "map ";
	char name[NAME_BUF];

	if (x->flags & NFT_LOOKUP_F_INV)
		how = "!= ";
	if (set && set->flags & NFT_SET_ANONYMOUS)
		add(t, "%s %s{ ... }", get_name(names, x->sreg), how);
	else
		add(t, "%s %s@%s", get_name(names, x->sreg), how, err_name(name, x->set));
	if (x->dreg != EXPR_NO_REG && x->dreg != NFT_REG_VERDICT)
		set_name(names, x->dreg, "the value");
}

static void
describe_verdict(struct text *t, const struct expr *x)
{
	char name[NAME_BUF];

	if (!x->is_verdict)
		return;
	switch ((int32_t)x->verdict) {
	case NF_ACCEPT:
		add(t, "accept");
		break;
	case NF_DROP:
		add(t, "drop");
		break;
	case NFT_RETURN:
		add(t, "return");
		break;
	case NFT_JUMP:
		add(t, "jump %s", err_name(name, x->chain));
		break;
	case NFT_GOTO:
		add(t, "goto %s", err_name(name, x->chain));
		break;
	default:
		break;
	}
}

static void
describe_load(struct text *t, struct names_of *names, const struct expr *x)
{
	const char *name = x->kind == EXPR_META ? meta_name(x->key)
			   : x->kind == EXPR_CT ? ct_name(x->key)
						: payload_name(x);

	if (x->dreg != EXPR_NO_REG)
		set_name(names, x->dreg, name);
	else
		add(t, "%s set", name);
}

static void
describe_ipset(struct text *t, const struct expr *x)
{
	struct ipset_use use;
	char name[NAME_BUF];

	if (ipset_use_of(x, &use))
		add(t, "%smatch-set %s %s", use.inverted ? "! " : "", err_name(name, x->ipset),
		    use.source ? "src" : "dst");
}

static void
describe_expr(struct text *t, struct names_of *names, const struct ruleset *rs,
	      const struct rule *rule, const struct expr *x)
{
	char name[NAME_BUF];

	if (x->kind == EXPR_META || x->kind == EXPR_CT || x->kind == EXPR_PAYLOAD)
		describe_load(t, names, x);
	else if (x->kind == EXPR_CMP || x->kind == EXPR_RANGE)
		describe_compare(t, names, x);
	else if (x->kind == EXPR_LOOKUP)
		describe_lookup(t, names, rs, rule, x);
	else if (x->kind == EXPR_IMMEDIATE)
		describe_verdict(t, x);
	else if (x->kind == EXPR_MATCH && x->ipset)
		describe_ipset(t, x);
	else if (x->kind == EXPR_MATCH || x->kind == EXPR_TARGET)
		add(t, "xt %s %s", x->name, err_name(name, x->set));
	else if (x->kind == EXPR_OTHER || x->kind == EXPR_REJECT || x->kind == EXPR_LIMIT ||
		 x->kind == EXPR_STOLEN || x->kind == EXPR_NAT || x->kind == EXPR_DYNSET)
		add(t, "%s", err_name(name, x->name));
	else if (x->dreg != EXPR_NO_REG && x->kind != EXPR_BITWISE && x->kind != EXPR_BYTEORDER)
		set_name(names, x->dreg, x->name);
}

const char *
describe_rule(char *buf, size_t size, const struct ruleset *rs, const struct rule *rule)
{
	struct names_of names = { 0 };
	struct text t = { .buf = buf, .size = size };
	char comment[NAME_BUF];

	buf[0] = '\0';
	for (size_t i = rule->core; i < rule->n; i++)
		describe_expr(&t, &names, rs, rule, &rule->v[i]);
	if (rule->comment)
		add(&t, "comment \"%s\"", err_name(comment, rule->comment));
	return buf;
}

const char *
describe_hooks(char *buf, size_t size, const struct ruleset *rs, const struct rule *rule)
{
	struct text t = { .buf = buf, .size = size };
	char device[NAME_BUF];

	buf[0] = '\0';
	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *base = rs->chains[i];

		if (!base->base || !base->table->loaded || !(rule->bases & base_bit(i)))
			continue;
		if (base->devices.n > 0)
			add(&t, "%s %s", hook_name(base), err_name(device, base->devices.v[0]));
		else
			add(&t, "%s", hook_name(base));
	}
	return buf;
}
