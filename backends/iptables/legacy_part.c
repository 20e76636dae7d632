/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_part.h"

#include <string.h>

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
	{ "--ctorigdstport", OPT_ORIGINAL_DPORT, 1 },
	{ "--ctdir", OPT_DIRECTION, 1 },
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
	{ "--tcp-flags", OPT_TCP_FLAGS, 2 },
	{ "--mark", OPT_MARK, 1 },
	{ "--mac-source", OPT_MAC, 1 },
	{ "--hashlimit-above", OPT_ABOVE, 1 },
	{ "--connlimit-above", OPT_ABOVE, 1 },
	{ "--rcheck", OPT_ABOVE, 0 },
	{ "--update", OPT_ABOVE, 0 },
	{ "--set", OPT_ALWAYS, 0 },
	{ "--hashlimit-burst", OPT_DETAIL, 1 },
	{ "--hashlimit-mode", OPT_DETAIL, 1 },
	{ "--hashlimit-name", OPT_DETAIL, 1 },
	{ "--hashlimit-htable-size", OPT_DETAIL, 1 },
	{ "--hashlimit-htable-max", OPT_DETAIL, 1 },
	{ "--hashlimit-htable-gcinterval", OPT_DETAIL, 1 },
	{ "--hashlimit-htable-expire", OPT_DETAIL, 1 },
	{ "--hashlimit-srcmask", OPT_DETAIL, 1 },
	{ "--hashlimit-dstmask", OPT_DETAIL, 1 },
	{ "--hashlimit-rate-match", OPT_DETAIL, 0 },
	{ "--hashlimit-rate-interval", OPT_DETAIL, 1 },
	{ "--connlimit-mask", OPT_DETAIL, 1 },
	{ "--connlimit-saddr", OPT_DETAIL, 0 },
	{ "--connlimit-daddr", OPT_DETAIL, 0 },
	{ "--seconds", OPT_DETAIL, 1 },
	{ "--hitcount", OPT_DETAIL, 1 },
	{ "--reap", OPT_DETAIL, 0 },
	{ "--rttl", OPT_DETAIL, 0 },
	{ "--name", OPT_DETAIL, 1 },
	{ "--mask", OPT_DETAIL, 1 },
	{ "--rsource", OPT_DETAIL, 0 },
	{ "--rdest", OPT_DETAIL, 0 },
	{ "--string", OPT_VALUE, 1 },
	{ "--hex-string", OPT_VALUE, 1 },
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* The kinds of tokens; behind KIND_KNOWN the options of the table. */
enum {
	KIND_VALUE,
	KIND_NOT,
	KIND_OPTION, /* that is not known */
	KIND_KNOWN,
};

_Static_assert(KIND_KNOWN + N_OPTIONS <= UINT8_MAX, "a kind is a byte");

uint8_t
part_kind(const char *text)
{
	if (text[0] != '-')
		return strcmp(text, "!") ? KIND_VALUE : KIND_NOT;
	for (size_t i = 0; text[1] && i < N_OPTIONS; i++)
		if (options[i].name[2] == text[2] && !strcmp(options[i].name, text))
			return (uint8_t)(KIND_KNOWN + i);
	return KIND_OPTION;
}

bool
part_read(const struct save_rule *rule, size_t i, struct part *part)
{
	const struct save_token *t = rule->tokens;
	const size_t n = rule->n;
	uint8_t kind;

	*part = (struct part){ .from = i };
	if (t[i].kind == KIND_NOT) {
		part->inverted = true;
		i++;
	}
	if (i >= n || t[i].kind < KIND_OPTION)
		return false;
	kind = t[i++].kind;
	if (kind == KIND_OPTION) {
		while (i < n && t[i].kind == KIND_VALUE)
			i++;
	} else {
		const size_t values = options[kind - KIND_KNOWN].values;

		part->option = options[kind - KIND_KNOWN].option;
		if (i + values > n)
			return false;
		for (size_t v = 0; v < values; v++)
			part->values[v] = t[i++].text;
	}
	part->to = i;
	return true;
}

bool
part_is_target(const struct part *part)
{
	return part->option == OPT_JUMP || part->option == OPT_GOTO;
}

bool
part_is_of_source(const struct part *part)
{
	return part->values[1] && !strncmp(part->values[1], "src", 3);
}

bool
part_is_source(const struct part *part)
{
	return part->option == OPT_SOURCE || part->option == OPT_SRC_RANGE ||
	       part->option == OPT_SRC_COUNTRY ||
	       (part->option == OPT_MATCH_SET && part_is_of_source(part));
}
