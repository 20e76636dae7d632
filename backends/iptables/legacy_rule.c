/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_rule.h"

#include <stdlib.h>
#include <string.h>

#include "legacy_part.h"

/* Matches that say no more than where a packet goes and what it belongs to. */
static const char *const plain_matches[] = { "tcp", "udp",   "multiport", "conntrack", "state",
					     "set", "geoip", "iprange",   "comment",   "addrtype" };

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
	rule->named |= !part->inverted;
	if (rule->sources++)
		return;
	rule->source = source;
	rule->inverted = part->inverted;
	rule->whole = whole;
	rule->from = part->from;
	rule->to = part->to;
	rule->source_is_option = part->option == OPT_SOURCE;
}

static void
read_set(struct rule *rule, const struct part *part)
{
	if (!part_is_of_source(part)) {
		rule->destination = true;
		return;
	}
	if (!rule->sources)
		rule->set = part->values[0];
	found_source(rule, part, RULE_SET, !strcmp(part->values[1], "src"));
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
	case OPT_MARK:
		rule->mark = part->values[0];
		rule->mark_inverted = part->inverted;
		break;
	case OPT_JUMP:
	case OPT_GOTO:
		read_target(rule, part);
		break;
	case OPT_UNKNOWN:
	case OPT_DESTINATION:
	case OPT_IN:
	case OPT_FRAGMENT:
	case OPT_ORIGINAL_DPORT:
	case OPT_DIRECTION:
	case OPT_STATE:
	case OPT_TCP_FLAGS:
	case OPT_MAC:
	case OPT_ABOVE:
	case OPT_ALWAYS:
	case OPT_DETAIL:
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
	for (; i < rule->at->n && part_read(rule->at, i, &part); i = part.to) {
		if (part.option == OPT_MATCH && part.from < rule->from)
			match = part.from;
		if (part.from > rule->from && (part.option == OPT_MATCH || part_is_target(&part)))
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

/* A rule with so many matches that a bit for one is missing is nobody's. */
static void
find_parts(struct rule *rule)
{
	unsigned part;

	if (!rule->sources || !rule->whole)
		return;
	part = rule->at->tokens[rule->from].part;
	if (part < 64)
		rule->without = UINT64_C(1) << part;
	else
		rule->whole = false;
}

void
rule_read(struct rule *rule, const struct save *save, size_t index)
{
	struct part part;
	const bool known = save_words(save, index);

	*rule = (struct rule){
		.save = save,
		.at = &save->rules[index],
		.odd = !known || save->rules[index].odd,
		.chain = SAVE_NONE,
		.plain = true,
		.total = true,
	};
	for (size_t i = 0; i < rule->at->n && !rule->odd; i = part.to) {
		if (!part_read(rule->at, i, &part)) {
			rule->odd = true;
			break;
		}
		take_part(rule, &part);
		/* What follows is the target's own. */
		if (part_is_target(&part))
			break;
	}
	widen_to_match(rule);
	find_parts(rule);
}

bool
rule_choose(struct rule *rule, size_t i, bool too)
{
	struct rule chosen = *rule;
	struct part part;

	if (!part_read(rule->at, i, &part))
		return false;
	chosen.sources = 0;
	if (part.option == OPT_MATCH_SET)
		read_set(&chosen, &part);
	else
		found_source(&chosen, &part, RULE_COUNTRY, true);
	chosen.sources = rule->sources;
	widen_to_match(&chosen);
	find_parts(&chosen);
	if (!chosen.whole)
		return false;
	if (too)
		chosen.without |= rule->without;
	*rule = chosen;
	return true;
}

bool
rule_leaves_out(const struct rule *rule, uint64_t without, size_t i)
{
	const unsigned part = rule->at->tokens[i].part;

	if (part >= 64 || !(without & UINT64_C(1) << part))
		return false;
	/* Of what is in no match the source alone. */
	return part > 0 || (i >= rule->from && i < rule->to);
}

bool
rule_sets(const struct rule *rule, bool (*accept)(const char *set, void *data), void *data)
{
	struct part part;
	bool any = false;

	for (size_t i = 0; i < rule->at->n && part_read(rule->at, i, &part); i = part.to) {
		if (part_is_target(&part))
			break;
		if (part.option == OPT_MATCH_SET && part_is_of_source(&part) &&
		    accept(part.values[0], data))
			any = true;
	}
	return any;
}

unsigned
rule_outcomes(const struct rule *rule)
{
	switch (rule->target) {
	case RULE_ACCEPT:
		return MAY_ACCEPT;
	case RULE_DENY:
		return MAY_DROP;
	case RULE_RETURN:
	case RULE_NONE:
		return MAY_FALL;
	case RULE_CHAIN:
	case RULE_OTHER:
		break;
	}
	return MAY_ACCEPT | MAY_DROP | MAY_FALL;
}

bool
rule_queues(const struct rule *rule)
{
	return rule->target_name &&
	       (!strcmp(rule->target_name, "NFQUEUE") || !strcmp(rule->target_name, "QUEUE"));
}

bool
rule_read_mark(const char *text, uint32_t *value, uint32_t *mask)
{
	char *end;

	*value = (uint32_t)strtoul(text, &end, 0);
	*mask = UINT32_MAX;
	if (end == text)
		return false;
	if (*end == '/')
		*mask = (uint32_t)strtoul(end + 1, &end, 0);
	return *end == '\0';
}

bool
rule_sets_mark(const struct rule *rule, uint32_t *value, uint32_t *mask)
{
	const char *name = rule->target_name;

	if (!name || (strcmp(name, "MARK") != 0 && strcmp(name, "CONNMARK") != 0))
		return false;
	for (size_t i = 0; i + 1 < rule->at->n; i++) {
		const struct save_token *t = &rule->at->tokens[i];

		if (!strcmp(t[0].text, "--set-xmark") || !strcmp(t[0].text, "--set-mark"))
			return rule_read_mark(t[1].text, value, mask);
	}
	return false;
}
