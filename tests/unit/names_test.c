/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include "names.h"
#include "observation.h"

#include <stdlib.h>
#include <string.h>

static void
names_grow(void **state)
{
	struct names names = { 0 };
	char last[8] = "last";

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(names_addf(&names, "name %d", i), 0);
	assert_int_equal(names_add(&names, last), 0);
	last[0] = 'x';
	assert_int_equal(names.n, 101);
	assert_string_equal(names.v[99], "name 99");
	assert_string_equal(names.v[100], "last");
	names_fini(&names);
	assert_null(names.v);
	assert_int_equal(names.n, 0);
	names_fini(&names);
}

static void
observations_grow(void **state)
{
	struct observations all = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct observation *o = observations_add(&all);

		assert_non_null(o);
		assert_null(o->set);
		o->set = strdup("set");
		o->refusal = strdup("no");
	}
	assert_int_equal(all.n, 100);
	observations_fini(&all);
	assert_int_equal(all.n, 0);
	observations_fini(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_grow),
		cmocka_unit_test(observations_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
