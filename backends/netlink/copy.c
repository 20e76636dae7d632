/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copy.h"

#include <string.h>

#include "attr.h"
#include "expr.h"
#include "nf.h"

/* The anonymous set that the expression is bound to, or NULL. */
static struct set *
anonymous_set(const struct ruleset *rs, const struct rule *rule, const struct expr *x)
{
	struct set *set;

	if ((x->kind != EXPR_LOOKUP && x->kind != EXPR_OBJREF && x->kind != EXPR_DYNSET) || !x->set)
		return NULL;
	set = ruleset_set(rs, rule->chain->table, x->set);
	return set && (set->flags & NFT_SET_ANONYMOUS) ? set : NULL;
}

int
copy_prepare(struct nl *nl, const struct ruleset *rs, const struct rule *rule, struct err *e)
{
	for (size_t i = 0; i < rule->n; i++) {
		struct set *set = anonymous_set(rs, rule, &rule->v[i]);

		if (set && ruleset_elements(nl, set, e) < 0)
			return -1;
	}
	return 0;
}

const char *
copy_refusal(const struct rule *rule)
{
	const struct chain *chain = rule->chain;

	if (chain->flags & NFT_CHAIN_BINDING)
		return "the rule stands in an anonymous chain (jump { ... }), and the kernel does "
		       "not "
		       "let such a chain be changed: give the chain a name (chain geo { ... } and "
		       "`jump geo`)";
	if (chain->table->flags & NFT_TABLE_F_OWNER)
		return "the table has `flags owner`: only the program that made it may change "
		       "it; " OWNER_ADVICE;
	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		if (x->kind == EXPR_MATCH && strcmp(x->set, "geoip") == 0)
			return "the rule uses the xtables geoip extension, which holds kernel "
			       "pointers and cannot be copied: use an ipset or an nftables set "
			       "instead, or load the rules with iptables-legacy, where it can be "
			       "lifted";
	}
	return NULL;
}

/* --- anonymous sets --- */

/* NFTA_SET_TYPE and _COUNT of Linux 6.16, refused when they come back. */
#define SET_TYPE (NFTA_SET_EXPRESSIONS + 1)
#define SET_COUNT (NFTA_SET_EXPRESSIONS + 2)

/* The kernel puts a number for %d; the names are those that nft gives. */
static const char *
name_template(const struct set *set)
{
	if (set->flags & NFT_SET_OBJECT)
		return "__objmap%d";
	return set->flags & NFT_SET_MAP ? "__map%d" : "__set%d";
}

static void
put_set_definition(struct batch *batch, const struct set *set, uint32_t id, const char *what)
{
	struct nlmsghdr *nlh =
		batch_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE, set->table->family, what);
	const struct nlattr *attr;

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, set->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, name_template(set));
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(id));
	attr_each(attr, set->msg, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(attr)) {
		case NFTA_SET_TABLE:
		case NFTA_SET_NAME:
		case NFTA_SET_HANDLE:
		case NFTA_SET_ID:
		case SET_TYPE: /* only for reading: which kind of set the kernel chose */
		case SET_COUNT:
			break;
		default:
			mnl_attr_put(nlh, attr->nla_type, mnl_attr_get_payload_len(attr),
				     mnl_attr_get_payload(attr));
		}
	}
}

static void
put_set_elements(struct batch *batch, const struct set *set, uint32_t id, const char *what)
{
	for (size_t i = 0; i < set->n_elements; i++) {
		struct nlmsghdr *nlh = batch_message(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE,
						     set->table->family, what);
		const struct nlattr *attr;

		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, set->table->name);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, name_template(set));
		mnl_attr_put_u32(nlh, NFTA_SET_ELEM_LIST_SET_ID, htonl(id));
		attr_each(attr, set->elements[i], sizeof(struct nfgenmsg))
		{
			if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_ELEMENTS)
				mnl_attr_put(nlh, attr->nla_type, mnl_attr_get_payload_len(attr),
					     mnl_attr_get_payload(attr));
		}
	}
}

/* --- NFTA_RULE_COMPAT --- */

/* The protocol that the rule compares with, as nft_compat wants it in `-p`; 0: none. */
static uint32_t
compat_proto(const struct rule *rule, bool *inverted)
{
	for (size_t i = rule->core; i + 1 < rule->n; i++) {
		const struct expr *load = &rule->v[i], *cmp = &rule->v[i + 1];
		bool ip = load->kind == EXPR_PAYLOAD && load->len == 1 &&
			  load->key == NFT_PAYLOAD_NETWORK_HEADER &&
			  load->offset == (rule->chain->table->family == NFPROTO_IPV6 ? 6u : 9u);

		if (!ip && !(load->kind == EXPR_META && load->key == NFT_META_L4PROTO))
			continue;
		if (cmp->kind != EXPR_CMP || cmp->sreg != load->dreg || cmp->a.len < 1)
			continue;
		*inverted = cmp->op == NFT_CMP_NEQ;
		return cmp->a.v[0];
	}
	return 0;
}

static void
put_compat(struct nlmsghdr *nlh, const struct rule *rule, uint32_t added)
{
	bool extension = false, inverted = false;
	struct nlattr *nest;
	uint32_t proto;

	for (size_t i = 0; i < rule->n; i++)
		extension |= rule->v[i].kind == EXPR_MATCH || rule->v[i].kind == EXPR_TARGET;
	if (!extension && !added)
		return;
	proto = added ? added : compat_proto(rule, &inverted);
	nest = mnl_attr_nest_start(nlh, NFTA_RULE_COMPAT);
	mnl_attr_put_u32(nlh, NFTA_RULE_COMPAT_PROTO, htonl(proto));
	mnl_attr_put_u32(nlh, NFTA_RULE_COMPAT_FLAGS, htonl(inverted ? NFT_RULE_COMPAT_F_INV : 0));
	mnl_attr_nest_end(nlh, nest);
}

/* --- the rule --- */

void
copy_begin(struct copy *copy, struct batch *batch, const struct ruleset *rs,
	   const struct rule *rule, uint16_t flags, const bool leave_out[], const char *what)
{
	copy_begin_in(copy, batch, rs, rule, rule->chain, flags, leave_out, 0, what);
}

void
copy_begin_in(struct copy *copy, struct batch *batch, const struct ruleset *rs,
	      const struct rule *rule, const struct chain *chain, uint16_t flags,
	      const bool leave_out[], uint8_t proto, const char *what)
{
	const struct table *table = rule->chain->table;
	uint32_t id = batch->seq; /* unique in the batch: each set takes at least one message */

	*copy = (struct copy){ .rs = rs, .rule = rule, .first_set_id = id };
	for (size_t i = 0; i < rule->n; i++) {
		const struct set *set = anonymous_set(rs, rule, &rule->v[i]);

		if (!set || (leave_out && leave_out[i]))
			continue;
		put_set_definition(batch, set, id, what);
		put_set_elements(batch, set, id, what);
		id++;
	}
	copy->nlh = batch_message(batch, NFT_MSG_NEWRULE, flags, table->family, what);
	mnl_attr_put_strz(copy->nlh, NFTA_RULE_TABLE, table->name);
	mnl_attr_put_strz(copy->nlh, NFTA_RULE_CHAIN, chain->name);
	put_compat(copy->nlh, rule, proto);
}

void
copy_open_list(struct copy *copy)
{
	copy->list = mnl_attr_nest_start(copy->nlh, NFTA_RULE_EXPRESSIONS);
}

static uint16_t
set_name_attr(const struct expr *x, uint16_t *id_attr)
{
	if (x->kind == EXPR_LOOKUP) {
		*id_attr = NFTA_LOOKUP_SET_ID;
		return NFTA_LOOKUP_SET;
	}
	if (x->kind == EXPR_OBJREF) {
		*id_attr = NFTA_OBJREF_SET_ID;
		return NFTA_OBJREF_SET_NAME;
	}
	*id_attr = NFTA_DYNSET_SET_ID;
	return NFTA_DYNSET_SET_NAME;
}

/* The expression with the name of its anonymous set replaced by a reference to the copy. */
static void
put_with_set_id(struct nlmsghdr *nlh, const struct expr *x, const struct set *set, uint32_t id)
{
	const struct nlattr *data = attr_find(x->attr, NFTA_EXPR_DATA), *attr;
	struct nlattr *elem, *nest;
	uint16_t id_attr, name_attr = set_name_attr(x, &id_attr);

	elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, x->name);
	nest = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	mnl_attr_put_strz(nlh, name_attr, name_template(set));
	mnl_attr_put_u32(nlh, id_attr, htonl(id));
	attr_each_nested(attr, data)
	{
		if (mnl_attr_get_type(attr) != name_attr && mnl_attr_get_type(attr) != id_attr)
			mnl_attr_put(nlh, attr->nla_type, mnl_attr_get_payload_len(attr),
				     mnl_attr_get_payload(attr));
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, elem);
}

static bool
is_zero_timeout(const struct nlattr *attr)
{
	return mnl_attr_get_type(attr) == NFTA_DYNSET_TIMEOUT && attr_u64(attr, 1) == 0;
}

static void
put_dynset(struct nlmsghdr *nlh, const struct expr *x)
{
	const struct nlattr *data = attr_find(x->attr, NFTA_EXPR_DATA), *attr;
	struct nlattr *elem, *nest;

	elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, x->name);
	nest = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	/* The kernel wants to be told of several expressions by a flag that it does not dump. */
	if (attr_find(data, NFTA_DYNSET_EXPRESSIONS))
		mnl_attr_put_u32(nlh, NFTA_DYNSET_FLAGS, htonl(x->flags | NFT_DYNSET_F_EXPR));
	attr_each_nested(attr, data)
	{
		if (mnl_attr_get_type(attr) == NFTA_DYNSET_FLAGS &&
		    attr_find(data, NFTA_DYNSET_EXPRESSIONS))
			continue;
		if (!is_zero_timeout(attr))
			mnl_attr_put(nlh, attr->nla_type, mnl_attr_get_payload_len(attr),
				     mnl_attr_get_payload(attr));
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, elem);
}

void
copy_expressions(struct copy *copy, const bool leave_out[])
{
	uint32_t id = copy->first_set_id;

	for (size_t i = 0; i < copy->rule->n; i++) {
		const struct expr *x = &copy->rule->v[i];
		const struct set *set = anonymous_set(copy->rs, copy->rule, x);

		if (leave_out && leave_out[i])
			continue;
		if (set)
			put_with_set_id(copy->nlh, x, set, id++);
		else if (x->kind == EXPR_DYNSET && attr_find(x->attr, NFTA_EXPR_DATA))
			put_dynset(copy->nlh, x);
		else
			mnl_attr_put(copy->nlh, x->attr->nla_type,
				     mnl_attr_get_payload_len(x->attr),
				     mnl_attr_get_payload(x->attr));
	}
}

void
copy_close_list(struct copy *copy)
{
	mnl_attr_nest_end(copy->nlh, copy->list);
}

void
copy_userdata(struct copy *copy)
{
	const struct nlattr *udata = copy->rule->udata;

	if (udata)
		mnl_attr_put(copy->nlh, NFTA_RULE_USERDATA, mnl_attr_get_payload_len(udata),
			     mnl_attr_get_payload(udata));
}
