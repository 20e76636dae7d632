/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mark.h"

#include <libnftnl/expr.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "expr.h"
#include "nf.h"

void
mark_set_name(char buf[MARK_SET_BUF], const char *txn, struct mark_port port)
{
	if (port.only)
		snprintf(buf, MARK_SET_BUF, "%s%s%s%x", MARK_SET_PREFIX, txn, MARK_SET_ONLY,
			 (unsigned)port.only);
	else
		snprintf(buf, MARK_SET_BUF, "%s%s%s", MARK_SET_PREFIX, txn,
			 port.compares == MARK_PORT_TRANSLATED ? MARK_SET_DNAT : "");
}

void
mark_comment(char buf[MARK_COMMENT_BUF], const char *txn)
{
	snprintf(buf, MARK_COMMENT_BUF, "%s%s", MARK_COMMENT_PREFIX, txn);
}

#define HEX_DIGITS "0123456789abcdef"

/* What follows the transaction; NULL: the text is no mark of ours. */
static const char *
behind_txn(const char *text, const char *prefix, char txn[TXN_BUF])
{
	size_t len = strlen(prefix);

	if (strncmp(text, prefix, len) != 0 || strspn(text + len, HEX_DIGITS) != TXN_LEN)
		return NULL;
	if (txn) {
		memcpy(txn, text + len, TXN_LEN);
		txn[TXN_LEN] = '\0';
	}
	return text + len + TXN_LEN;
}

static bool
is_only(const char *suffix)
{
	size_t len = strlen(MARK_SET_ONLY), digits;

	if (strncmp(suffix, MARK_SET_ONLY, len) != 0)
		return false;
	digits = strspn(suffix + len, HEX_DIGITS);
	return digits > 0 && digits <= 8 && suffix[len + digits] == '\0';
}

bool
mark_is_set_name(const char *name, char txn[TXN_BUF])
{
	const char *suffix = behind_txn(name, MARK_SET_PREFIX, txn);

	return suffix && (*suffix == '\0' || strcmp(suffix, MARK_SET_DNAT) == 0 || is_only(suffix));
}

bool
mark_is_set(const struct set *set, char txn[TXN_BUF])
{
	return set->key_len == MARK_SET_KEY_LEN && (set->flags & NFT_SET_TIMEOUT) &&
	       mark_is_set_name(set->name, txn);
}

bool
mark_is_comment(const char *comment, char txn[TXN_BUF])
{
	const char *suffix = behind_txn(comment, MARK_COMMENT_PREFIX, txn);

	return suffix && *suffix == '\0';
}

static bool
loads_port(const struct expr *x)
{
	if (x->kind == EXPR_PAYLOAD)
		return x->key == NFT_PAYLOAD_TRANSPORT_HEADER && x->offset == 2 && x->len == 2;
	return x->kind == EXPR_CT && x->key == NFT_CT_PROTO_DST;
}

bool
mark_at(const struct rule *rule, size_t i, bool *inverted, char txn[TXN_BUF])
{
	const struct expr *x = rule->v + i;

	if (i + MARK_EXPRS > rule->n)
		return false;
	if (x[0].kind != EXPR_META || x[0].key != NFT_META_L4PROTO || !loads_port(&x[1]) ||
	    x[2].kind != EXPR_LOOKUP || !x[2].set || x[2].sreg != x[0].dreg)
		return false;
	*inverted = (x[2].flags & NFT_LOOKUP_F_INV) != 0;
	return mark_is_set_name(x[2].set, txn);
}

bool
mark_was_saved(const struct rule *rule, char txn[TXN_BUF])
{
	bool found = false;

	if (!rule->comment || !mark_is_comment(rule->comment, txn))
		return false;
	for (size_t i = 0; i < rule->n; i++)
		found |=
			rule->v[i].kind == EXPR_MATCH && (strcmp(rule->v[i].set, "time") == 0 ||
							  strcmp(rule->v[i].set, "conntrack") == 0);
	return found;
}

size_t
mark_count(const struct rule *rule, const char *txn)
{
	size_t n = 0;
	bool inverted = true;
	char found[TXN_BUF];

	for (size_t i = 0; inverted && mark_at(rule, i, &inverted, found); i += MARK_EXPRS)
		n += strcmp(found, txn) == 0;
	return n;
}

bool
mark_has(const struct rule *rule, const char *txn)
{
	return mark_count(rule, txn) > 0;
}

void
mark_find(struct rule *rule)
{
	bool inverted, found;

	rule->core = 0;
	while ((found = mark_at(rule, rule->core, &inverted, NULL)) && inverted)
		rule->core += MARK_EXPRS;
	rule->ours = (found && !inverted) || mark_was_saved(rule, NULL);
}

bool
mark_put_expr_take(struct nlmsghdr *nlh, struct nftnl_expr *x)
{
	struct nlattr *nest;

	if (!x)
		return false;
	nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	nftnl_expr_build_payload(nlh, x);
	mnl_attr_nest_end(nlh, nest);
	nftnl_expr_free(x);
	return true;
}

static struct nftnl_expr *
load_proto(void)
{
	struct nftnl_expr *x = nftnl_expr_alloc("meta");

	if (x) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, NFT_META_L4PROTO);
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, NFT_REG32_00);
	}
	return x;
}

static struct nftnl_expr *
load_packet_port(void)
{
	struct nftnl_expr *x = nftnl_expr_alloc("payload");

	if (x) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, 2);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, 2);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG32_01);
	}
	return x;
}

static struct nftnl_expr *
load_original_port(void)
{
	struct nftnl_expr *x = nftnl_expr_alloc("ct");

	if (x) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, NFT_CT_PROTO_DST);
		nftnl_expr_set_u8(x, NFTNL_EXPR_CT_DIR, 0); /* IP_CT_DIR_ORIGINAL */
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, NFT_REG32_01);
	}
	return x;
}

static struct nftnl_expr *
lookup(const char *txn, struct mark_port port, bool inverted)
{
	struct nftnl_expr *x = nftnl_expr_alloc("lookup");
	char name[MARK_SET_BUF];

	mark_set_name(name, txn, port);
	if (x) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
		nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, name);
		if (inverted)
			nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	}
	return x;
}

bool
mark_put_prefix(struct nlmsghdr *nlh, const char *txn, struct mark_port port, bool inverted)
{
	return mark_put_expr_take(nlh, load_proto()) &&
	       mark_put_expr_take(nlh, port.compares == MARK_PORT_ORIGINAL ? load_original_port()
									   : load_packet_port()) &&
	       mark_put_expr_take(nlh, lookup(txn, port, inverted));
}

const char *
mark_text(char *buf, size_t size, const char *txn, struct mark_port port, bool inverted)
{
	char name[MARK_SET_BUF];

	mark_set_name(name, txn, port);
	snprintf(buf, size, "meta l4proto . %s %s@%s",
		 port.compares == MARK_PORT_ORIGINAL ? "ct original proto-dst" : "th dport",
		 inverted ? "!= " : "", name);
	return buf;
}
