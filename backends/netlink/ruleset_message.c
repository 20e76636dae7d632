/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the kernel's messages to struct ruleset. */
#include <errno.h>
#include <libnftnl/udata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "expr.h"
#include "mark.h"
#include "nf.h"
#include "ruleset.h"
#include "ruleset_message.h"

#define NFG_LEN sizeof(struct nfgenmsg)

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory while reading the ruleset");
}

/* Appends item to the array of pointers at *v; on failure the caller still owns item. */
static int
append(void *v, size_t *n, void *item)
{
	void **old, **grown;

	memcpy(&old, v, sizeof(old));
	if ((*n & (*n - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
		grown = realloc(old, (*n ? *n * 2 : 1) * sizeof(*grown));
		if (!grown)
			return -1;
		old = grown;
		memcpy(v, &grown, sizeof(grown));
	}
	old[(*n)++] = item;
	return 0;
}

static struct nlmsghdr *
keep_message(const struct nlmsghdr *nlh)
{
	struct nlmsghdr *copy = malloc(nlh->nlmsg_len);

	if (copy)
		memcpy(copy, nlh, nlh->nlmsg_len);
	return copy;
}

static char *
udata_comment(const struct nlattr *attr, uint8_t type)
{
	const char *comment = attr_udata_string(attr, type);

	return comment ? strdup(comment) : NULL;
}

void
ruleset_table_free(struct table *table)
{
	if (!table)
		return;
	free(table->name);
	free(table->text);
	free(table);
}

static int
take_table(struct ruleset *rs, const struct nlmsghdr *nlh, struct err *e)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct table *table = calloc(1, sizeof(*table));
	const struct nlattr *attr;
	char name[NAME_BUF];

	if (!table)
		return no_memory(e);
	table->family = nfg->nfgen_family;
	attr_each(attr, nlh, NFG_LEN)
	{
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME && attr_string(attr) && !table->name)
			table->name = strdup(attr_string(attr));
		else if (mnl_attr_get_type(attr) == NFTA_TABLE_FLAGS)
			table->flags = attr_u32(attr, 0);
		else if (mnl_attr_get_type(attr) == NFTA_TABLE_OWNER)
			table->owner = attr_u32(attr, 0);
	}
	if (table->name && asprintf(&table->text, "%s %s", family_name(table->family),
				    err_name(name, table->name)) < 0)
		table->text = NULL;
	if (table->text && append(&rs->tables, &rs->n_tables, table) == 0)
		return 0;
	ruleset_table_free(table);
	return no_memory(e);
}

/* The table that a message belongs to; NULL: malformed, or a table that is not known. */
static struct table *
message_table(const struct ruleset *rs, const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	attr_each(attr, nlh, NFG_LEN)
	{
		if (mnl_attr_get_type(attr) == type && attr_string(attr))
			return ruleset_table(rs, nfg->nfgen_family, attr_string(attr));
	}
	return NULL;
}

static int
unknown_table(struct err *e)
{
	/* Somebody added it since the tables were read: EINTR makes ruleset_load start again. */
	err_set(e, ERR_FAILED, "the ruleset changed while it was read");
	e->sys = EINTR;
	return -1;
}

void
ruleset_chain_free(struct chain *chain)
{
	if (!chain)
		return;
	for (size_t i = 0; i < chain->n; i++) {
		free(chain->rules[i]->msg);
		free(chain->rules[i]->comment);
		free(chain->rules[i]->v);
		free(chain->rules[i]);
	}
	free(chain->rules);
	free(chain->name);
	names_fini(&chain->devices);
	free(chain);
}

static void
take_device(struct chain *chain, const struct nlattr *attr)
{
	if (attr_string(attr))
		names_add(&chain->devices, attr_string(attr));
}

static void
take_hook(struct chain *chain, const struct nlattr *nest)
{
	const struct nlattr *attr, *device;

	chain->base = true;
	attr_each_nested(attr, nest)
	{
		switch (mnl_attr_get_type(attr)) {
		case NFTA_HOOK_HOOKNUM:
			chain->hook = attr_u32(attr, UINT32_MAX);
			break;
		case NFTA_HOOK_PRIORITY:
			chain->priority = (int32_t)attr_u32(attr, 0);
			break;
		case NFTA_HOOK_DEV: /* before Linux 5.5; a single one is in both */
			take_device(chain, attr);
			break;
		case NFTA_HOOK_DEVS:
			attr_each_nested(device, attr)
			{
				if (mnl_attr_get_type(device) == NFTA_DEVICE_NAME)
					take_device(chain, device);
			}
			break;
		default:
			break;
		}
	}
}

static void
take_chain_attr(struct chain *chain, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case NFTA_CHAIN_NAME:
		if (!chain->name && attr_string(attr))
			chain->name = strdup(attr_string(attr));
		break;
	case NFTA_CHAIN_FLAGS:
		chain->flags = attr_u32(attr, 0);
		break;
	case NFTA_CHAIN_POLICY:
		chain->policy = attr_u32(attr, NF_ACCEPT);
		break;
	case NFTA_CHAIN_TYPE:
		if (attr_string(attr))
			snprintf(chain->type, sizeof(chain->type), "%s", attr_string(attr));
		break;
	case NFTA_CHAIN_HOOK:
		take_hook(chain, attr);
		break;
	default:
		break;
	}
}

static int
take_chain(struct ruleset *rs, const struct nlmsghdr *nlh, struct err *e)
{
	struct table *table = message_table(rs, nlh, NFTA_CHAIN_TABLE);
	struct chain *chain;
	const struct nlattr *attr;

	if (!table)
		return unknown_table(e);
	chain = calloc(1, sizeof(*chain));
	if (!chain)
		return no_memory(e);
	chain->table = table;
	chain->policy = NF_ACCEPT;
	attr_each(attr, nlh, NFG_LEN) take_chain_attr(chain, attr);
	if (chain->name && append(&rs->chains, &rs->n_chains, chain) == 0)
		return 0;
	ruleset_chain_free(chain);
	return no_memory(e);
}

/* iptables keeps comments in an extension: char comment[XT_MAX_COMMENT_LEN]. */
static char *
xt_comment(const struct rule *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		if (expr_is_comment(x) && x->a.len > 0)
			return strndup((const char *)x->a.v, x->a.len);
	}
	return NULL;
}

static int
parse_rule(struct rule *rule, struct err *e)
{
	struct expr v[EXPRS_MAX];
	const struct nlattr *attr;
	int n;

	attr_each(attr, rule->msg, NFG_LEN)
	{
		switch (mnl_attr_get_type(attr)) {
		case NFTA_RULE_HANDLE:
			rule->handle = attr_u64(attr, 0);
			break;
		case NFTA_RULE_EXPRESSIONS:
			rule->exprs = attr;
			break;
		case NFTA_RULE_USERDATA:
			rule->udata = attr;
			if (!rule->comment)
				rule->comment = udata_comment(attr, NFTNL_UDATA_RULE_COMMENT);
			break;
		default:
			break;
		}
	}
	n = exprs_parse(rule->exprs, v);
	if (n < 0)
		return err_set(e, ERR_FAILED, "the kernel sent a rule that cannot be read");
	rule->n = (size_t)n;
	rule->v = malloc((rule->n ? rule->n : 1) * sizeof(*rule->v));
	if (!rule->v)
		return no_memory(e);
	memcpy(rule->v, v, rule->n * sizeof(*rule->v));
	if (!rule->comment)
		rule->comment = xt_comment(rule);
	mark_find(rule);
	return 0;
}

static int
take_rule(struct ruleset *rs, const struct nlmsghdr *nlh, struct err *e)
{
	struct table *table = message_table(rs, nlh, NFTA_RULE_TABLE);
	struct chain *chain = NULL;
	struct rule *rule;
	const struct nlattr *attr;

	attr_each(attr, nlh, NFG_LEN)
	{
		if (table && mnl_attr_get_type(attr) == NFTA_RULE_CHAIN && attr_string(attr))
			chain = ruleset_chain(rs, table, attr_string(attr));
	}
	if (!chain)
		return unknown_table(e);
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return no_memory(e);
	rule->chain = chain;
	rule->msg = keep_message(nlh);
	if (!rule->msg || append(&chain->rules, &chain->n, rule) < 0) {
		free(rule->msg);
		free(rule);
		return no_memory(e);
	}
	return parse_rule(rule, e);
}

void
ruleset_set_free(struct set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n_elements; i++)
		free(set->elements[i]);
	free(set->elements);
	free(set->name);
	free(set->comment);
	free(set->msg);
	free(set);
}

static void
take_set_attr(struct set *set, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case NFTA_SET_NAME:
		if (!set->name && attr_string(attr))
			set->name = strdup(attr_string(attr));
		break;
	case NFTA_SET_FLAGS:
		set->flags = attr_u32(attr, 0);
		break;
	case NFTA_SET_KEY_TYPE:
		set->key_type = attr_u32(attr, 0);
		break;
	case NFTA_SET_KEY_LEN:
		set->key_len = attr_u32(attr, 0);
		break;
	case NFTA_SET_DATA_TYPE:
		set->data_type = attr_u32(attr, 0);
		break;
	case NFTA_SET_USERDATA:
		if (!set->comment)
			set->comment = udata_comment(attr, NFTNL_UDATA_SET_COMMENT);
		break;
	default:
		break;
	}
}

static int
take_set(struct ruleset *rs, const struct nlmsghdr *nlh, struct err *e)
{
	struct table *table = message_table(rs, nlh, NFTA_SET_TABLE);
	struct set *set;
	const struct nlattr *attr;

	if (!table)
		return unknown_table(e);
	set = calloc(1, sizeof(*set));
	if (!set)
		return no_memory(e);
	set->table = table;
	set->msg = keep_message(nlh);
	attr_each(attr, nlh, NFG_LEN) take_set_attr(set, attr);
	if (set->msg && set->name && append(&rs->sets, &rs->n_sets, set) == 0)
		return 0;
	ruleset_set_free(set);
	return no_memory(e);
}

static int
take_generation(struct ruleset *rs, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	attr_each(attr, nlh, NFG_LEN)
	{
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID)
			rs->generation = attr_u32(attr, 0);
	}
	return 0;
}

int
ruleset_take(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	struct ruleset *rs = data;

	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_NEWGEN:
		return take_generation(rs, nlh);
	case NFT_MSG_NEWTABLE:
		return take_table(rs, nlh, e);
	case NFT_MSG_NEWCHAIN:
		return take_chain(rs, nlh, e);
	case NFT_MSG_NEWRULE:
		return take_rule(rs, nlh, e);
	case NFT_MSG_NEWSET:
		return take_set(rs, nlh, e);
	default:
		return 0;
	}
}

int
ruleset_take_elements(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	struct set *set = data;
	struct nlmsghdr *copy;

	if ((nlh->nlmsg_type & 0xff) != NFT_MSG_NEWSETELEM)
		return 0;
	copy = keep_message(nlh);
	if (copy && append(&set->elements, &set->n_elements, copy) == 0)
		return 0;
	free(copy);
	return no_memory(e);
}
