/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lift of somebody else's rule: what is put there, what is ours in it, and what is taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "operation.h"

static json_t *
json(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	if (value == NULL)
		fail_msg("no JSON: %s", text);
	return value;
}

/* Of these steps for this rule, or NULL. */
static json_t *
make(const char *steps, const json_t *rule)
{
	json_t *part = json_pack("{s:o}", "lift", json(steps));
	json_t *names = json_pack("{s:s}", "txn", "0123456789ab");
	struct recipe recipe = { .part = part };
	const struct session session = { .recipe = &recipe };
	const struct scope scope = { .names = names };
	struct err e = ERR_INIT;
	json_t *operations = operations_make(&session, rule, &scope, &e);
	assert_int_equal(operations == NULL, e.code != ERR_NONE);
	json_decref(part);
	json_decref(names);
	return operations;
}

static void
do_all(const json_t *operations, json_t *rule)
{
	struct err e = ERR_INIT;
	size_t i;
	json_t *operation;
	json_array_foreach ((json_t *)(uintptr_t)operations, i, operation) {
		assert_int_equal(operation_state(operation, rule), OPERATION_OLD);
		assert_int_equal(operation_do(operation, rule, &e), 0);
		assert_int_equal(operation_state(operation, rule), OPERATION_OURS);
	}
}

static void
undo_all(const json_t *operations, json_t *rule)
{
	struct err e = ERR_INIT;
	for (size_t i = json_array_size(operations); i-- > 0;)
		if (operation_state(json_array_get(operations, i), rule) == OPERATION_OURS)
			assert_int_equal(operation_undo(json_array_get(operations, i), rule, &e),
					 0);
}

static void
must_be(const json_t *rule, const char *text)
{
	json_t *expected = json(text);
	char *is = json_dumps(rule, JSON_COMPACT);
	if (!json_equal(rule, expected))
		fail_msg("%s and not %s", is, text);
	free(is);
	json_decref(expected);
}

static const struct {
	const char *steps, *before, *lifted;
} lifts[] = {
	{ "[{\"op\":\"replace\",\"path\":\"/on\",\"value\":false}]", "{\"on\":true,\"a\":1}",
	  "{\"on\":false,\"a\":1}" },
	{ "[{\"op\":\"replace\",\"path\":\"/e\",\"value\":\"(${old}) && !x\"}]",
	  "{\"e\":\"in ${ru}\"}", "{\"e\":\"(in ${ru}) && !x\"}" },
	{ "[{\"op\":\"replace\",\"path\":\"/s\",\"value\":{\"and\":[{\"$old\":\"/s\"},\"x\"]}}]",
	  "{\"s\":{\"geo\":[\"${a}\"]}}", "{\"s\":{\"and\":[{\"geo\":[\"${a}\"]},\"x\"]}}" },
	{ "[{\"op\":\"add\",\"path\":\"/c/-\",\"value\":\"${txn}\"}]", "{\"c\":[1,2]}",
	  "{\"c\":[1,2,\"0123456789ab\"]}" },
	{ "[{\"op\":\"add\",\"path\":\"/c/0\",\"value\":\"${txn}\"}]", "{\"c\":[1,2]}",
	  "{\"c\":[\"0123456789ab\",1,2]}" },
	{ "[{\"op\":\"add\",\"path\":\"/n\",\"value\":1}]", "{\"a\":2}", "{\"a\":2,\"n\":1}" },
	{ "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1}]", "{\"a\":2}", "{\"a\":1}" },
	{ "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{\"a\":2,\"b\":3}", "{\"b\":3}" },
	/* What would change nothing is left out: it could not be told from what was there. */
	{ "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2},"
	  "{\"op\":\"replace\",\"path\":\"/b\",\"value\":4}]",
	  "{\"a\":2,\"b\":3}", "{\"a\":2,\"b\":4}" },
};

static void
there_and_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lifts) / sizeof(*lifts); i++) {
		json_t *rule = json(lifts[i].before), *operations = make(lifts[i].steps, rule);
		assert_non_null(operations);
		assert_int_equal(json_array_size(operations), 1);
		must_be(rule, lifts[i].before);
		do_all(operations, rule);
		must_be(rule, lifts[i].lifted);
		undo_all(operations, rule);
		must_be(rule, lifts[i].before);
		json_decref(rule);
		json_decref(operations);
	}
}

static void
needs_what_it_replaces(void **state)
{
	json_t *rule = json("{\"a\":1}");
	(void)state;
	assert_null(make("[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", rule));
	assert_null(make("[{\"op\":\"remove\",\"path\":\"/b\"}]", rule));
	assert_null(make("[{\"op\":\"add\",\"path\":\"/n\",\"value\":{\"$old\":\"/b\"}}]", rule));
	assert_null(make("[{\"op\":\"add\",\"path\":\"/n\",\"value\":\"${nobody}\"}]", rule));
	json_decref(rule);
}

static const struct {
	const char *edited;
	enum operation_state state;
} edits[] = {
	{ "{\"e\":\"in ru\"}", OPERATION_OLD },
	{ "{\"e\":\"(in ru) && !path\"}", OPERATION_OURS },
	{ "{\"e\":\"(in ru, by) && !path\"}", OPERATION_OTHER_OURS },
	{ "{\"e\":\"in ru, by\"}", OPERATION_OTHER },
	{ "{\"e\":7}", OPERATION_OTHER },
	{ "{}", OPERATION_OTHER },
};

static void
knows_ours_in_an_edit(void **state)
{
	json_t *rule = json("{\"e\":\"in ru\"}");
	json_t *operations = make(
		"[{\"op\":\"replace\",\"path\":\"/e\",\"value\":\"(${old}) && !path\"}]", rule);
	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		json_t *edited = json(edits[i].edited);
		assert_int_equal(operation_state(json_array_get(operations, 0), edited),
				 edits[i].state);
		json_decref(edited);
	}
	json_decref(operations);
	json_decref(rule);
}

/* Somebody else's element before it: ours has moved, and is found. */
static void
finds_ours_where_it_moved(void **state)
{
	json_t *rule = json("{\"c\":[1]}");
	json_t *operations =
		make("[{\"op\":\"add\",\"path\":\"/c/0\",\"value\":\"${txn}\"}]", rule);
	json_t *moved = json("{\"c\":[0,5,\"0123456789ab\",1]}");
	(void)state;
	undo_all(operations, moved);
	must_be(moved, "{\"c\":[0,5,1]}");
	json_decref(moved);
	json_decref(operations);
	json_decref(rule);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(needs_what_it_replaces),
		cmocka_unit_test(knows_ours_in_an_edit),
		cmocka_unit_test(finds_ours_where_it_moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
