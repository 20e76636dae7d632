/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <string.h>

#include "predicate.h"

static const char value[] = "{\"s\":\"text\",\"n\":1,\"t\":true,\"z\":null,\"e\":\"\",\"o\":{},"
			    "\"a\":[],\"full\":[{\"id\":\"0a1\"}]}";

static void
expect(int held, const char *predicates)
{
	struct err e = ERR_INIT;
	json_t *names = json_pack("{s:s,s:i}", "id", "0a1", "n", 1);
	struct scope scope = { .names = names };
	json_t *all = json_loads(predicates, 0, NULL);
	json_t *json = json_loads(value, 0, NULL);
	int got;

	assert_non_null(all);
	got = predicates_hold(all, json, &scope, &e);
	if (got != held)
		fail_msg("%s: %d, %s", predicates, got, e.msg);
	json_decref(json);
	json_decref(all);
	json_decref(names);
}

static void
equal(void **state)
{
	(void)state;
	expect(1, "[{\"at\":\"/s\",\"eq\":\"text\"}]");
	expect(0, "[{\"at\":\"/s\",\"eq\":\"Text\"}]");
	expect(1, "[{\"at\":\"/n\",\"eq\":1}]");
	expect(1, "[{\"at\":\"/n\",\"eq\":1.0}]");
	expect(0, "[{\"at\":\"/n\",\"eq\":\"1\"}]");
	expect(0, "[{\"at\":\"/t\",\"eq\":1}]");
	expect(1, "[{\"at\":\"/z\",\"eq\":null}]");
	expect(0, "[{\"at\":\"/none\",\"eq\":null}]");
	expect(1, "[{\"at\":\"/full/0/id\",\"eq\":\"${id}\"}]");
	expect(1, "[{\"at\":\"/n\",\"eq\":\"${n}\"}]");
	expect(0, "[{\"at\":\"/n\",\"eq\":\"${n|raw}\"}]");
	expect(1, "[{\"at\":\"/s\",\"ne\":\"Text\"}]");
	expect(0, "[{\"at\":\"/s\",\"ne\":\"text\"}]");
	expect(1, "[{\"at\":\"/none\",\"ne\":\"text\"}]");
}

static void
among(void **state)
{
	(void)state;
	expect(1, "[{\"at\":\"/s\",\"in\":[\"a\",\"text\"]}]");
	expect(0, "[{\"at\":\"/s\",\"in\":[\"a\",\"tex\"]}]");
	expect(0, "[{\"at\":\"/s\",\"in\":[]}]");
	expect(0, "[{\"at\":\"/none\",\"in\":[\"text\"]}]");
	expect(1, "[{\"at\":\"/full/0/id\",\"in\":[\"${id}\"]}]");
}

static void
absent_and_empty(void **state)
{
	(void)state;
	expect(1, "[{\"at\":\"/none\",\"absent\":true}]");
	expect(0, "[{\"at\":\"/z\",\"absent\":true}]");
	expect(1, "[{\"at\":\"/none\",\"empty\":true},{\"at\":\"/z\",\"empty\":true},"
		  "{\"at\":\"/e\",\"empty\":true},{\"at\":\"/o\",\"empty\":true},"
		  "{\"at\":\"/a\",\"empty\":true}]");
	expect(0, "[{\"at\":\"/full\",\"empty\":true}]");
	expect(0, "[{\"at\":\"/s\",\"empty\":true}]");
	expect(0, "[{\"at\":\"/n\",\"empty\":true}]");
	expect(0, "[{\"at\":\"\",\"empty\":true}]");
	expect(0, "[{\"at\":\"/none\",\"absent\":false}]");
	expect(1, "[{\"at\":\"/z\",\"absent\":false}]");
	expect(0, "[{\"at\":\"/none\",\"empty\":false}]");
	expect(1, "[{\"at\":\"/full\",\"empty\":false}]");
}

static void
starting(void **state)
{
	(void)state;
	expect(1, "[{\"at\":\"/s\",\"starts\":\"te\"}]");
	expect(0, "[{\"at\":\"/s\",\"starts\":\"ext\"}]");
	expect(0, "[{\"at\":\"/s\",\"starts\":\"text and more\"}]");
	expect(0, "[{\"at\":\"/n\",\"starts\":\"1\"}]");
	expect(0, "[{\"at\":\"/none\",\"starts\":\"\"}]");
	expect(1, "[{\"at\":\"/full/0/id\",\"starts\":\"${id}\"}]");
}

static void
all_must_hold(void **state)
{
	(void)state;
	expect(1, "[]");
	expect(0, "[{\"at\":\"/s\",\"eq\":\"text\"},{\"at\":\"/n\",\"eq\":2}]");
	expect(0, "[{\"at\":\"/n\",\"eq\":2},{\"at\":\"/s\",\"eq\":\"text\"}]");
}

static void
nothing_is_asked_for_nothing(void **state)
{
	struct err e = ERR_INIT;
	struct scope scope = { 0 };
	json_t *absent = json_loads("[{\"at\":\"/a\",\"absent\":true}]", 0, NULL);

	(void)state;
	assert_int_equal(predicates_hold(NULL, NULL, &scope, &e), 1);
	assert_int_equal(predicates_hold(absent, NULL, &scope, &e), 1);
	json_decref(absent);
}

static void
what_cannot_be_asked_is_an_error(void **state)
{
	(void)state;
	expect(-1, "[{\"at\":\"/s\",\"eq\":\"${missing}\"}]");
	expect(-1, "[{\"at\":\"/s\"}]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal),
		cmocka_unit_test(among),
		cmocka_unit_test(absent_and_empty),
		cmocka_unit_test(starting),
		cmocka_unit_test(all_must_hold),
		cmocka_unit_test(nothing_is_asked_for_nothing),
		cmocka_unit_test(what_cannot_be_asked_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
