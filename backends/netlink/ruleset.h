/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A copy of (part of) the kernel's nf_tables ruleset. Tables and chains are always all there, since
 * they are few; rules and the definitions of sets only of the tables that were asked for; the
 * elements of a set only when somebody asks (ruleset_elements), since they may be hundreds of
 * thousands.
 *
 * Everything is read within one generation of the ruleset, or read again. Pointers stay valid until
 * ruleset_fini. Rules and sets keep the kernel's message, so that they can be copied bit by bit.
 */
#ifndef GEOPAUSE_RULESET_H
#define GEOPAUSE_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "names.h"
#include "nlsock.h"

struct expr;
struct ipset_name;

struct table {
	uint8_t family; /* NFPROTO_* */
	char *name;
	uint32_t flags; /* NFT_TABLE_F_* */
	uint32_t owner; /* netlink port id, with NFT_TABLE_F_OWNER */
	char *text;     /* "inet filter", escaped */
	bool loaded;    /* its rules and sets are here */
	bool iptables;  /* of iptables-nft (iptables.h) */
};

struct set {
	struct table *table;
	char *name;
	uint32_t flags; /* NFT_SET_* */
	uint32_t key_type, key_len;
	uint32_t data_type;
	char *comment;              /* or NULL */
	struct nlmsghdr *msg;       /* NFT_MSG_NEWSET as dumped */
	bool has_elements;          /* the messages below are loaded */
	struct nlmsghdr **elements; /* NFT_MSG_NEWSETELEM as dumped */
	size_t n_elements;          /* messages, not elements */
	bool no_catchall;           /* element_ask's: there is none, the set exists */
	bool filled;                /* evaluations find the asked ports in it */
};

/* Has its key several fields? nft writes 6 bits of the type for each; else the length tells. */
static inline bool
set_is_concat(const struct set *set)
{
	return set->key_type >> 6 != 0 || (set->key_len != 4 && set->key_len != 16);
}

struct rule {
	struct chain *chain;
	uint64_t handle;
	struct nlmsghdr *msg;       /* NFT_MSG_NEWRULE as dumped */
	const struct nlattr *exprs; /* NFTA_RULE_EXPRESSIONS in msg, or NULL */
	const struct nlattr *udata; /* NFTA_RULE_USERDATA in msg, or NULL */
	char *comment;              /* or NULL */
	struct expr *v;             /* parsed */
	size_t n;
	size_t core; /* the first expression that is not of our mark (mark.h) */
	bool ours;   /* the whole rule is: a copy that widens */
	bool lifted; /* classify.h's: evaluations pass it, as a blocked source would after the lift
		      */
	bool forced; /* evaluations take it, as a source that it looks for would */
	/* Filled in by reach.h: */
	uint32_t reached; /* bit i: packet i may come here */
	uint32_t at;      /* bits of enum reach_at */
	uint64_t bases;   /* bit i: through base chain i; 63: or any later one */
	unsigned met;     /* bans.c's */
};

struct chain {
	struct table *table;
	char *name;
	uint32_t flags; /* NFT_CHAIN_* */
	bool base;
	uint32_t hook; /* NF_INET_* or NF_NETDEV_* */
	int32_t priority;
	uint32_t policy;      /* NF_ACCEPT, NF_DROP */
	char type[16];        /* "filter", "nat", "route" */
	struct names devices; /* of ingress and egress */
	struct rule **rules;
	size_t n;
	uint32_t walked; /* reach.h's: packets that were followed here from the present base */
};

struct ruleset {
	uint32_t generation;
	struct table **tables;
	size_t n_tables;
	struct chain **chains;
	size_t n_chains;
	struct set **sets;
	size_t n_sets;
	struct ipset_name **ipsets; /* that rules of the loaded tables look up */
	size_t n_ipsets;
};

/* Which tables' rules and sets to load. */
typedef bool (*table_wanted)(const struct ruleset *rs, const struct table *table, const void *data);

/*
 * All of them: what is ours is found by its mark, wherever it is. The record may name fewer tables
 * than were changed in the end, and the cost does not depend on the sets.
 */
bool every_table(const struct ruleset *rs, const struct table *table, const void *data);

int ruleset_load(struct ruleset *rs, struct nl *nl, table_wanted wanted, const void *data,
		 struct err *e);
void ruleset_fini(struct ruleset *rs);

/* The number of the present generation; each transaction, of whomever, makes another. */
int ruleset_generation(struct nl *nl, uint32_t *generation, struct err *e);

/*
 * Hands the messages with the set's elements to fn, as nl_query does; ENOENT if there is no such
 * set or table.
 */
int ruleset_ask_elements(struct nl *nl, uint8_t family, const char *table, const char *set,
			 nl_fn fn, void *data, struct err *e);
/* Loads the set's elements if they are not there yet. */
int ruleset_elements(struct nl *nl, struct set *set, struct err *e);

struct table *ruleset_table(const struct ruleset *rs, uint8_t family, const char *name);
struct chain *ruleset_chain(const struct ruleset *rs, const struct table *table, const char *name);
struct set *ruleset_set(const struct ruleset *rs, const struct table *table, const char *name);

/* "inet" -> NFPROTO_INET; 0 is NFPROTO_UNSPEC: none. */
uint8_t family_by_name(const char *name);
const char *family_name(uint8_t family);
/* "input", "ingress", ...; static. */
const char *hook_name(const struct chain *base);

/* For the fuzzer: takes one message of a dump into rs. */
int ruleset_take(const struct nlmsghdr *nlh, void *rs, struct err *e);

#endif
