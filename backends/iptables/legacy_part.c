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
	{ "--string", OPT_VALUE, 1 },
	{ "--hex-string", OPT_VALUE, 1 },
	{ "--name", OPT_VALUE, 1 },
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

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

bool
part_read(const struct save *save, const struct save_rule *rule, size_t i, struct part *part)
{
	const struct save_token *t = &save->tokens[rule->first];
	size_t known, n = rule->n;

	*part = (struct part){ .from = i };
	if (is_not(&t[i])) {
		part->inverted = true;
		i++;
	}
	if (i >= n || !is_option(&t[i]))
		return false;
	known = find_option(t[i].text);
	i++;
	if (known != SAVE_NONE) {
		part->option = options[known].option;
		if (i + options[known].values > n)
			return false;
		for (size_t v = 0; v < options[known].values; v++)
			part->values[v] = t[i++].text;
	} else {
		while (i < n && !is_option(&t[i]) && !is_not(&t[i]))
			i++;
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
