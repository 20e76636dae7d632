/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ruleset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipset.h"
#include "iptables.h"
#include "nf.h"
#include "ruleset_message.h"

#define LOAD_TRIES 16

static const struct {
	uint8_t family;
	const char *name;
} families[] = {
	{ NFPROTO_INET, "inet" },     { NFPROTO_IPV4, "ip" },       { NFPROTO_IPV6, "ip6" },
	{ NFPROTO_NETDEV, "netdev" }, { NFPROTO_BRIDGE, "bridge" }, { NFPROTO_ARP, "arp" },
};

uint8_t
family_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (strcmp(families[i].name, name) == 0)
			return families[i].family;
	}
	return NFPROTO_UNSPEC;
}

const char *
family_name(uint8_t family)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (families[i].family == family)
			return families[i].name;
	}
	return "unknown";
}

const char *
hook_name(const struct chain *base)
{
	static const char *const inet[] = { "prerouting", "input",       "forward",
					    "output",     "postrouting", "ingress" };

	if (base->table->family == NFPROTO_NETDEV)
		return base->hook == 0 ? "ingress" : "egress";
	return base->hook < sizeof(inet) / sizeof(inet[0]) ? inet[base->hook] : "unknown";
}

static int
dump(struct ruleset *rs, struct nl *nl, uint16_t type, uint8_t family, const char *table,
     struct err *e)
{
	struct nlmsghdr *nlh = nl_request(nl, type, family, NLM_F_DUMP);

	if (table)
		mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table); /* NFTA_SET_TABLE is 1 as well */
	return nl_query(nl, nlh, ruleset_take, rs, e);
}

static int
get_generation(struct ruleset *rs, struct nl *nl, struct err *e)
{
	struct nlmsghdr *nlh = nl_request(nl, NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0);

	return nl_query(nl, nlh, ruleset_take, rs, e);
}

int
ruleset_generation(struct nl *nl, uint32_t *generation, struct err *e)
{
	struct ruleset none = { 0 };

	if (get_generation(&none, nl, e) < 0)
		return -1;
	*generation = none.generation;
	return 0;
}

static int
load_once(struct ruleset *rs, struct nl *nl, table_wanted wanted, const void *data, struct err *e)
{
	int rc = get_generation(rs, nl, e);
	uint32_t before = rs->generation;

	if (rc == 0)
		rc = dump(rs, nl, NFT_MSG_GETTABLE, NFPROTO_UNSPEC, NULL, e);
	if (rc == 0)
		rc = dump(rs, nl, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, NULL, e);
	for (size_t i = 0; rc == 0 && i < rs->n_tables; i++) {
		struct table *table = rs->tables[i];

		table->loaded = wanted(rs, table, data);
		if (!table->loaded)
			continue;
		rc = dump(rs, nl, NFT_MSG_GETRULE, table->family, table->name, e);
		if (rc == 0)
			rc = dump(rs, nl, NFT_MSG_GETSET, table->family, table->name, e);
	}
	/* Each dump is of one generation; only this tells that all are of the same. */
	if (rc == 0)
		rc = get_generation(rs, nl, e);
	if (rc == 0 && rs->generation != before)
		rc = NL_AGAIN;
	if (rc == 0)
		rc = ipset_names_read(rs, e);
	for (size_t i = 0; rc == 0 && i < rs->n_tables; i++)
		rs->tables[i]->iptables = table_is_iptables(rs, rs->tables[i]);
	return rc;
}

int
ruleset_load(struct ruleset *rs, struct nl *nl, table_wanted wanted, const void *data,
	     struct err *e)
{
	for (int i = 0; i < LOAD_TRIES; i++) {
		struct err first = ERR_INIT;
		int rc;

		*rs = (struct ruleset){ 0 };
		rc = load_once(rs, nl, wanted, data, &first);
		if (rc == 0)
			return 0;
		ruleset_fini(rs);
		/* ENOENT: a table went away after it was listed. */
		if (rc < 0 && first.sys != EINTR && first.sys != ENOENT) {
			*e = e->code ? *e : first;
			return -1;
		}
	}
	return err_set(e, ERR_FAILED,
		       "the ruleset changed %d times while it was read; something rewrites it "
		       "all the time",
		       LOAD_TRIES);
}

void
ruleset_fini(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_chains; i++)
		ruleset_chain_free(rs->chains[i]);
	for (size_t i = 0; i < rs->n_sets; i++)
		ruleset_set_free(rs->sets[i]);
	for (size_t i = 0; i < rs->n_tables; i++)
		ruleset_table_free(rs->tables[i]);
	ipset_names_free(rs);
	free(rs->chains);
	free(rs->sets);
	free(rs->tables);
	*rs = (struct ruleset){ 0 };
}

int
ruleset_ask_elements(struct nl *nl, uint8_t family, const char *table, const char *set, nl_fn fn,
		     void *data, struct err *e)
{
	struct nlmsghdr *nlh = nl_request(nl, NFT_MSG_GETSETELEM, family, NLM_F_DUMP);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	return nl_query(nl, nlh, fn, data, e);
}

int
ruleset_elements(struct nl *nl, struct set *set, struct err *e)
{
	for (int i = 0; i < LOAD_TRIES && !set->has_elements; i++) {
		int rc = ruleset_ask_elements(nl, set->table->family, set->table->name, set->name,
					      ruleset_take_elements, set, e);

		if (rc < 0)
			return err_wrap(e, "reading a set of table %s", set->table->text);
		set->has_elements = rc == 0;
		for (; rc != 0 && set->n_elements > 0; set->n_elements--)
			free(set->elements[set->n_elements - 1]);
	}
	if (set->has_elements)
		return 0;
	return err_set(e, ERR_FAILED, "a set of table %s changes all the time", set->table->text);
}

struct table *
ruleset_table(const struct ruleset *rs, uint8_t family, const char *name)
{
	for (size_t i = 0; i < rs->n_tables; i++) {
		if (rs->tables[i]->family == family && strcmp(rs->tables[i]->name, name) == 0)
			return rs->tables[i];
	}
	return NULL;
}

struct chain *
ruleset_chain(const struct ruleset *rs, const struct table *table, const char *name)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		if (rs->chains[i]->table == table && strcmp(rs->chains[i]->name, name) == 0)
			return rs->chains[i];
	}
	return NULL;
}

struct set *
ruleset_set(const struct ruleset *rs, const struct table *table, const char *name)
{
	for (size_t i = 0; i < rs->n_sets; i++) {
		if (rs->sets[i]->table == table && strcmp(rs->sets[i]->name, name) == 0)
			return rs->sets[i];
	}
	return NULL;
}

bool
every_table(const struct ruleset *rs, const struct table *table, const void *data)
{
	(void)rs;
	(void)table;
	(void)data;
	return true;
}
