/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <netinet/in.h>
#include <string.h>

#include "challenge.h"

static void
lists_are_parsed(void **state)
{
	static const struct {
		const char *list;
		unsigned bits; /* 0: an error */
	} cases[] = {
		{ "http-01", CHALLENGE_HTTP_01 },
		{ "tls-alpn-01,http-01", CHALLENGE_DEFAULT },
		{ "dns-01,dns-01", CHALLENGE_DNS_01 },
		{ "", 0 },
		{ ",", 0 },
		{ "http-01,", 0 },
		{ ",http-01", 0 },
		{ "http-01, dns-01", 0 },
		{ "http", 0 },
		{ "HTTP-01", 0 },
		{ "http-011", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;
		unsigned bits = 99;
		int rc = challenges_parse(cases[i].list, &bits, &e);

		assert_int_equal(rc, cases[i].bits == 0 ? -1 : 0);
		assert_int_equal(e.code, cases[i].bits == 0 ? ERR_USAGE : ERR_NONE);
		assert_int_equal(bits, cases[i].bits == 0 ? 99 : cases[i].bits);
	}
	assert_int_equal(challenge_by_name("dns-01"), CHALLENGE_DNS_01);
	assert_int_equal(challenge_by_name("dns"), 0);
}

static void
every_challenge_has_ports(void **state)
{
	struct ports all = challenges_ports(~0u);
	struct ports web = challenges_ports(CHALLENGE_DEFAULT);
	struct ports none = challenges_ports(0);
	struct ports left;
	char text[PORTS_TEXT_MAX];

	(void)state;
	assert_string_equal(ports_text(text, &all), "tcp 80, tcp 443, tcp 53, udp 53");
	assert_string_equal(ports_text(text, &web), "tcp 80, tcp 443");
	assert_string_equal(ports_text(text, &none), "");
	assert_true(ports_contain(&all, (struct port){ IPPROTO_UDP, 53 }));
	assert_false(ports_contain(&web, (struct port){ IPPROTO_UDP, 80 }));
	left = ports_minus(&all, &web);
	assert_string_equal(ports_text(text, &left), "tcp 53, udp 53");
	ports_add(&left, &all);
	assert_int_equal(left.n, 4);
	for (uint16_t port = 1; port <= PORTS_MAX; port++)
		ports_add(&left, &(struct ports){ 1, { { IPPROTO_TCP, port } } });
	assert_int_equal(left.n, PORTS_MAX);
}

static void
longest_text_fits(void **state)
{
	struct ports ports = { 4,
			       { { IPPROTO_TCP, 65535 },
				 { IPPROTO_UDP, 65535 },
				 { IPPROTO_TCP, 65534 },
				 { IPPROTO_UDP, 65534 } } };
	struct ports back;
	struct err e = ERR_INIT;
	char text[PORTS_TEXT_MAX];

	(void)state;
	ports_text(text, &ports);
	assert_string_equal(text, "tcp 65535, udp 65535, tcp 65534, udp 65534");
	assert_int_equal(ports_parse(text, &back, &e), 0);
	assert_int_equal(back.n, 4);
	for (size_t i = 0; i < back.n; i++)
		assert_true(ports_contain(&ports, back.v[i]));
}

static void
foreign_text_is_refused(void **state)
{
	static const char *const wrong[] = {
		"tcp",     "tcp 0",          "tcp 65536",    "tcp 080",           "tcp -1",
		"sctp 80", "tcp 80,",        "tcp 80, ",     "tcp 80,tcp 81",     "tcp 80 ",
		" tcp 80", "tcp 80, tcp 80", "tcp 99999999", "tcp 1, tcp 2, tcp", "tcp80",
		"tcpx80",  "tcp 80x"
	};
	struct ports ports = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ports_parse("", &ports, &e), 0);
	assert_int_equal(ports.n, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		e = ERR_INIT;
		assert_int_equal(ports_parse(wrong[i], &ports, &e), -1);
		assert_int_equal(e.code, ERR_FAILED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_parsed),
		cmocka_unit_test(every_challenge_has_ports),
		cmocka_unit_test(longest_text_fits),
		cmocka_unit_test(foreign_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
