/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "target.h"

static void
actions_have_names(void **state)
{
	(void)state;
	for (enum action a = ACTION_AUTO; a <= ACTION_SET; a++) {
		enum action back = ACTION_AUTO;

		assert_int_equal(action_by_name(action_name(a), &back), 0);
		assert_int_equal(back, a);
	}
	assert_int_equal(action_by_name("accept", &(enum action){ 0 }), -1);
	assert_string_equal(action_name((enum action)99), "?");
}

static void
patterns_match_whole_names(void **state)
{
	struct patterns p = { 0 };

	(void)state;
	assert_null(patterns_match(&p, "x"));
	assert_int_equal(patterns_add(&p, "geo4", 7), 0);
	assert_int_equal(patterns_add(&p, "country-*", 8), 0);
	assert_int_equal(patterns_add(&p, "a\\*b", 9), 0);
	assert_ptr_equal(patterns_match(&p, "geo4"), &p.v[0]);
	assert_ptr_equal(patterns_match(&p, "country-ru/4"), &p.v[1]);
	assert_ptr_equal(patterns_match(&p, "a*b"), &p.v[2]);
	assert_null(patterns_match(&p, "geo46"));
	assert_null(patterns_match(&p, "axb"));
	assert_null(patterns_match(&p, NULL));
	assert_false(pattern_is_wild(&p.v[0]));
	assert_true(pattern_is_wild(&p.v[1]));
	assert_true(pattern_is_wild(&p.v[2]));
	assert_int_equal(p.v[1].line, 8);

	struct target t = { .rules.set = p };

	target_fini(&t);
	assert_int_equal(t.rules.set.n, 0);
}

static void
errors_say_where(void **state)
{
	struct target t = { .name = strdup("in\nput"), .file = "p.json", .line = 3, .index = 2 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(target_err(&e, &t, "rules.set[1]", 9, "no set %s", "x"), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_string_equal(e.msg, "p.json:9: targets[2].rules.set[1]: no set x");
	e = ERR_INIT;
	target_err(&e, &t, NULL, 0, "none");
	assert_string_equal(e.msg, "p.json:3: targets[2]: none");
	e = ERR_INIT;
	t.file = NULL;
	target_err(&e, &t, "table", 0, "gone");
	assert_string_equal(e.msg, "discovered target in\\x0aput: gone");
	target_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_have_names),
		cmocka_unit_test(patterns_match_whole_names),
		cmocka_unit_test(errors_say_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
