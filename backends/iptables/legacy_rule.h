/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a rule of iptables says, as far as lifting it needs to know (iptables-extensions(8)). What
 * is not known counts as a condition that may be met.
 */
#ifndef GEOPAUSE_LEGACY_RULE_H
#define GEOPAUSE_LEGACY_RULE_H

#include "challenge.h"
#include "legacy_save.h"
#include "truth.h"

enum rule_target {
	RULE_NONE, /* counts, logs, marks: the packet goes on */
	RULE_ACCEPT,
	RULE_RETURN,
	RULE_DENY,  /* DROP, REJECT and what else keeps a packet from arriving */
	RULE_CHAIN, /* jump or goto */
	RULE_OTHER, /* something that may end its way: not known */
};

enum rule_source {
	RULE_ANY,
	RULE_SET,     /* -m set ... src */
	RULE_COUNTRY, /* -m geoip */
	RULE_LITERAL, /* -s, -m iprange */
};

struct rule {
	const struct save *save;
	const struct save_rule *at;
	bool odd; /* has parts that could not be told apart */

	enum rule_target target;
	const char *target_name; /* NULL: none */
	size_t chain;            /* of RULE_CHAIN */
	bool is_goto;

	enum rule_source source;
	unsigned sources; /* how many tests of the source it has */
	bool named;       /* one of them is not inverted: sources that nothing names fail it */
	const char *set;  /* the first one's set */
	bool inverted;    /* the first one is */
	bool whole;       /* and tests nothing else: it can be left out as a whole */
	size_t from, to;  /* its tokens */
	uint64_t without; /* with `whole` the parts of the rule that are left out then, as bits */
	bool source_is_option; /* -s, and no -m: the protocol and the like may stand around it */

	bool destination; /* tests the destination by a set or a country */
	bool plain;       /* has no conditions but addresses, ports, interfaces, states */
	bool total;       /* has no conditions at all */
	const char *mark; /* that -m mark or -m connmark asks for, or NULL */
	bool mark_inverted;
	bool proto_inverted;
	const char *proto; /* NULL: any */
	const char *comment;
};

void rule_read(struct rule *rule, const struct save *save, size_t index);
/* True if it has a set with sources of a name that this accepts; calls it for each. */
bool rule_sets(const struct rule *rule, bool (*accept)(const char *set, void *data), void *data);
/* What its target does with packets, of enum outcomes; of a jump anything: the chain says what. */
unsigned rule_outcomes(const struct rule *rule);
/* Its target hands packets to a program, which decides. */
bool rule_queues(const struct rule *rule);
#define RULE_QUEUES                                                                                \
	"it hands packets to a program (NFQUEUE), and geopause does not see what that decides: "   \
	"have the program let the ports through, or the rule skipped with \"action\": \"skip\""
/*
 * The mark that the target MARK or CONNMARK sets, as iptables-save says all of its forms. False: it
 * has another target, or what it sets is not said.
 */
bool rule_sets_mark(const struct rule *rule, uint32_t *value, uint32_t *mask);
/* "0x7/0xff", "0x7". */
bool rule_read_mark(const char *text, uint32_t *value, uint32_t *mask);
/*
 * Of several tests of the source, this set's or country's, at token i, counts as the first one;
 * or, with `too`, is left out like those that were chosen before. False: it tests something else
 * besides; nothing is changed.
 */
bool rule_choose(struct rule *rule, size_t i, bool too);
/* Is that token a part of what is left out? */
bool rule_leaves_out(const struct rule *rule, uint64_t without, size_t i);

#endif
