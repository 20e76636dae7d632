/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_rule.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

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
	OPT_MATCH_SET,
	OPT_SRC_COUNTRY,
	OPT_DST_COUNTRY,
	OPT_SRC_RANGE,
	OPT_DST_RANGE,
	OPT_COMMENT,
	OPT_STATE,
	OPT_VALUE, /* known only for its values: nothing that matters here */
};

static const struct {
	const char *name;
	enum option option;
	size_t values;
} options[] = {
	{ "-p", OPT_PROTO, 1 },
	{ "-s", OPT_SOURCE, 1 },
	{ "-d", OPT_DESTINATION, 1 },
	{ "-i", OPT_IN, 1 },
	{ "-o", OPT_OUT, 1 },
	{ "-f", OPT_FRAGMENT, 0 },
	{ "-m", OPT_MATCH, 1 },
	{ "-j", OPT_JUMP, 1 },
	{ "-g", OPT_GOTO, 1 },
	{ "--dport", OPT_DPORT, 1 },
	{ "--sport", OPT_VALUE, 1 },
	{ "--dports", OPT_DPORTS, 1 },
	{ "--sports", OPT_VALUE, 1 },
	{ "--ports", OPT_PORTS, 1 },
	{ "--match-set", OPT_MATCH_SET, 2 },
	{ "--source-country", OPT_SRC_COUNTRY, 1 },
	{ "--src-cc", OPT_SRC_COUNTRY, 1 },
	{ "--destination-country", OPT_DST_COUNTRY, 1 },
	{ "--dst-cc", OPT_DST_COUNTRY, 1 },
	{ "--src-range", OPT_SRC_RANGE, 1 },
	{ "--dst-range", OPT_DST_RANGE, 1 },
	{ "--comment", OPT_COMMENT, 1 },
	{ "--ctstate", OPT_STATE, 1 },
	{ "--state", OPT_STATE, 1 },
	{ "--tcp-flags", OPT_VALUE, 2 },
	{ "--string", OPT_VALUE, 1 },
	{ "--hex-string", OPT_VALUE, 1 },
	{ "--name", OPT_VALUE, 1 },
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* Matches that say no more than where a packet goes and what it belongs to. */
static const char *const plain_matches[] = { "tcp", "udp",   "multiport", "conntrack", "state",
					     "set", "geoip", "iprange",   "comment" };

static const struct {
	const char *name;
	enum rule_target target;
} targets[] = {
	{ "ACCEPT", RULE_ACCEPT }, { "RETURN", RULE_RETURN }, { "DROP", RULE_DENY },
	{ "REJECT", RULE_DENY },   { "TARPIT", RULE_DENY },   { "CHAOS", RULE_DENY },
	{ "DELUDE", RULE_DENY },   { "LOG", RULE_NONE },      { "NFLOG", RULE_NONE },
	{ "ULOG", RULE_NONE },     { "MARK", RULE_NONE },     { "CONNMARK", RULE_NONE },
	{ "SET", RULE_NONE },      { "AUDIT", RULE_NONE },    { "TCPMSS", RULE_NONE },
	{ "TRACE", RULE_NONE },    { "CT", RULE_NONE },       { "NOTRACK", RULE_NONE },
	{ "DSCP", RULE_NONE },     { "CLASSIFY", RULE_NONE }, { "SECMARK", RULE_NONE },
	{ "TTL", RULE_NONE },      { "HL", RULE_NONE },       { "CONNSECMARK", RULE_NONE },
	{ "TOS", RULE_NONE },      { "CHECKSUM", RULE_NONE }, { "RATEEST", RULE_NONE },
	{ "LED", RULE_NONE },      { "TEE", RULE_NONE },
};

/* An option with its values. */
struct part {
	enum option option;
	bool inverted;
	size_t from, to; /* its tokens, "!" included */
	const char *values[2];
};

static const struct save_token *
token(const struct rule *rule, size_t i)
{
	return &rule->save->tokens[rule->at->first + i];
}

static bool
is_option(const struct save_token *t)
{
	return !t->quoted && t->text[0] == '-';
}

static bool
is_not(const struct save_token *t)
{
	return !t->quoted && !strcmp(t->text, "!");
}

static size_t
find_option(const char *name)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (!strcmp(options[i].name, name))
			return i;
	return SAVE_NONE;
}

/* The part that begins at token i. False: none does. */
static bool
read_part(const struct rule *rule, size_t i, struct part *part)
{
	size_t known, n = rule->at->n;

	*part = (struct part){ .from = i };
	if (is_not(token(rule, i))) {
		part->inverted = true;
		i++;
	}
	if (i >= n || !is_option(token(rule, i)))
		return false;
	known = find_option(token(rule, i)->text);
	i++;
	if (known != SAVE_NONE) {
		part->option = options[known].option;
		if (i + options[known].values > n)
			return false;
		for (size_t v = 0; v < options[known].values; v++)
			part->values[v] = token(rule, i++)->text;
	} else {
		while (i < n && !is_option(token(rule, i)) && !is_not(token(rule, i)))
			i++;
	}
	part->to = i;
	return true;
}

/* --- what the parts say --- */

static void
read_target(struct rule *rule, const struct part *part)
{
	const char *name = part->values[0];

	rule->target_name = name;
	rule->is_goto = part->option == OPT_GOTO;
	rule->chain = save_chain(rule->save, name);
	if (rule->chain != SAVE_NONE) {
		rule->target = RULE_CHAIN;
		return;
	}
	rule->target = RULE_OTHER;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!strcmp(targets[i].name, name))
			rule->target = targets[i].target;
}

static void
read_match(struct rule *rule, const char *name)
{
	bool plain = false;

	for (size_t i = 0; i < sizeof(plain_matches) / sizeof(plain_matches[0]); i++)
		plain = plain || !strcmp(plain_matches[i], name);
	rule->plain = rule->plain && plain;
	if (strcmp(name, "comment") != 0)
		rule->total = false;
}

static void
found_source(struct rule *rule, const struct part *part, enum rule_source source, bool whole)
{
	if (rule->sources++)
		return;
	rule->source = source;
	rule->inverted = part->inverted;
	rule->whole = whole;
	rule->from = part->from;
	rule->to = part->to;
	rule->source_is_option = part->option == OPT_SOURCE;
}

/* A set's flags, one a dimension: "src", "dst,dst", "src,dst". */
static bool
is_of_source(const struct part *part)
{
	return part->values[1] && !strncmp(part->values[1], "src", 3);
}

static void
read_set(struct rule *rule, const struct part *part)
{
	if (!is_of_source(part)) {
		rule->destination = true;
		return;
	}
	if (!rule->sources)
		rule->set = part->values[0];
	found_source(rule, part, RULE_SET, !strcmp(part->values[1], "src"));
}

static bool
names_new(const char *states)
{
	for (const char *at = states; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, "NEW", 3) || !strncmp(at, "UNTRACKED", 9) ||
		    !strncmp(at, "DNAT", 4) || !strncmp(at, "SNAT", 4))
			return true;
	}
	return false;
}

static void
take_part(struct rule *rule, const struct part *part)
{
	if (part->option != OPT_JUMP && part->option != OPT_GOTO && part->option != OPT_MATCH &&
	    part->option != OPT_COMMENT)
		rule->total = false;
	switch (part->option) {
	case OPT_PROTO:
		rule->proto = part->values[0];
		rule->proto_inverted = part->inverted;
		break;
	case OPT_SOURCE:
		found_source(rule, part, RULE_LITERAL, true);
		break;
	case OPT_IN:
		rule->never_new |= !part->inverted && !strcmp(part->values[0], "lo");
		break;
	case OPT_MATCH:
		read_match(rule, part->values[0]);
		break;
	case OPT_MATCH_SET:
		read_set(rule, part);
		break;
	case OPT_SRC_COUNTRY:
		found_source(rule, part, RULE_COUNTRY, true);
		break;
	case OPT_SRC_RANGE:
		found_source(rule, part, RULE_LITERAL, true);
		break;
	case OPT_DST_COUNTRY:
		rule->destination = true;
		rule->whole = false;
		break;
	case OPT_COMMENT:
		rule->comment = part->values[0];
		break;
	case OPT_STATE:
		rule->never_new |= names_new(part->values[0]) == part->inverted;
		break;
	case OPT_FRAGMENT:
		rule->never_new |= !part->inverted;
		break;
	case OPT_JUMP:
	case OPT_GOTO:
		read_target(rule, part);
		break;
	case OPT_UNKNOWN:
	case OPT_DESTINATION:
	case OPT_OUT:
	case OPT_DPORT:
	case OPT_DPORTS:
	case OPT_PORTS:
	case OPT_DST_RANGE:
	case OPT_VALUE:
		break;
	}
}

/* The source's test is the whole of a match: from its -m up to the next one. */
static void
widen_to_match(struct rule *rule)
{
	struct part part;
	size_t i = 0, match = SAVE_NONE;

	if (!rule->sources || rule->source_is_option)
		return;
	for (; i < rule->at->n && read_part(rule, i, &part); i = part.to) {
		if (part.option == OPT_MATCH && part.from < rule->from)
			match = part.from;
		if (part.from > rule->from && (part.option == OPT_MATCH ||
					       part.option == OPT_JUMP || part.option == OPT_GOTO))
			break;
		if (part.option == OPT_DST_RANGE || part.option == OPT_DST_COUNTRY)
			rule->whole = false;
	}
	if (match == SAVE_NONE)
		rule->whole = false;
	else
		rule->from = match;
	rule->to = i;
}

void
rule_read(struct rule *rule, const struct save *save, size_t index)
{
	struct part part;

	*rule = (struct rule){
		.save = save,
		.at = &save->rules[index],
		.odd = save->rules[index].odd,
		.chain = SAVE_NONE,
		.plain = true,
		.total = true,
	};
	for (size_t i = 0; i < rule->at->n && !rule->odd; i = part.to) {
		if (!read_part(rule, i, &part)) {
			rule->odd = true;
			break;
		}
		take_part(rule, &part);
		/* What follows is the target's own. */
		if (part.option == OPT_JUMP || part.option == OPT_GOTO)
			break;
	}
	widen_to_match(rule);
}

/* --- ports --- */

static bool
in_range(const char *range, const char *end, uint16_t number)
{
	char *at;
	unsigned long low = strtoul(range, &at, 10), high = low;

	if (at < end && *at == ':')
		high = strtoul(at + 1, NULL, 10);
	return low <= number && number <= high;
}

/* "80", "80:90", "80,443,8000:8080". */
static bool
in_list(const char *list, uint16_t number)
{
	for (const char *at = list;; at++) {
		const char *end = at + strcspn(at, ",");

		if (in_range(at, end, number))
			return true;
		if (!*end)
			return false;
		at = end;
	}
}

static bool
proto_excludes(const struct rule *rule, struct port port)
{
	const char *name = port.proto == IPPROTO_TCP ? "tcp" : "udp";
	const char *number = port.proto == IPPROTO_TCP ? "6" : "17";

	if (!rule->proto || !strcmp(rule->proto, "all"))
		return false;
	return (strcmp(rule->proto, name) && strcmp(rule->proto, number)) != rule->proto_inverted;
}

bool
rule_excludes(const struct rule *rule, struct port port)
{
	struct part part;

	if (rule->odd)
		return false;
	if (rule->never_new || proto_excludes(rule, port))
		return true;
	for (size_t i = 0; i < rule->at->n && read_part(rule, i, &part); i = part.to) {
		if (part.option == OPT_JUMP || part.option == OPT_GOTO)
			break;
		if ((part.option == OPT_DPORT || part.option == OPT_DPORTS) &&
		    in_list(part.values[0], port.number) == part.inverted)
			return true;
	}
	return false;
}

bool
rule_sets(const struct rule *rule, bool (*accept)(const char *set, void *data), void *data)
{
	struct part part;
	bool any = false;

	for (size_t i = 0; i < rule->at->n && read_part(rule, i, &part); i = part.to) {
		if (part.option == OPT_JUMP || part.option == OPT_GOTO)
			break;
		if (part.option == OPT_MATCH_SET && is_of_source(&part) &&
		    accept(part.values[0], data))
			any = true;
	}
	return any;
}

bool
rule_is_by_source(const struct rule *rule)
{
	return rule->sources > 0;
}
