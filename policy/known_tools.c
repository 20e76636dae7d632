/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "known_tools.h"

#include <fnmatch.h>
#include <string.h>

/*
 * What known tools make. Every pattern that is given must match (fnmatch(3)); the first row that
 * does counts.
 */
static const struct {
	const char *table; /* without the family */
	const char *chain;
	const char *set;
	const char *comment;
	enum verdict verdict;
	const char *why;
} tools[] = {
	{ "geoip-shell", NULL, "[A-Z][A-Z]_[46]*", NULL, VERDICT_CERTAIN,
	  "a country's set in geoip-shell's table" },
	{ "geoip-shell", NULL, "*", NULL, VERDICT_LEFT_ALONE,
	  "an exception that geoip-shell makes" },
	{ NULL, NULL, "geoip-shell_[A-Z][A-Z]_[46]*", NULL, VERDICT_CERTAIN,
	  "a country's set of geoip-shell" },
	{ NULL, NULL, "geoip-shell_*", NULL, VERDICT_LEFT_ALONE,
	  "an exception that geoip-shell makes" },
	{ NULL, NULL, NULL, "geoip-shell_aux_*", VERDICT_LEFT_ALONE,
	  "an exception that geoip-shell makes" },
	{ "geo-filter", NULL, "filter-v[46]", NULL, VERDICT_CERTAIN, "nft-geo-filter's set" },
	{ NULL, NULL, "GEOIP_CC_*", NULL, VERDICT_CERTAIN, "set name GEOIP_CC_* is made by VyOS" },
	{ NULL, NULL, "GEOIP_CC6_*", NULL, VERDICT_CERTAIN,
	  "set name GEOIP_CC6_* is made by VyOS" },
	{ "banIP", NULL, "country.*", NULL, VERDICT_CERTAIN, "banIP's country feed" },
	{ "banIP", NULL, "*", NULL, VERDICT_LEFT_ALONE, "one of banIP's other feeds" },
	{ NULL, "CC_DENY*", NULL, NULL, VERDICT_CERTAIN, "chain CC_DENY* is made by CSF" },
	{ NULL, "CC_ALLOW*", NULL, NULL, VERDICT_CERTAIN, "chain CC_ALLOW* is made by CSF" },
	{ NULL, NULL, "chain_*DENY", NULL, VERDICT_LEFT_ALONE, "CSF's list of single addresses" },
	{ NULL, NULL, "chain_*ALLOW", NULL, VERDICT_LEFT_ALONE, "CSF's list of single addresses" },
	{ NULL, NULL, "bl_*", NULL, VERDICT_LEFT_ALONE, "a blocklist" },
	{ NULL, "LOCATIONBLOCK", NULL, NULL, VERDICT_CERTAIN,
	  "chain LOCATIONBLOCK is made by IPFire" },
	{ NULL, NULL, "XD", NULL, VERDICT_LEFT_ALONE, "IPFire's list of hostile networks" },
	{ NULL, NULL, "addr-set-*", NULL, VERDICT_LEFT_ALONE, "fail2ban's set" },
	{ NULL, NULL, "addr6-set-*", NULL, VERDICT_LEFT_ALONE, "fail2ban's set" },
	{ NULL, NULL, "f2b*", NULL, VERDICT_LEFT_ALONE, "fail2ban's set" },
	{ NULL, NULL, "*fail2ban*", NULL, VERDICT_LEFT_ALONE, "fail2ban's set" },
	{ "f2b*", NULL, NULL, NULL, VERDICT_LEFT_ALONE, "fail2ban's table" },
	{ NULL, "f2b*", NULL, NULL, VERDICT_LEFT_ALONE, "fail2ban's chain" },
	{ NULL, NULL, NULL, "f2b*", VERDICT_LEFT_ALONE, "fail2ban's rule" },
	{ NULL, NULL, NULL, "fail2ban*", VERDICT_LEFT_ALONE, "fail2ban's rule" },
	{ "crowdsec*", NULL, NULL, NULL, VERDICT_LEFT_ALONE, "crowdsec's table" },
	{ NULL, NULL, "crowdsec*", NULL, VERDICT_LEFT_ALONE, "crowdsec's set" },
	{ NULL, "crowdsec*", NULL, NULL, VERDICT_LEFT_ALONE, "crowdsec's chain" },
	{ "sshguard*", NULL, NULL, NULL, VERDICT_LEFT_ALONE, "sshguard's table" },
	{ NULL, NULL, "sshguard*", NULL, VERDICT_LEFT_ALONE, "sshguard's set" },
	{ NULL, NULL, "*firehol*", NULL, VERDICT_CANDIDATE,
	  "a list of FireHOL's looks exactly like a geo-block: most are attackers, some "
	  "countries" },
	{ NULL, NULL, "*spamhaus*", NULL, VERDICT_CANDIDATE,
	  "a list of Spamhaus's looks exactly like a geo-block, but names hostile networks" },
	{ NULL, NULL, "*[rR][fF][cC]1918*", NULL, VERDICT_LEFT_ALONE, "private networks" },
	{ NULL, NULL, NULL, "*[rR][fF][cC] *1918*", VERDICT_LEFT_ALONE, "private networks" },
	{ NULL, NULL, NULL, "*[rR][fF][cC]1918*", VERDICT_LEFT_ALONE, "private networks" },
	{ NULL, NULL, "geopause*", NULL, VERDICT_LEFT_ALONE, "made by geopause itself" },
};
#define N_TOOLS (sizeof(tools) / sizeof(tools[0]))

const char *
known_table_name(const char *table)
{
	const char *space = table == NULL ? NULL : strchr(table, ' ');

	return space == NULL ? table : space + 1;
}

static bool
fits(const char *pattern, const char *name)
{
	return pattern == NULL || (name != NULL && fnmatch(pattern, name, 0) == 0);
}

struct known_tool
known_tool(const struct observation *o)
{
	for (size_t i = 0; i < N_TOOLS; i++)
		if (fits(tools[i].table, known_table_name(o->table)) &&
		    fits(tools[i].chain, o->chain) && fits(tools[i].set, o->set) &&
		    fits(tools[i].comment, o->comment))
			return (struct known_tool){ tools[i].verdict, tools[i].why };
	return (struct known_tool){ VERDICT_LEFT_ALONE, NULL };
}
