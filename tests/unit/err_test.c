/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "err.h"

static void
first_error_wins(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_POLICY, "first %d", 1), -1);
	assert_int_equal(err_set(&e, ERR_OPEN, "second"), -1);
	assert_int_equal(err_sys(&e, ERR_OPEN, EIO, "third"), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.msg, "first 1");
}

static void
errno_is_told(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_sys(&e, ERR_FAILED, ENOENT, "open %s", "x");
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.msg, "open x: No such file or directory");
}

static void
context_is_wrapped(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_wrap(&e, "nothing"), -1);
	assert_int_equal(e.code, ERR_NONE);
	assert_string_equal(e.msg, "");
	err_set(&e, ERR_BUSY, "inner");
	assert_int_equal(err_wrap(&e, "outer %d", 2), -1);
	err_wrap(&e, "outermost");
	assert_string_equal(e.msg, "outermost: outer 2: inner");
	assert_int_equal(e.code, ERR_BUSY);
}

static void
long_messages_are_cut(void **state)
{
	char big[2 * ERR_MESSAGE_MAX];
	struct err e = ERR_INIT;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_sys(&e, ERR_FAILED, EIO, "%s", big);
	assert_int_equal(strlen(e.msg), ERR_MESSAGE_MAX - 1);
	err_wrap(&e, "%s", big);
	assert_int_equal(strlen(e.msg), ERR_MESSAGE_MAX - 1);
}

static void
names_are_escaped(void **state)
{
	char buf[NAME_BUF];
	char big[1000];

	(void)state;
	assert_string_equal(err_name(buf, "geo_v4 x"), "geo_v4 x");
	assert_string_equal(err_name(buf, ""), "");
	assert_string_equal(err_name(buf, NULL), "(none)");
	assert_string_equal(err_name(buf, "a\"b'c\\d\n\x1b\x7f\xc3\xa9"),
			    "a\\x22b\\x27c\\x5cd\\x0a\\x1b\\x7f\\xc3\\xa9");
	memset(big, '\n', sizeof(big));
	for (size_t n = 0; n < sizeof(big); n++) {
		memset(big, n % 2 == 0 ? '\n' : 'a', n);
		big[n] = '\0';
		err_name(buf, big);
		assert_true(strlen(buf) < NAME_BUF);
		if (n > NAME_BUF)
			assert_string_equal(buf + strlen(buf) - 3, "...");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_error_wins),   cmocka_unit_test(errno_is_told),
		cmocka_unit_test(context_is_wrapped), cmocka_unit_test(long_messages_are_cut),
		cmocka_unit_test(names_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
