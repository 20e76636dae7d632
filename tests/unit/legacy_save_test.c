/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What rules say, in iptables-save's words; and what these tests believe is no such words. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_mark.h"
#include "legacy_reach.h"
#include "save_text.h"
#include "unit.h"

#define HEAD "*filter\n:INPUT DROP [1:2]\n:FORWARD ACCEPT [0:0]\n:X - [0:0]\n"

static int
parse(struct save_text *read, const char *text, struct err *e)
{
	*e = ERR_INIT;
	return save_text_parse(read, text, strlen(text), "filter", e);
}

static void
refuses(const char *text, const char *why)
{
	struct save_text read;
	struct err e;

	assert_int_equal(parse(&read, text, &e), -1);
	assert_int_equal(e.code, ERR_FAILED);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, why);
	assert_null(read.text);
}

static void
reads_a_table(void **state)
{
	struct save_text read;
	struct err e;

	(void)state;
	assert_int_equal(parse(&read,
			       "# comment\n" HEAD "[3:4] -A INPUT -s 10.0.0.0/8 -j X\n"
			       "[18446744073709551615:0] -A X\nCOMMIT\n# done\n",
			       &e),
			 0);
	assert_int_equal(read.save.n_chains, 3);
	assert_string_equal(read.save.chains[0].policy, "DROP");
	assert_int_equal(read.save.chains[0].packets, 1);
	assert_int_equal(read.save.chains[0].bytes, 2);
	assert_null(read.save.chains[2].policy);
	assert_int_equal(read.save.n_rules, 2);
	assert_int_equal(read.save.rules[0].packets, 3);
	assert_string_equal(read.save.rules[0].spec, "-s 10.0.0.0/8 -j X");
	assert_int_equal(read.save.rules[0].n, 4);
	assert_true(read.save.rules[1].packets == UINT64_MAX);
	assert_string_equal(read.save.rules[1].spec, "");
	assert_int_equal(read.save.rules[1].n, 0);
	save_text_fini(&read);
}

static void
unquotes(void **state)
{
	static const char spec[] =
		"-m comment --comment \"a \\\"b\\\" \\\\ -j \\'c\\'\" --empty \"\" -j DROP";
	struct save_text read;
	struct rule rule;
	struct err e;

	(void)state;
	assert_int_equal(parse(&read,
			       HEAD "[0:0] -A X -m comment --comment \"a \\\"b\\\" \\\\ -j "
				    "\\'c\\'\" --empty \"\" -j DROP\nCOMMIT\n",
			       &e),
			 0);
	assert_string_equal(read.save.rules[0].spec, spec);
	rule_read(&rule, &read.save, 0);
	assert_string_equal(rule.comment, "a \"b\" \\ -j 'c'");
	assert_int_equal(rule.target, RULE_DENY);
	assert_string_equal(read.tokens[5].text, "");
	assert_true(read.tokens[5].quoted);
	save_text_fini(&read);
}

static void
refuses_nonsense(void **state)
{
	(void)state;
	refuses("", "ends in the middle");
	refuses("COMMIT\n", "not understood");
	refuses("*nat\nCOMMIT\n", "not the table that was asked for");
	refuses("*filter\n", "ends in the middle");
	refuses(HEAD, "ends in the middle");
	refuses(HEAD "COMMIT\n*filter\nCOMMIT\n", "a second table");
	refuses(HEAD "COMMIT\n[0:0] -A X\n", "where none can be");
	refuses(HEAD "-A X -j DROP\nCOMMIT\n", "not understood");
	refuses(HEAD "[0:0] -I X -j DROP\nCOMMIT\n", "this is no rule");
	refuses(HEAD "[0:0] -A  X\nCOMMIT\n", "this is no rule");
	refuses(HEAD "[:0] -A X\nCOMMIT\n", "this is no rule");
	refuses(HEAD "[18446744073709551616:0] -A X\nCOMMIT\n", "this is no rule");
	refuses(HEAD "[0:0] -A Y -j DROP\nCOMMIT\n", "not declared");
	refuses(HEAD "[0:0] -A X\n[0:0] -A INPUT\n[0:0] -A X\nCOMMIT\n", "stands apart");
	refuses(HEAD ":X - [0:0]\nCOMMIT\n", "declared twice");
	refuses(HEAD ":Y Z\nCOMMIT\n", "no declaration");
	refuses(HEAD "[0:0] -A X\n:Y - [0:0]\nCOMMIT\n", "where none can be");
}

static void
refuses_nul(void **state)
{
	static const char text[] = HEAD "\0COMMIT\n";
	struct save_text read;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(save_text_parse(&read, text, sizeof(text) - 1, "filter", &e), -1);
	assert_non_null(strstr(e.msg, "NUL"));
}

static void
keeps_line_ends_in_comments(void **state)
{
	struct save_text read;
	struct rule rule;
	struct err e;

	(void)state;
	assert_int_equal(parse(&read,
			       HEAD
			       "[0:0] -A X -m comment --comment \"a\nCOMMIT\n[0:0] -A X \\\" b\" "
			       "-j DROP\n[0:0] -A X -j RETURN\nCOMMIT\n",
			       &e),
			 0);
	assert_int_equal(read.save.n_rules, 2);
	assert_true(read.save.rules[0].odd);
	assert_false(read.save.rules[1].odd);
	rule_read(&rule, &read.save, 0);
	assert_true(rule.odd);
	save_text_fini(&read);
	refuses(HEAD "[0:0] -A X --comment \"abc -j DROP\nCOMMIT\n", "ends in the middle");
}

/* --- what rules say --- */

static void
with_rule(struct save_text *read, struct rule *rule, const char *spec)
{
	char text[1024];
	struct err e;

	snprintf(text, sizeof(text), HEAD "[0:0] -A INPUT %s\nCOMMIT\n", spec);
	assert_int_equal(parse(read, text, &e), 0);
	rule_read(rule, &read->save, 0);
}

static void
tells_ports_apart(void **state)
{
	static const struct {
		const char *spec;
		bool http, https, dns;
	} rows[] = {
		{ "-j DROP", true, true, true },
		{ "-p tcp -j DROP", true, true, false },
		{ "! -p tcp -j DROP", false, false, true },
		{ "-p udp -j DROP", false, false, true },
		{ "-p tcp -m tcp --dport 80 -j DROP", true, false, false },
		{ "-p tcp -m tcp ! --dport 80 -j DROP", false, true, false },
		{ "-p tcp -m tcp --dport 1:100 -j DROP", true, false, false },
		{ "-p tcp -m multiport --dports 22,80,400:500 -j DROP", true, true, false },
		{ "-p tcp -m multiport ! --dports 22,80 -j DROP", false, true, false },
		{ "-p tcp -m multiport --dports 22 -j DROP", false, false, false },
		{ "-i lo -j DROP", false, false, false },
		{ "! -i lo -j DROP", true, true, true },
		{ "-m conntrack --ctstate RELATED,ESTABLISHED -j DROP", false, false, false },
		{ "-m conntrack ! --ctstate NEW -j DROP", false, false, false },
		{ "-m state --state NEW,ESTABLISHED -j DROP", true, true, true },
		{ "-m comment --comment \"-p udp\" -j DROP", true, true, true },
		{ "-m unknown --thing x y -p udp -j DROP", false, false, true },
		{ "-f -j DROP", false, false, false },
	};
	const struct legacy_packet http = { .port = { IPPROTO_TCP, 80 } },
				   https = { .port = { IPPROTO_TCP, 443 } },
				   dns = { .port = { IPPROTO_UDP, 53 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct save_text read;
		struct rule rule;

		with_rule(&read, &rule, rows[i].spec);
		if ((packet_meets(&http, &rule, NULL) != TRUTH_NO) != rows[i].http ||
		    (packet_meets(&https, &rule, NULL) != TRUTH_NO) != rows[i].https ||
		    (packet_meets(&dns, &rule, NULL) != TRUTH_NO) != rows[i].dns)
			fail_msg("%s", rows[i].spec);
		save_text_fini(&read);
	}
}

static void
finds_the_source(void **state)
{
	static const struct {
		const char *spec;
		enum rule_source source;
		bool whole;
		size_t from, to;
	} rows[] = {
		{ "-s 10.0.0.0/8 -p tcp -j DROP", RULE_LITERAL, true, 0, 2 },
		{ "! -s 10.0.0.0/8 -j DROP", RULE_LITERAL, true, 0, 3 },
		{ "-i eth0 -m set --match-set a src -j DROP", RULE_SET, true, 2, 7 },
		{ "-m set ! --match-set a src --packets-gt 3 -m comment --comment x -j DROP",
		  RULE_SET, true, 0, 8 },
		{ "-m set --match-set a src,dst -j DROP", RULE_SET, false, 0, 5 },
		{ "-m geoip --source-country A1,DE -j DROP", RULE_COUNTRY, true, 0, 4 },
		{ "-m iprange --src-range 1.0.0.0-2.0.0.0 --dst-range 3.0.0.0-4.0.0.0 -j DROP",
		  RULE_LITERAL, false, 0, 6 },
		{ "-m set --match-set a dst -j DROP", RULE_ANY, false, 0, 0 },
		{ "-j DROP", RULE_ANY, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct save_text read;
		struct rule rule;

		with_rule(&read, &rule, rows[i].spec);
		if (rule.odd || rule.source != rows[i].source || rule.whole != rows[i].whole ||
		    (rule.sources && (rule.from != rows[i].from || rule.to != rows[i].to)))
			fail_msg("%s: source %d, tokens %zu to %zu", rows[i].spec, (int)rule.source,
				 rule.from, rule.to);
		save_text_fini(&read);
	}
}

/* --- marks --- */

static void
finds_marks(void **state)
{
	struct marks marks;
	struct save_text read;
	struct err e;

	(void)state;
	assert_int_equal(
		parse(&read,
		      "*filter\n:INPUT DROP [0:0]\n:GP-0123456789ab-0 - [0:0]\n"
		      ":GP-0123456789ab-x - [0:0]\n:GP-0123456789AB-1 - [0:0]\n"
		      "[0:0] -A INPUT -j GP-0123456789ab-0\n"
		      "[0:0] -A INPUT -m time --datestop 2026-11-24T16:40:00 -m comment --comment "
		      "geopause-cdefcdefcdef -j ACCEPT\n"
		      "[0:0] -A INPUT -m comment --comment geopause-cdef -j ACCEPT\n"
		      "[0:0] -A GP-0123456789ab-0 -m time --datestop 2026-11-24T16:40:01 -j "
		      "RETURN\n"
		      "[5:6] -A GP-0123456789ab-0 -j DROP\nCOMMIT\n",
		      &e),
		0);
	assert_int_equal(marks_find(&marks, &read.save, NULL, &e), 0);
	assert_int_equal(marks.n, 2);
	assert_string_equal(marks.v[0].txn, "0123456789ab");
	assert_int_equal(marks.v[0].jump, 0);
	assert_int_equal(marks.v[0].rule, 4);
	assert_int_equal(marks.v[0].stop, 1795538401);
	assert_string_equal(marks.v[1].txn, "cdefcdefcdef");
	assert_int_equal(marks.v[1].rule, 1);
	assert_int_equal(marks.v[1].stop, 1795538400);
	marks_fini(&marks);
	assert_int_equal(marks_find(&marks, &read.save, "cdefcdefcdef", &e), 0);
	assert_int_equal(marks.n, 1);
	marks_fini(&marks);
	save_text_fini(&read);
}

static void
writes_times(void **state)
{
	char buf[MARK_TIME_MAX];

	(void)state;
	assert_string_equal(mark_time(buf, 1795538400), "2026-11-24T16:40:00");
}

/* Chains that lead in a circle, which the kernel would not take, end all the same. */
static void
survives_circles(void **state)
{
	const struct ports ports = { .n = 1, .v = { { IPPROTO_TCP, 80 } } };
	struct reach reach;
	struct save_text read;
	struct err e;

	(void)state;
	assert_int_equal(parse(&read,
			       HEAD ":Y - [0:0]\n[0:0] -A INPUT -j X\n[0:0] -A X -j Y\n"
				    "[0:0] -A Y -j X\nCOMMIT\n",
			       &e),
			 0);
	assert_int_equal(reach_init(&reach, &read.save, &ports, NULL, &e), 0);
	assert_int_equal(reach.hooks[save_chain(&read.save, "Y")], HOOK_INPUT);
	assert_true(reach_falls_off(&reach, save_chain(&read.save, "X")));
	assert_true(reach_denied_after(&reach, 2));
	reach_fini(&reach);
	save_text_fini(&read);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_table),
		cmocka_unit_test(unquotes),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(keeps_line_ends_in_comments),
		cmocka_unit_test(tells_ports_apart),
		cmocka_unit_test(finds_the_source),
		cmocka_unit_test(finds_marks),
		cmocka_unit_test(writes_times),
		cmocka_unit_test(survives_circles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
