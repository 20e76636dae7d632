/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking into the expressions of a rule, as the kernel dumps them (linux/netfilter/nf_tables.h).
 *
 * They are read as raw attributes and not through libnftnl, because a rule must stay readable when
 * it holds an expression that is newer than the library, and because libnftnl exits the process on
 * attributes that it does not expect. An expression that is not known here is EXPR_OTHER: it is
 * copied like any other, and evaluated as "may match or not".
 */
#ifndef GEOPAUSE_EXPR_H
#define GEOPAUSE_EXPR_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expr_kind {
	EXPR_OTHER,
	EXPR_META,
	EXPR_PAYLOAD,
	EXPR_CT,
	EXPR_CMP,
	EXPR_RANGE,
	EXPR_BITWISE,
	EXPR_BYTEORDER,
	EXPR_LOOKUP,
	EXPR_IMMEDIATE,
	EXPR_DYNSET,
	EXPR_OBJREF,
	EXPR_LIMIT,
	EXPR_QUOTA,
	EXPR_CONNLIMIT,
	EXPR_FIB,
	EXPR_NEUTRAL, /* never breaks the rule: counter, log, notrack, last, ... */
	EXPR_REJECT,
	EXPR_STOLEN, /* takes the packet: queue, fwd, synproxy */
	EXPR_NAT,
	EXPR_REDIR,
	EXPR_MATCH,
	EXPR_TARGET,
};

#define EXPR_NO_REG UINT32_MAX

/* A value of the expression's attributes; NULL when it is not there. */
struct expr_data {
	const uint8_t *v;
	size_t len;
};

struct expr {
	enum expr_kind kind;
	const char *name;          /* "payload"; inside the rule's message, NUL-terminated */
	const struct nlattr *attr; /* the NFTA_LIST_ELEM, to be copied as it is */
	uint32_t sreg, dreg;       /* NFT_REG_*, or EXPR_NO_REG; NAT and REDIR: sreg has the port */
	uint32_t key;              /* META, CT: key; PAYLOAD: base; FIB: result; MATCH, TARGET:
				      revision */
	uint32_t op;               /* CMP, RANGE, BITWISE: operation; CT: direction; NAT: type */
	uint32_t offset, len;      /* PAYLOAD; len also BITWISE and BYTEORDER (size in key) */
	uint32_t flags;            /* LOOKUP, LIMIT, QUOTA, CONNLIMIT, DYNSET: the *_F_INV bit */
	const char *set;           /* LOOKUP, DYNSET, OBJREF: name; MATCH, TARGET: the extension */
	struct expr_data a, b;     /* CMP: value; RANGE: from, to; BITWISE: mask, xor; IMMEDIATE;
				      MATCH, TARGET: the extension's own */
	bool is_verdict;           /* IMMEDIATE */
	uint32_t verdict;          /* NF_ACCEPT, NF_DROP, NFT_JUMP, ... */
	const char *chain;         /* with NFT_JUMP and NFT_GOTO */
	const struct nlattr *nested; /* DYNSET: its expressions, or NULL */
	const char *ipset; /* MATCH `set`: the name that the set has now; of the ruleset, or NULL */
};

#define EXPRS_MAX 128 /* NFT_RULE_MAXEXPRS of the kernel */

/*
 * Fills v with the expressions below the NFTA_RULE_EXPRESSIONS attribute list. Returns their
 * number, or -1 when the attribute is malformed or holds more than EXPRS_MAX.
 */
int exprs_parse(const struct nlattr *list, struct expr v[EXPRS_MAX]);

/* The comment of a rule of iptables. */
bool expr_is_comment(const struct expr *x);

/* A comparison by order: less, or not less, than a value. */
bool expr_is_ordered(const struct expr *x);

/* The one expression whose NFTA_EXPR_NAME and _DATA are below elem. */
bool expr_parse(const struct nlattr *elem, struct expr *x);

/* A value below data (NFTA_DATA_VALUE); empty when there is none. */
struct expr_data value_parse(const struct nlattr *data);

/* A verdict below attr (NFTA_DATA_VERDICT), as in immediates and map elements. */
bool verdict_parse(const struct nlattr *data, uint32_t *verdict, const char **chain);

#endif
