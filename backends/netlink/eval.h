/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens to a packet of a CA's validation: a new connection from outside to one port,
 * followed through rules and chains in three-valued logic. What a typical such packet does not have
 * (a bad state, too high a rate, an unusual header) does not match; what cannot be known (the
 * interface, the destination, newer expressions) may match or not, and both ways are followed.
 *
 * Or to the first packet of a real flow, whose addresses are known: then sets are asked for them.
 */
#ifndef GEOPAUSE_EVAL_H
#define GEOPAUSE_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "challenge.h"
#include "ruleset.h"
#include "truth.h"

struct expr;

struct packet {
	uint8_t family; /* NFPROTO_IPV4 or NFPROTO_IPV6 */
	struct port port;
	uint16_t original; /* the port before a translation, host byte order */
	bool translated;   /* seen only behind DNAT or a redirect */
	bool redirected;   /* the latter: it ends on this host */
	bool addressed;    /* of a real flow; network byte order, IPv4: the first 4 bytes */
	uint8_t source[16], destination[16];
	uint32_t interface; /* with addressed: where it came in; 0: not known */
	char interface_name[16];
};

/* Where the packet's source is, for every rule that asks. */
enum view {
	VIEW_OUTSIDE,  /* in no set: what a source that no rule names meets */
	VIEW_INSIDE,   /* every test of the source matches, inverted or not */
	VIEW_ANYWHERE, /* may match */
};

#define BRANCHES_MAX 32

struct branch {
	uint32_t verdict; /* NF_*, NFT_*; NFT_CONTINUE: goes on with the next rule */
	const char *chain;
};

struct evaluation {
	enum truth match;
	struct branch v[BRANCHES_MAX]; /* what it may do when it matches */
	size_t n;
	bool translates;  /* DNAT or redirect to another port */
	bool redirects;   /* the latter */
	uint16_t to_port; /* with translates: which; 0: not known */
	bool unread; /* a verdict map by source that was not read: more branches are possible */
};

/* What the rules that a lift changed would do without it to a packet that comes to them. */
struct lifted {
	const char *txn;
	bool stops;    /* one that is skipped would take it, and may drop it */
	bool widens;   /* a copy lets it through where no rule before it does */
	bool unwidens; /* but a rule before it may */
};

struct eval {
	struct nl *nl;
	const struct ruleset *rs;
	bool read_source_maps; /* read the elements of named verdict maps by source */
	bool over_limits;      /* a packet that comes when rates, counts and quotas are exceeded */
	bool read_ports; /* of sets of addresses and ports, look whether the port is in there */
	bool source_mark, source_ctmark; /* the mark tells of the source */
	uint32_t mark, ctmark;           /* of the packet, as far as they were followed */
	bool mark_known, ctmark_known;
	uint32_t written; /* the last constant that a rule wrote to a mark */
	bool written_known;
	struct lifted *lifted; /* with packets that are addressed; or NULL */
	bool source_unclear;   /* it was not decided where an addressed packet comes from */
	unsigned budget;       /* rules still to be followed; at 0 the ruleset is too complex */
	struct err *e;
};

#define EVAL_BUDGET 2000000u

/* A packet that nobody has marked yet. */
void eval_new_packet(struct eval *eval);
void eval_rule(struct eval *eval, const struct rule *rule, const struct packet *packet,
	       enum view view, struct evaluation *result);
/* From rule number `from` to the end of the chain, without its policy; lifted rules are passed. */
unsigned eval_chain(struct eval *eval, const struct chain *chain, size_t from,
		    const struct packet *packet, enum view view, unsigned depth);
/* The whole base chain with its policy: no MAY_FALL. */
unsigned eval_base(struct eval *eval, const struct chain *base, const struct packet *packet,
		   enum view view);
/* What a branch of a rule in `chain` may lead to; MAY_FALL: the next rule of the chain. */
unsigned eval_branch(struct eval *eval, const struct chain *chain, const struct branch *branch,
		     const struct packet *packet, enum view view, unsigned depth);
/* May the rule drop the packet, by itself or in a chain that it leads to? */
bool eval_may_drop(struct eval *eval, const struct rule *rule, const struct packet *packet,
		   enum view view);
/* The port that iptables' target DNAT or REDIRECT makes; 0: it stays. */
uint16_t eval_xt_port(const struct rule *rule, const struct expr *x);
/* Do packets of this family come through the chain's table at all? */
bool eval_sees(const struct chain *chain, const struct packet *packet);

#endif
