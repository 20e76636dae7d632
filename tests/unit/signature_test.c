/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row an observation that was seen, or made up to be easily mistaken. The worst that can
 * happen is a CERTAIN for something that is no geo-block.
 */
#include "unit.h"

#include <ctype.h>
#include <string.h>

#include "signature.h"

#define UNREAD SIZE_MAX

/* What sets hold: a country, a few of its networks, single addresses, private networks, ... */
static const struct set_facts country = { .interval = true, .elements = 31 };
static const struct set_facts country_v6 = { .interval = true, .elements = 3 };
static const struct set_facts one_network = { .interval = true, .elements = 1 };
static const struct set_facts timeouts = { .interval = true, .timeout = true, .elements = 15 };
static const struct set_facts unread = {
	.interval = true, .elements = UNREAD, .hosts = UNREAD, .special = UNREAD
};
static const struct set_facts empty = { .interval = true };
static const struct set_facts hosts = { .elements = 30, .hosts = 30 };
static const struct set_facts interval_hosts = { .interval = true, .elements = 30, .hosts = 28 };
static const struct set_facts few_hosts = { .interval = true, .elements = 2, .hosts = 2 };
static const struct set_facts bans = { .timeout = true, .elements = 30, .hosts = 30 };
static const struct set_facts dynamic = { .dynamic = true, .timeout = true, .elements = 9 };
static const struct set_facts private_nets = { .interval = true, .elements = 3, .special = 3 };
static const struct set_facts mixed = { .interval = true, .elements = 31, .special = 3 };
static const struct set_facts literal = { .elements = 1 };
static const struct set_facts literal_host = { .elements = 1, .hosts = 1 };
static const struct set_facts literal_private = { .elements = 1, .special = 1 };

enum {
	SET = SOURCE_SET,
	MAP = SOURCE_MAP,
	ANON = SOURCE_ANONYMOUS,
	LIT = SOURCE_LITERAL,
	FOREIGN = SOURCE_FOREIGN,
	OWN = SOURCE_OWN_SET,
	DENY = 0x10,
	ALLOW = 0x20,
	NOT = 0x40,
	MARK = 0x80,
	DST = 0x100,
	SENDS = 0x200
};

#define CERTAIN VERDICT_CERTAIN
#define CANDIDATE VERDICT_CANDIDATE
#define ALONE VERDICT_LEFT_ALONE

struct row {
	enum verdict verdict;
	unsigned what;
	const char *table;
	const char *chain;
	const char *set;
	const struct set_facts *facts;
	const char *comment;
	const char *set_comment;
	const char *text;
	const char *leads_to;
};

/* Rows end where there is nothing more to say. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define F "inet filter"
#define I "input"

static const struct row tools[] = {
	{ CERTAIN, SET | DENY, "inet geoip-shell", "GEOIP-SHELL_IN", "RU_4_2026-11-23", &country,
	  "geoip-shell" },
	{ CERTAIN, SET | DENY, "inet geoip-shell", "GEOIP-SHELL_IN", "KP_4_2026-11-23",
	  &one_network, "geoip-shell" },
	{ CERTAIN, SET | DENY, "inet geoip-shell", "GEOIP-SHELL_IN", "IN_6_2026-11-23", &country_v6,
	  "geoip-shell" },
	{ CERTAIN, SET | ALLOW, "inet geoip-shell", "GEOIP-SHELL_IN", "MC_6_2026-11-23",
	  &country_v6, "geoip-shell" },
	{ ALONE, SET | ALLOW, "inet geoip-shell", "GEOIP-SHELL_IN", "allow_in_4", &few_hosts,
	  "geoip-shell_aux_allow" },
	{ ALONE, SET | ALLOW, "inet geoip-shell", "GEOIP-SHELL_IN", "allow_in_4", &country,
	  "geoip-shell_aux_allow" },
	{ ALONE, SET | ALLOW, "inet geoip-shell", "GEOIP-SHELL_IN", "dhcp_4", &private_nets,
	  "geoip-shell_aux_DHCP_4" },
	{ ALONE, LIT | ALLOW, "inet geoip-shell", "GEOIP-SHELL_IN", NULL, &literal_private,
	  "geoip-shell_aux_DHCP_6" },
	{ CERTAIN, SET | DENY, "inet geo-filter", "filter-chain", "filter-v4", &country },
	{ CERTAIN, SET | ALLOW, "netdev geo-filter", "filter-chain", "filter-v6", &country_v6 },
	{ CERTAIN, SET | DENY, "inet geo-filter", "filter-chain", "filter-v4", &unread },
	{ ALONE, LIT | ALLOW, "inet geo-filter", "filter-chain", NULL, &literal_private },
	{ ALONE, LIT | ALLOW, "inet geo-filter", "filter-chain", NULL, &literal },
	{ ALONE, ANON | ALLOW, "inet geo-filter", "filter-chain", NULL, &private_nets },
	{ CERTAIN, SET | DENY, "ip vyos_filter", "VYOS_INPUT_filter", "GEOIP_CC_input_filter_10",
	  &country, "ipv4-INP-filter-10" },
	{ CERTAIN, SET | DENY | NOT, "ip vyos_filter", "NAME_WAN-LOCAL",
	  "GEOIP_CC_name_WAN-LOCAL_20", &country, "ipv4-NAM-WAN-LOCAL-20" },
	{ CERTAIN, SET | DENY, "ip6 vyos_filter", "VYOS_IPV6_INPUT_filter",
	  "GEOIP_CC6_input_filter_10", &country_v6, "ipv6-INP-filter-10" },
	{ ALONE, SET | ALLOW, "ip vyos_filter", "VYOS_INPUT_filter", "N_LAN", &private_nets },
	{ CERTAIN, SET | DENY, "inet banIP", "_inbound", "country.v4", &country },
	{ CERTAIN, SET | DENY, "inet banIP", "_inbound", "country.ru.v6", &country_v6 },
	{ ALONE, SET | ALLOW, "inet banIP", "_inbound", "allowlist.v4", &few_hosts },
	{ ALONE, SET | DENY, "inet banIP", "_inbound", "blocklist.v4", &timeouts },
	{ ALONE, SET | DENY, "inet banIP", "_inbound", "debl.v4", &country },
	{ ALONE, SET | DENY, "inet banIP", "_inbound", "firehol1.v4", &country },
	{ CERTAIN, SET | DENY, "netdev countryblock", "countryblock-ingress-chain",
	  "countryblock-ru4", &timeouts },
	{ CERTAIN, SET | DENY, "netdev countryblock", "countryblock-ingress-chain",
	  "countryblock-cn6", &country_v6 },
	{ ALONE, LIT | ALLOW, "netdev countryblock", "countryblock-ingress-chain", NULL,
	  &literal_private },
	{ CERTAIN, MAP | DENY | MARK, F, "geoip-mark-input", "geoip4", &country },
	{ CERTAIN, MAP | DENY | MARK, F, "geoip-mark-input", "geoip6", &unread },
	{ CERTAIN, SET | ALLOW, "inet raw", "PREROUTING", "geo_set_ipv4", &country },
	{ CERTAIN, SET | ALLOW, "inet raw", "PREROUTING", "geo_set_ipv6", &country_v6 },
	{ CERTAIN, FOREIGN | DENY, "ip filter", "CC_DENY", "cc_ru", &empty },
	{ CERTAIN, FOREIGN | DENY, "ip filter", "LOCALINPUT", "cc_6_ru", &empty },
	{ CERTAIN, FOREIGN | DENY, "ip mangle", "GEOIP-SHELL_IN", "geoip-shell_RU_4_2026-11-23",
	  &empty, "geoip-shell_RU_ipv4" },
	{ ALONE, FOREIGN | DENY, "ip filter", "LOCALINPUT", "chain_DENY", &empty },
	{ ALONE, FOREIGN | DENY, "ip filter", "LOCALINPUT", "bl_SPAMDROP", &empty },
	{ CERTAIN, FOREIGN | DENY, "ip filter", "LOCATIONBLOCK", "RU", &empty },
	{ CERTAIN, FOREIGN | DENY, "ip filter", "INPUT", NULL, &empty, NULL, NULL,
	  "xt match \"geoip\"" },
	{ CANDIDATE, FOREIGN | DENY, "ip filter", "INPUT", NULL, &empty, NULL, NULL,
	  "xt match \"set\"" },
	{ CANDIDATE, FOREIGN | ALLOW, "ip filter", "INPUT", NULL, &literal, NULL, NULL,
	  "xt match \"set\"" },
	{ ALONE, FOREIGN | DENY, "ip filter", "f2b-sshd", NULL, &empty, NULL, NULL,
	  "xt match \"set\"" },
};

static const struct row names[] = {
	{ CERTAIN, SET | DENY, F, I, "geo_block", &country },
	{ CERTAIN, SET | DENY, F, I, "geo_block6", &country_v6 },
	{ CERTAIN, SET | DENY, F, I, "geo4", &unread },
	{ CERTAIN, SET | DENY, F, I, "GeoBlockV4", &country },
	{ CERTAIN, SET | DENY, F, I, "geoblock", &empty },
	{ CERTAIN, SET | DENY, "inet firewalld", "filter_INPUT_ZONES", "blockcountry", &country },
	{ CERTAIN, SET | DENY, "inet firewalld", "filter_INPUT_ZONES", "blockcountry6",
	  &country_v6 },
	{ CERTAIN, SET | ALLOW, F, I, "geo_allowed_v4", &country, NULL, "DE+MC ipdeny" },
	{ CERTAIN, SET | ALLOW, F, I, "geo_allowed_v6", &country_v6 },
	{ CERTAIN, SET | ALLOW, F, I, "geo_allowed", &mixed },
	{ CERTAIN, MAP | DENY, "ip geo", "prerouting", "country_policy", &country },
	{ CERTAIN, SET | DENY | NOT, F, I, "allowed_countries", &country },
	{ CERTAIN, SET | DENY, F, I, "blacklist_country", &country },
	{ CERTAIN, SET | ALLOW, F, I, "geoip_whitelist", &country },
	{ CANDIDATE, SET | ALLOW, F, I, "geoip_whitelist", &few_hosts },
	{ CANDIDATE, SET | ALLOW, F, I, "geo_trusted", &country },
	{ CANDIDATE, SET | ALLOW, F, I, "geo_exempt", &few_hosts },
	{ CANDIDATE, SET | ALLOW, F, I, "geo_backup_servers", &country_v6 },
	{ CANDIDATE, SET | DENY, F, I, "geo_block", &hosts },
	{ CANDIDATE, SET | DENY, F, I, "geo_block", &interval_hosts },
	{ CANDIDATE, SET | DENY, F, I, "geo_ratelimit", &country },
	{ ALONE, SET | DENY, F, I, "geo_block", &private_nets },
	{ ALONE, SET | DENY, F, I, "geo_seen", &dynamic },
	{ ALONE, SET | DENY, F, I, "geo_block", &country, NULL, NULL,
	  "ip saddr @geo_block limit rate over 10/second drop" },
	{ ALONE, SET, F, I, "geo_block", &country },
	{ ALONE, SET | DENY | DST, F, "output", "geo_block", &country },

	{ CERTAIN, SET | DENY, F, I, "ru", &country },
	{ CERTAIN, SET | DENY, F, I, "cn4", &country },
	{ CERTAIN, SET | DENY, F, I, "RU_4_2026-11-23", &country },
	{ CERTAIN, SET | DENY, F, I, "block_ru", &country },
	{ CERTAIN, SET | DENY, F, I, "from_cn", &country_v6 },
	{ CERTAIN, SET | DENY, F, I, "RU.ipv4", &country },
	{ CERTAIN, SET | DENY, F, I, "cc_de", &country },
	{ CERTAIN, SET | DENY, F, I, "block_us", &country },
	{ CERTAIN, SET | DENY, F, I, "russia", &country },
	{ CERTAIN, SET | DENY, F, I, "china-v6", &country_v6 },
	{ CERTAIN, SET | DENY, F, I, "ru_cn_kp", &country },
	{ CANDIDATE, SET | DENY, F, I, "ru", &unread },
	{ CANDIDATE, SET | DENY, F, I, "ru", &hosts },
	{ CANDIDATE, SET | DENY, F, I, "ru4", &mixed },
	{ CANDIDATE, SET | DENY, F, I, "blacklist_ru", &country },
	{ CANDIDATE, SET | DENY, F, I, "in4", &country },
	{ CANDIDATE, SET | ALLOW, F, I, "cf4", &country },
	{ CANDIDATE, SET | ALLOW, F, I, "us_v4", &country },
	{ CANDIDATE, SET | DENY, F, I, "ai", &country },
	{ CANDIDATE, SET | DENY, F, I, "ai_20261101", &country },
	{ CERTAIN, SET | DENY, F, I, "IN_4_2026-11-23", &country },
	{ CERTAIN, SET | ALLOW, F, I, "US_4_2026-11-23", &country },
	{ ALONE, SET | ALLOW, F, I, "allow_in_4", &few_hosts },
	{ ALONE, SET | ALLOW, F, I, "lb", &few_hosts },
	{ ALONE, SET | DENY, F, I, "de", &private_nets },
	{ CANDIDATE, SET | ALLOW, F, I, "mail_de", &country },
};

static const struct row others[] = {
	{ ALONE, SET | DENY, "inet f2b-table", "f2b-chain", "addr-set-sshd", &hosts },
	{ ALONE, SET | DENY, "inet f2b-table", "f2b-chain", "addr6-set-nginx-botsearch", &hosts },
	{ ALONE, SET | DENY, "inet f2b-table", "f2b-chain", "addr-set-recidive", &country },
	{ ALONE, SET | DENY, F, "f2b-chain", "whatever", &country },
	{ ALONE, SET | DENY, F, I, "fail2ban-ssh", &country },
	{ ALONE, SET | DENY, "ip crowdsec", "crowdsec-chain-input", "crowdsec-blacklists", &bans },
	{ ALONE, SET | DENY, "ip6 crowdsec6", "crowdsec6-chain-input", "crowdsec6-blacklists",
	  &bans },
	{ ALONE, SET | DENY, "inet sshguard", "blacklist", "attackers", &country },
	{ CANDIDATE, SET | DENY, F, I, "firehol_level1", &country },
	{ CANDIDATE, SET | DENY, F, I, "spamhaus_drop", &country },
	{ ALONE, SET | DENY, F, I, "bogons", &country },
	{ ALONE, SET | DENY, F, I, "fullbogons_v6", &country },
	{ ALONE, SET | DENY, F, I, "martians", &private_nets },
	{ ALONE, SET | DENY, F, I, "rfc1918", &private_nets },
	{ ALONE, SET | DENY, F, I, "private", &private_nets },
	{ ALONE, SET | DENY, F, I, "blackhole", &country },
	{ ALONE, SET | DENY, F, I, "blacklist4", &country },
	{ ALONE, SET | DENY, F, I, "badguys", &country },
	{ ALONE, SET | DENY, F, I, "abusers", &country },
	{ ALONE, SET | DENY, F, I, "ratelimited", &dynamic },
	{ ALONE, SET | ALLOW, F, I, "admin", &few_hosts },
	{ ALONE, SET | DENY | NOT, F, I, "admin_nets", &country },
	{ ALONE, SET | ALLOW, F, I, "trusted4", &country },
	{ ALONE, SET | ALLOW, F, I, "cloudflare4", &country },
	{ ALONE, SET | ALLOW, F, I, "lan", &private_nets },
	{ ALONE, SET | DENY, F, I, "geopause-0123456789ab", &country },
	{ CANDIDATE, SET | DENY, F, I, "deny4", &country },
	{ CANDIDATE, SET | DENY, F, I, "deny4", &unread },
	{ CANDIDATE, SET | ALLOW, F, I, "web_clients", &country },
	{ ALONE, SET | DENY, F, I, "deny4", &country_v6 },
	{ ALONE, SET | DENY, F, I, "deny4", &hosts },
	{ ALONE, SET | DENY, F, I, "deny4", &mixed },
	{ CANDIDATE, SET | SENDS, F, I, "geo4", &country },
	{ ALONE, SET | SENDS, F, I, "s4", &country },
	{ ALONE, SET | SENDS, F, I, "rfc1918", &private_nets },
	{ CANDIDATE, SET | ALLOW, F, I, "allow4", &mixed },
	{ CANDIDATE, SET | DENY | NOT, F, I, "allow4", &mixed },
	{ ALONE, SET | ALLOW, F, I, "lans", &mixed },
	{ ALONE, SET | DENY, F, I, "george", &few_hosts },
	{ CERTAIN, SET | DENY, "inet geo", I, "deny4", &country },
	{ CERTAIN, SET | DENY, "inet geo", I, "deny6", &country_v6 },
	{ CANDIDATE, SET | ALLOW, F, "geo_input", "peers", &country },
	{ ALONE, SET | ALLOW, F, "geo_input", "peers", &few_hosts },
	{ ALONE, SET | DENY, F, "blacklist", "list4", &country },
	{ ALONE, SET | DENY, "inet geo", "blacklist", "list4", &country },
	{ CERTAIN, SET | DENY, F, "geo_blacklist", "list4", &country },
	{ ALONE, SET | DENY, F, "geo_ratelimit", "list4", &country },
	{ CERTAIN, SET | DENY, F, I, "deny4", &country, "geoip RU" },
	{ CERTAIN, SET | DENY, F, I, "deny4", &country, NULL, "country list" },
	{ CANDIDATE, SET | DENY, F, I, "deny4", &country, "not a geo-block" },
	{ CANDIDATE, SET | ALLOW, F, I, "backup", &one_network, "skipped by geoip" },
	{ ALONE, SET | DENY, F, I, "deny4", &country, "abuse reports" },
	{ CANDIDATE, SET | DENY, F, I, "blacklist4", &country, "geoip RU" },
};

static const struct row unnamed[] = {
	{ CERTAIN, ANON | DENY, F, I, NULL, &country, "geoip RU" },
	{ CERTAIN, ANON | DENY, F, I, NULL, &country_v6, "geoip RU v6" },
	{ CANDIDATE, ANON | DENY, F, I, NULL, &country },
	{ CANDIDATE, ANON | DENY, F, I, NULL, &country, "ticket 17" },
	{ CERTAIN, ANON | DENY, F, "geoblock", NULL, &country },
	{ CERTAIN, ANON | DENY, F, I, NULL, &country, "block RU" },
	{ CERTAIN, LIT | DENY, F, I, NULL, &literal, "geoip KP" },
	{ CANDIDATE, LIT | DENY, F, I, NULL, &literal_host, "geoip KP" },
	{ ALONE, LIT | DENY, F, I, NULL, &literal },
	{ CANDIDATE, LIT | DENY, F, "geoblock", NULL, &literal },
	{ ALONE, LIT | DENY, F, I, NULL, &literal_host, "spammer" },
	{ ALONE, LIT | ALLOW, F, I, NULL, &literal_host },
	{ ALONE, LIT | ALLOW, F, "geoblock", NULL, &literal },
	{ ALONE, LIT | ALLOW, F, "geoblock", NULL, &literal_private },
	{ CANDIDATE, LIT | ALLOW, F, I, NULL, &literal_host, "geo exception for the office" },
	{ ALONE, ANON | DENY, F, I, NULL, &private_nets },
	{ ALONE, ANON | DENY, F, I, NULL, &few_hosts },
	{ ALONE, ANON | DENY | NOT, F, I, NULL, &private_nets },
	{ ALONE, LIT | DENY | NOT, F, I, NULL, &literal },
	{ ALONE, ANON | DENY, F, I, NULL, &mixed, "bogons" },
	{ CERTAIN, OWN, F, I, "acme_ports", &empty },
	{ CERTAIN, OWN, F, I, "geopause_open", &empty },
	{ CERTAIN, OWN, F, I, "Letsencrypt", &empty },
	{ CANDIDATE, OWN, F, I, "open_ports", &empty },
	{ ALONE, OWN, F, I, "geopause_0123456789ab", &empty },
	{ CANDIDATE, OWN, F, I, NULL, &empty },
};

#define TO(chains) NULL, NULL, NULL, chains

static const struct row led[] = {
	{ CERTAIN, SET | DENY, F, I, "s4", &country, TO("geo_drop") },
	{ CERTAIN, LIT | DENY, F, I, NULL, &literal, TO("russia") },
	{ CERTAIN, ANON | DENY, F, I, NULL, &country_v6, TO("block_ru block_cn") },
	{ CERTAIN, MAP | DENY | MARK, F, I, "origin", &country, TO("ru cn") },
	{ CERTAIN, SET | ALLOW, F, I, "s4", &country, TO("countries") },
	{ CANDIDATE, SET | DENY, F, I, "s4", &country, TO("logdrop") },
	{ CANDIDATE, SET | DENY, F, I, "s4", &country, TO("in") },
	{ CANDIDATE, SET | DENY, F, I, "s4", &country, TO("mx") },
	{ CANDIDATE, SET | DENY, F, I, "s4", &country, TO("ru scanners") },
	{ CANDIDATE, ANON | DENY, F, I, NULL, &country_v6, TO("geo_exempt") },
	{ ALONE, ANON | DENY, F, I, NULL, &few_hosts, TO("russia") },
	{ ALONE, LIT | DENY, F, I, NULL, &literal_host, TO("geoblock") },
	{ ALONE, LIT | DENY | NOT, F, I, NULL, &literal, TO("geoblock") },
	{ ALONE, SET | DENY | NOT, F, I, "trusted", &country_v6, TO("geoblock") },
	{ ALONE, SET | DENY, F, I, "bogons", &country, TO("geoblock") },
	{ ALONE, SET | DENY, F, I, "s4", &private_nets, TO("geoblock") },
};

static char *
borrowed(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = { text };

	return u.out;
}

static struct observation
observation_of(const struct row *row)
{
	return (struct observation){
		.backend = "nftables",
		.table = borrowed(row->table),
		.chain = borrowed(row->chain),
		.set = borrowed(row->set),
		.comment = borrowed(row->comment),
		.set_comment = borrowed(row->set_comment),
		.text = borrowed(row->text),
		.leads_to = borrowed(row->leads_to),
		.source = (enum source_kind)(row->what & 0xf),
		.effect = (row->what & DENY) != 0    ? EFFECT_DENY
			  : (row->what & ALLOW) != 0 ? EFFECT_ALLOW
						     : EFFECT_NONE,
		.inverted = (row->what & NOT) != 0,
		.by_mark = (row->what & MARK) != 0,
		.destination = (row->what & DST) != 0,
		.sends = (row->what & SENDS) != 0,
		.facts = *row->facts,
	};
}

static void
check(const struct row *rows, size_t n)
{
	static const char *const verdicts[] = { "left alone", "candidate", "certain" };
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct observation o = observation_of(&rows[i]);
		struct judgement j = signature_judge(NULL, &o);

		assert_true(j.evidence[0] != '\0');
		for (const char *p = j.evidence; *p != '\0'; p++)
			assert_true(isprint((unsigned char)*p));
		if (j.verdict == rows[i].verdict)
			continue;
		print_error("row %zu (%s, %s, %s, \"%s\"): %s instead of %s: %s\n", i,
			    rows[i].table, rows[i].chain, rows[i].set != NULL ? rows[i].set : "-",
			    rows[i].comment != NULL ? rows[i].comment : "", verdicts[j.verdict],
			    verdicts[rows[i].verdict], j.evidence);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void
tools_are_known(void **state)
{
	(void)state;
	CHECK(tools);
}

static void
names_are_read(void **state)
{
	(void)state;
	CHECK(names);
}

static void
others_are_left_alone(void **state)
{
	(void)state;
	CHECK(others);
}

static void
unnamed_are_judged_by_their_place(void **state)
{
	(void)state;
	CHECK(unnamed);
}

static void
chains_are_told_by_what_leads_there(void **state)
{
	(void)state;
	CHECK(led);
}

static void
evidence_is_ascii(void **state)
{
	static const struct row odd[] = {
		{ CERTAIN, SET | DENY, "inet \xff\n", "\x1b[0m", "geo\x1b\xc3\xa9", &country,
		  "\"\x01" },
		{ CERTAIN, SET | DENY, "geo", "geo", NULL, &country, "geo \xff" },
		{ ALONE, SET | ALLOW, NULL, NULL, NULL, &literal },
		{ CERTAIN, SET | DENY, NULL, NULL, "geo", &country },
	};

	(void)state;
	CHECK(odd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools_are_known),
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(others_are_left_alone),
		cmocka_unit_test(unnamed_are_judged_by_their_place),
		cmocka_unit_test(chains_are_told_by_what_leads_there),
		cmocka_unit_test(evidence_is_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
