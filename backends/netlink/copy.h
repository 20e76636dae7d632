/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying a rule into a transaction, expression by expression as raw attributes.
 *
 * What the kernel does not take back as it dumped it is mended here: anonymous sets are bound to
 * one rule and are copied with their elements; NFTA_RULE_COMPAT, which iptables extensions that are
 * tied to a protocol need, is never dumped and is worked out again; `dynset` dumps a timeout of 0
 * that is refused when it comes back.
 */
#ifndef GEOPAUSE_COPY_H
#define GEOPAUSE_COPY_H

#include "batch.h"
#include "ruleset.h"

/* What a rule needs before it can be copied: the elements of its anonymous sets. */
int copy_prepare(struct nl *nl, const struct ruleset *rs, const struct rule *rule, struct err *e);

/* What is to be done about a table with `flags owner`. */
#define OWNER_ADVICE                                                                               \
	"use that program's own interface (firewalld: firewall-cmd), or have it make the table "   \
	"without the flag (firewalld.conf: NftablesTableOwner=no)"

/*
 * Why the rule cannot be copied, with the way out, or NULL. The text is static.
 */
const char *copy_refusal(const struct rule *rule);

/*
 * Begins NFT_MSG_NEWRULE with `flags` for the copy of `rule`, after the messages that its anonymous
 * sets need, and adds its table, chain and NFTA_RULE_COMPAT. The caller adds NFTA_RULE_HANDLE or
 * _POSITION and then the expressions.
 */
struct copy {
	struct nlmsghdr *nlh;
	struct nlattr *list; /* NFTA_RULE_EXPRESSIONS, open */
	const struct ruleset *rs;
	const struct rule *rule;
	uint32_t first_set_id;
};

void copy_begin(struct copy *copy, struct batch *batch, const struct ruleset *rs,
		const struct rule *rule, uint16_t flags, const bool leave_out[], const char *what);
/*
 * The same, for a copy in this chain of the same table; proto: a rule of iptables that gets a test
 * of this protocol, and extensions, added; or 0.
 */
void copy_begin_in(struct copy *copy, struct batch *batch, const struct ruleset *rs,
		   const struct rule *rule, const struct chain *chain, uint16_t flags,
		   const bool leave_out[], uint8_t proto, const char *what);
void copy_open_list(struct copy *copy);
/* All expressions but those with leave_out[i] set. */
void copy_expressions(struct copy *copy, const bool leave_out[]);
void copy_close_list(struct copy *copy);
/* The rule's own, with its comment. */
void copy_userdata(struct copy *copy);

#endif
