/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"

static void
durations_are_parsed(void **state)
{
	static const struct {
		const char *text;
		unsigned seconds;
	} cases[] = {
		{ "0", 0 },         { "90", 90 },
		{ "90s", 90 },      { "10m", 600 },
		{ "1h", 3600 },     { "1h30m", 5400 },
		{ "1h1s", 3601 },   { "2m5s", 125 },
		{ "1h2m3s", 3723 }, { "4294967295", UINT_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;
		unsigned seconds = 1;

		assert_int_equal(duration_parse(cases[i].text, &seconds, &e), 0);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void
others_are_refused(void **state)
{
	static const char *const wrong[] = { "",     "m",          "-1",          "+5",
					     "1d",   "10 m",       "10m ",        " 10m",
					     "1m1h", "1m1m",       "1h30",        "1.5h",
					     "1H",   "4294967296", "1193047h",    "99999999999m",
					     "0x10", "1e3",        "1193046h29m", "10min" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err e = ERR_INIT;
		unsigned seconds;

		assert_int_equal(duration_parse(wrong[i], &seconds, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.msg, "is not a duration"));
	}
}

static void
texts_are_read_back(void **state)
{
	static const struct {
		unsigned seconds;
		const char *text;
	} cases[] = {
		{ 0, "0s" },      { 10, "10s" },    { 90, "90s" },
		{ 600, "10m" },   { 3600, "1h" },   { 5400, "90m" },
		{ 86400, "24h" }, { 3601, "1h1s" }, { 36060, "601m" },
	};
	char buf[DURATION_TEXT_MAX];
	struct err e = ERR_INIT;
	unsigned back;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(duration_text(buf, cases[i].seconds), cases[i].text);
	for (unsigned s = 0; s < 100000; s += s < 4000 ? 1 : 97) {
		assert_int_equal(duration_parse(duration_text(buf, s), &back, &e), 0);
		assert_int_equal(back, s);
	}
	assert_int_equal(duration_parse(duration_text(buf, UINT_MAX), &back, &e), 0);
	assert_int_equal(back, UINT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_parsed),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(texts_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
