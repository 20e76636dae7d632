/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "iptables.h"

#include <string.h>

#include "expr.h"
#include "mark.h"
#include "nf.h"

static const struct {
	const char *table, *chain;
	uint32_t hook;
	int32_t priority;
} builtins[] = {
	{ "filter", "INPUT", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER },
	{ "filter", "FORWARD", NF_INET_FORWARD, NF_IP_PRI_FILTER },
	{ "filter", "OUTPUT", NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER },
	{ "mangle", "PREROUTING", NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE },
	{ "mangle", "INPUT", NF_INET_LOCAL_IN, NF_IP_PRI_MANGLE },
	{ "mangle", "FORWARD", NF_INET_FORWARD, NF_IP_PRI_MANGLE },
	{ "mangle", "OUTPUT", NF_INET_LOCAL_OUT, NF_IP_PRI_MANGLE },
	{ "mangle", "POSTROUTING", NF_INET_POST_ROUTING, NF_IP_PRI_MANGLE },
	{ "raw", "PREROUTING", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW },
	{ "raw", "OUTPUT", NF_INET_LOCAL_OUT, NF_IP_PRI_RAW },
	{ "nat", "PREROUTING", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST },
	{ "nat", "INPUT", NF_INET_LOCAL_IN, NF_IP_PRI_NAT_SRC },
	{ "nat", "OUTPUT", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST },
	{ "nat", "POSTROUTING", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC },
	{ "security", "INPUT", NF_INET_LOCAL_IN, NF_IP_PRI_SECURITY },
	{ "security", "FORWARD", NF_INET_FORWARD, NF_IP_PRI_SECURITY },
	{ "security", "OUTPUT", NF_INET_LOCAL_OUT, NF_IP_PRI_SECURITY },
};

static bool
is_builtin(const struct chain *chain)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (strcmp(builtins[i].table, chain->table->name) == 0 &&
		    strcmp(builtins[i].chain, chain->name) == 0)
			return builtins[i].hook == chain->hook &&
			       builtins[i].priority == chain->priority;
	}
	return false;
}

/* As iptables' own list of them. */
static bool
is_shown(const struct expr *x)
{
	static const char *const known[] = { "match",  "target",  "payload", "meta",
					     "cmp",    "bitwise", "counter", "immediate",
					     "lookup", "range",   "limit",   "log" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(x->name, known[i]) == 0)
			return true;
	}
	return false;
}

static bool
shows_all(const struct chain *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		const struct rule *rule = chain->rules[i];

		/* But our mark, which may have been made by another version. */
		for (size_t k = rule->ours ? rule->n : rule->core; k < rule->n; k++) {
			if (!is_shown(&rule->v[k]))
				return false;
		}
	}
	return true;
}

static bool
has_named_set(const struct ruleset *rs, const struct table *table)
{
	for (size_t i = 0; i < rs->n_sets; i++) {
		if (rs->sets[i]->table == table && !(rs->sets[i]->flags & NFT_SET_ANONYMOUS) &&
		    !mark_is_set(rs->sets[i], NULL))
			return true;
	}
	return false;
}

bool
table_is_iptables(const struct ruleset *rs, const struct table *table)
{
	bool found = false;

	if (!table->loaded || (table->family != NFPROTO_IPV4 && table->family != NFPROTO_IPV6))
		return false;
	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		if (chain->table != table)
			continue;
		if ((chain->base && !is_builtin(chain)) || !shows_all(chain))
			return false;
		found |= chain->base;
	}
	return found && !has_named_set(rs, table);
}

bool
table_has_builtin(const struct ruleset *rs, const struct table *table)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		if (rs->chains[i]->table == table && rs->chains[i]->base &&
		    is_builtin(rs->chains[i]))
			return true;
	}
	return false;
}
