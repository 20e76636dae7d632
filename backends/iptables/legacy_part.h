/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of a rule, as iptables-save prints them (iptables(8), iptables-extensions(8)). */
#ifndef GEOPAUSE_LEGACY_PART_H
#define GEOPAUSE_LEGACY_PART_H

#include "legacy_save.h"

enum option {
	OPT_UNKNOWN,
	OPT_PROTO,
	OPT_SOURCE,
	OPT_DESTINATION,
	OPT_IN,
	OPT_OUT,
	OPT_FRAGMENT,
	OPT_MATCH,
	OPT_JUMP,
	OPT_GOTO,
	OPT_DPORT,
	OPT_DPORTS,
	OPT_PORTS,
	OPT_ORIGINAL_DPORT,
	OPT_DIRECTION,
	OPT_MATCH_SET,
	OPT_SRC_COUNTRY,
	OPT_DST_COUNTRY,
	OPT_SRC_RANGE,
	OPT_DST_RANGE,
	OPT_COMMENT,
	OPT_STATE,
	OPT_TCP_FLAGS,
	OPT_MARK,
	OPT_MAC,
	OPT_ABOVE,  /* true only of packets that come too often */
	OPT_ALWAYS, /* true of every packet */
	OPT_DETAIL, /* says more of another option of the same match */
	OPT_VALUE,  /* known only for its values: what it says is not */
};

/* An option with its values. */
struct part {
	enum option option;
	bool inverted;
	size_t from, to; /* tokens of the rule, "!" included */
	const char *values[2];
};

/* What an unquoted token of this text is in a rule; 0: a value. */
uint8_t part_kind(const char *text);
/* The part that begins at token i of the rule, which has its words. False: none does. */
bool part_read(const struct save_rule *rule, size_t i, struct part *part);
/* What follows is the target's own. */
bool part_is_target(const struct part *part);
/* It asks where the packet comes from, by its address. */
bool part_is_source(const struct part *part);
/* A set's flags, one a dimension: "src", "dst,dst", "src,dst". */
bool part_is_of_source(const struct part *part);

#endif
