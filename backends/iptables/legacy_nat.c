/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_nat.h"

#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "legacy_part.h"
#include "legacy_reach.h"
#include "nf.h"
#include "nlsock.h"

#define JUMPS_MAX 8u

static void
add(struct legacy_nat *nat, struct port from, uint16_t to)
{
	for (size_t i = 0; i < nat->n; i++)
		if (nat->v[i].from.proto == from.proto && nat->v[i].from.number == from.number &&
		    nat->v[i].to == to)
			return;
	if (nat->n == LEGACY_NAT_MAX) {
		nat->unknown = true;
		return;
	}
	nat->v[nat->n].from = from;
	nat->v[nat->n++].to = to;
}

/* "8080", ":8080" behind an address; 0: none. *range: one of several. */
static uint16_t
read_port(const char *text, bool is_redirect, bool *range)
{
	const char *at = is_redirect ? text : strrchr(text, ':');
	unsigned long port;
	char *end;

	*range = false;
	if (!at || (!is_redirect && strchr(at, ']')))
		return 0;
	/* An IPv6 address without brackets has no port. */
	if (!is_redirect && text[0] != '[' && strchr(text, ':') != at)
		return 0;
	at += *at == ':';
	port = strtoul(at, &end, 10);
	*range = *end != '\0';
	return end != at && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* The port that the rule's target makes; 0: it stays, or the rule makes none. */
static uint16_t
made_port(const struct rule *rule, bool *range)
{
	bool is_redirect = rule->target_name && !strcmp(rule->target_name, "REDIRECT");

	*range = false;
	if (!rule->target_name || (!is_redirect && strcmp(rule->target_name, "DNAT") != 0))
		return 0;
	for (size_t i = 0; i + 1 < rule->at->n; i++) {
		const struct save_token *t = &rule->at->tokens[i];

		if (!strcmp(t[0].text, is_redirect ? "--to-ports" : "--to-destination"))
			return read_port(t[1].text, is_redirect, range);
	}
	return 0;
}

/* Takes no other packets than those to this one port. */
static bool
is_of_port(const struct rule *rule, uint16_t port)
{
	struct part part;

	for (size_t i = 0;
	     i < rule->at->n && part_read(rule->at, i, &part) && !part_is_target(&part);
	     i = part.to) {
		char *end;

		if ((part.option == OPT_DPORT || part.option == OPT_DPORTS) && !part.inverted &&
		    strtoul(part.values[0], &end, 10) == port && *end == '\0')
			return true;
	}
	return false;
}

static void
take_rule(struct legacy_nat *nat, const struct reach *reach, const struct rule *rule)
{
	bool range;
	uint16_t to = made_port(rule, &range);

	if (!to && !range)
		return;
	nat->mixed |= range;
	for (size_t k = 0; k < reach->n_packets; k++) {
		struct port port = reach->packets[k].port;

		nat->mixed |= port.number == to && !is_of_port(rule, to);
		if (!reach_meets(reach, rule, k))
			continue;
		if (range)
			nat->unknown = true;
		else if (to != port.number)
			add(nat, port, to);
	}
}

static bool
is_translation(const struct rule *rule)
{
	static const char *const names[] = { "DNAT", "REDIRECT", "NETMAP" };

	for (size_t i = 0; rule->target_name && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(rule->target_name, names[i]))
			return true;
	return false;
}

/* Among the n rules from the first one on; depth: of jumps. */
static bool
some_translates(const struct reach *reach, size_t first, size_t n, unsigned depth)
{
	for (size_t i = first; i < first + n; i++) {
		const struct rule *rule = reach_rule(reach, i);
		const struct save_chain *to;

		if (reach_excludes(reach, rule))
			continue;
		if (is_translation(rule))
			return true;
		if (rule->target != RULE_CHAIN || depth == 0)
			continue;
		to = &reach->save->chains[rule->chain];
		if (some_translates(reach, to->first, to->n, depth - 1))
			return true;
	}
	return false;
}

bool
legacy_nat_decides(const struct reach *reach, const struct rule *rule)
{
	const struct save_chain *chain = &reach->save->chains[rule->at->chain];
	const size_t index = chain->first + rule->at->number - 1;

	if (!(reach->hooks[rule->at->chain] & HOOK_PREROUTING) || reach_excludes(reach, rule))
		return false;
	if (rule->target == RULE_ACCEPT || rule->target == RULE_RETURN)
		return some_translates(reach, index + 1, chain->first + chain->n - index - 1,
				       JUMPS_MAX);
	return some_translates(reach, index, 1, JUMPS_MAX);
}

static int
read_table(struct legacy_nat *nat, const struct legacy_host *host, enum family family,
	   const struct ports *ports, struct err *e)
{
	struct reach reach;
	struct save save;
	int rc;

	if (host_save(host, family, "nat", &save, e) < 0)
		return -1;
	rc = reach_init(&reach, &save, ports, NULL, e);
	for (size_t i = 0; rc == 0 && i < save.n_rules; i++)
		if (reach.hooks[save.rules[i].chain] & HOOK_PREROUTING)
			take_rule(nat, &reach, reach_rule(&reach, i));
	if (rc == 0)
		rc = reach_done(&reach, 0, e);
	save_fini(&save);
	return rc;
}

int
legacy_nat_read_table(struct legacy_nat *nat, const struct legacy_host *host, enum family family,
		      const struct ports *ports, struct err *e)
{
	*nat = (struct legacy_nat){ 0 };
	return host_has(family, "nat") ? read_table(nat, host, family, ports, e) : 0;
}

/* --- nf_tables --- */

static int
take_chain(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	bool *found = data;

	(void)e;
	attr_each(attr, nlh, sizeof(*nfg))
	{
		const char *type =
			mnl_attr_get_type(attr) == NFTA_CHAIN_TYPE ? attr_string(attr) : NULL;

		*found |= type && !strcmp(type, "nat") && nfg->nfgen_family != NFPROTO_BRIDGE;
	}
	return 0;
}

bool
legacy_nat_is_elsewhere(void)
{
	struct err ignored = ERR_INIT;
	bool found = false;
	struct nl nl;

	if (nl_open(&nl, &ignored) < 0)
		return false;
	for (int i = 0; i < 3; i++) {
		found = false;
		if (nl_query(&nl, nl_request(&nl, NFT_MSG_GETCHAIN, AF_UNSPEC, NLM_F_DUMP),
			     take_chain, &found, &ignored) != NL_AGAIN)
			break;
	}
	nl_close(&nl);
	return found;
}

int
legacy_nat_read(struct legacy_nat *nat, const struct legacy_host *host, enum family family,
		const struct ports *ports, bool elsewhere, struct err *e)
{
	if (legacy_nat_read_table(nat, host, family, ports, e) < 0)
		return -1;
	if (elsewhere)
		nat->unknown = nat->mixed = true;
	return 0;
}
