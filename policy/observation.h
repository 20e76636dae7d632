/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a backend saw in a live firewall: one observation for each rule (or verdict map) that
 * decides by the source address. Facts only; whether it is a geo-block is judged by signature.h.
 */
#ifndef GEOPAUSE_OBSERVATION_H
#define GEOPAUSE_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum source_kind {
	SOURCE_SET, /* a named set */
	SOURCE_MAP, /* a named verdict map, or a map whose value (a mark) is decided on later */
	SOURCE_ANONYMOUS, /* an anonymous set or map in the rule */
	SOURCE_LITERAL,   /* a single address or network in the rule */
	SOURCE_FOREIGN,   /* something that the backend cannot look into (an ipset, xt geoip) */
	SOURCE_OWN_SET,   /* not a source: a set of ports that was made for geopause to fill */
};

enum effect {
	EFFECT_NONE,  /* neither stops nor lets through packets to any port that a CA uses */
	EFFECT_DENY,  /* a packet from the matched sources may be dropped or rejected */
	EFFECT_ALLOW, /* a packet from the matched sources is let through, others are dropped later
		       */
};

/* What the set holds. A count of SIZE_MAX: not read. */
struct set_facts {
	bool interval;   /* NFT_SET_INTERVAL: holds networks or ranges */
	bool timeout;    /* elements may expire */
	bool dynamic;    /* filled by rules (NFT_SET_EVAL) */
	size_t elements; /* ranges or single addresses */
	size_t hosts;    /* of these: a single IPv4 address, or an IPv6 prefix of /64 or longer */
	size_t special;  /* of these: not global unicast (RFC 6890: private, loopback, ...) */
};

#define OBSERVATION_KINDS 4 /* of the rules that one list was joined of */

struct observation {
	const char *backend; /* static */
	char *table;         /* "inet filter" */
	char *chain;
	uint64_t handle;
	uint64_t *more; /* handles of the rules behind it that do the same to other networks */
	size_t n_more;
	char *hook;     /* where its packets come from: "input", "forward", "ingress eth0", ... */
	char *text;     /* the rule, short, ASCII */
	char *comment;  /* the rule's, or NULL */
	char *leads_to; /* the chains that it sends these sources to, with spaces; or NULL */
	enum source_kind source;
	char *set;         /* name of the set or map, or NULL */
	char *set_comment; /* or NULL */
	bool inverted;     /* matches sources that are not in the set */
	bool by_mark;      /* decides on a mark that SOURCE_MAP set */
	struct set_facts facts;
	enum effect effect;
	/* Of rules that follow each other: the same, if only the network differs. 0: none. */
	uint64_t kinds[OBSERVATION_KINDS];
	bool sends;       /* the rule sends packets to another port or host */
	bool destination; /* matches the destination: a block of replies or of outgoing traffic */
	char *refusal;    /* why it cannot be lifted, with the way out; NULL: it can */
	char *spared_by;  /* the table's own set that lets packets pass before it; or NULL */
};

/* The refusal of what table nat of iptables does: no policy can name that table. */
#define OBSERVATION_IN_NAT                                                                         \
	"by the source it decides where packets are sent (DNAT, REDIRECT), which geopause does "   \
	"not change: block countries in the table filter, mangle or raw instead"

/* The refusal of a rule that sets a mark by which no rule is seen to decide: of effect EFFECT_NONE.
 */
#define OBSERVATION_MARKS                                                                          \
	"it marks packets by their source, and no rule of this kind of tables is seen that "       \
	"decides "                                                                                 \
	"by the mark: if one of another kind does, block by the source there"

struct observations {
	struct observation *v;
	size_t n;
};

/* Returns a zeroed entry at the end, or NULL when memory is gone. */
struct observation *observations_add(struct observations *all);
/*
 * Of rules that have one network each: a chain of them is what a set with all of them would be. If
 * the last one says the same as one right before it, that stands for both; what blocks nothing (a
 * rule that logs) may be between them. A single host may be a ban among networks: by_handle, where
 * a policy can name each rule, hosts are a list of their own; else it has to be of a kind of
 * theirs. -1 when memory is gone.
 */
int observations_join(struct observations *all, bool by_handle);
void observations_fini(struct observations *all);

#endif
