/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our mark in a live ruleset, recognisable without any record of it:
 *
 *   the set   geopause_<txn>, type inet_proto . inet_service, flags timeout: what is open;
 *   SKIP      a rule that begins with  meta l4proto . th dport != @geopause_<txn>;
 *   WIDEN     a rule that begins with  meta l4proto . th dport @geopause_<txn>: all of it is ours;
 *             so is a guard, which drops for a rule that is skipped (lift_dnat.c);
 *   an element of the administrator's own set with the comment "geopause <txn>".
 *
 * Where a port may have been translated already, `ct original proto-dst` stands for `th dport`; but
 * in tables of iptables, whose tools hide a table with `ct`, a second set geopause_<txn>_dnat has
 * the ports as they look there. A rule that is to go on working for some of the ports compares with
 * geopause_<txn>_only<mask>, which has the others.
 * Several windows may stack their prefixes in front of one rule. nft prints the mark and reads it
 * back, so that it survives being saved; the registers may be others then.
 */
#ifndef GEOPAUSE_MARK_H
#define GEOPAUSE_MARK_H

#include <stdbool.h>
#include <stddef.h>

#include "backend.h"
#include "ruleset.h"

#define MARK_SET_PREFIX "geopause_"
#define MARK_SET_DNAT "_dnat"
#define MARK_SET_ONLY "_only" /* and the mask, in hexadecimal digits */
#define MARK_SET_BUF (sizeof(MARK_SET_PREFIX) + TXN_LEN + sizeof(MARK_SET_ONLY) + 8)
#define MARK_COMMENT_PREFIX "geopause "
#define MARK_COMMENT_BUF (sizeof(MARK_COMMENT_PREFIX) + TXN_LEN)
#define MARK_EXPRS 3                       /* a prefix has so many expressions */
#define MARK_SET_KEY_TYPE (12u << 6 | 13u) /* nft's inet_proto . inet_service */
#define MARK_SET_KEY_LEN 8u                /* bytes: each field is padded to 4 */

enum mark_compares {
	MARK_PORT_PACKET,   /* th dport */
	MARK_PORT_ORIGINAL, /* ct original proto-dst: before DNAT; only at hooks behind conntrack */
	MARK_PORT_TRANSLATED, /* th dport, in the set of ports as DNAT makes them */
};

struct mark_port {
	enum mark_compares compares;
	uint32_t only; /* bit i: number i of the asked ports; 0: all of them */
};

void mark_set_name(char buf[MARK_SET_BUF], const char *txn, struct mark_port port);
void mark_comment(char buf[MARK_COMMENT_BUF], const char *txn);
/* True when the name is that of a set of ours; txn (or NULL) gets its transaction. */
bool mark_is_set_name(const char *name, char txn[TXN_BUF]);
bool mark_is_set(const struct set *set, char txn[TXN_BUF]);
/* The same for the comment of an element. */
bool mark_is_comment(const char *comment, char txn[TXN_BUF]);

/* Fills in rule->core and rule->ours. */
void mark_find(struct rule *rule);
/* The transaction of the mark that begins at expression i; false when none does. */
bool mark_at(const struct rule *rule, size_t i, bool *inverted, char txn[TXN_BUF]);
/*
 * A rule of ours in a table of iptables that was saved and loaded again has lost what iptables does
 * not show: its comment is left, and `-m time` or, of a guard, `-m conntrack`.
 */
bool mark_was_saved(const struct rule *rule, char txn[TXN_BUF]);
/* How often the rule carries the mark of this transaction; its expressions are all it takes. */
size_t mark_count(const struct rule *rule, const char *txn);
bool mark_has(const struct rule *rule, const char *txn);

struct nftnl_expr;
/* Adds an expression to an open NFTA_RULE_EXPRESSIONS; NULL, out of memory, is false. */
bool mark_put_expr_take(struct nlmsghdr *nlh, struct nftnl_expr *x);
/* Adds the prefix's expressions to an open NFTA_RULE_EXPRESSIONS. False: out of memory. */
bool mark_put_prefix(struct nlmsghdr *nlh, const char *txn, struct mark_port port, bool inverted);
/* The prefix as nft prints it. */
const char *mark_text(char *buf, size_t size, const char *txn, struct mark_port port,
		      bool inverted);

#endif
