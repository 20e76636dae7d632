/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <stdlib.h>

#include "pointer.h"

static json_t *
json(const char *text)
{
	json_t *parsed = json_loads(text, JSON_DECODE_ANY, NULL);

	if (parsed == NULL)
		fail_msg("not JSON: %s", text);
	return parsed;
}

static void
expect_json(json_t *got, const char *text)
{
	json_t *expected = json(text);

	if (json_equal(got, expected) != 1) {
		char *dump = json_dumps(got, JSON_ENCODE_ANY);

		fail_msg("expected %s, got %s", text, dump);
	}
	json_decref(expected);
}

/* RFC 6901 section 5. */
static void
the_rfc_s_examples(void **state)
{
	json_t *document = json("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,"
				"\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}");
	static const struct {
		const char *pointer, *value;
	} examples[] = {
		{ "/foo", "[\"bar\",\"baz\"]" },
		{ "/foo/0", "\"bar\"" },
		{ "/", "0" },
		{ "/a~1b", "1" },
		{ "/c%d", "2" },
		{ "/e^f", "3" },
		{ "/g|h", "4" },
		{ "/i\\j", "5" },
		{ "/k\"l", "6" },
		{ "/ ", "7" },
		{ "/m~0n", "8" },
	};

	(void)state;
	assert_ptr_equal(pointer_get(document, ""), document);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		assert_true(pointer_is_valid(examples[i].pointer));
		expect_json(pointer_get(document, examples[i].pointer), examples[i].value);
	}
	json_decref(document);
}

static void
nothing_is_found_where_nothing_is(void **state)
{
	static const char *const pointers[] = {
		"/x",       "/foo/2", "/foo/-", "/foo/01", "/foo/+1",
		"/foo/0/a", "//a",    "/foo/",  "/s/0",    "/foo/99999999999999999999"
	};
	json_t *document = json("{\"foo\":[1,2],\"s\":\"text\",\"~01\":1}");

	(void)state;
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
		if (pointer_get(document, pointers[i]) != NULL)
			fail_msg("%s is found", pointers[i]);
	/* "~1" in a name is "~01", not "/". */
	assert_null(pointer_get(document, "/~01"));
	assert_non_null(pointer_get(document, "/~001"));
	assert_null(pointer_get(NULL, "/a"));
	json_decref(document);
}

static void
broken_pointers_are_no_pointers(void **state)
{
	(void)state;
	assert_true(pointer_is_valid(""));
	assert_true(pointer_is_valid("/~0~1/"));
	assert_false(pointer_is_valid("a"));
	assert_false(pointer_is_valid("#/a"));
	assert_false(pointer_is_valid("/~"));
	assert_false(pointer_is_valid("/~2"));
	assert_false(pointer_is_valid("/a~/b"));
}

enum operation {
	ADD,
	REPLACE,
	REMOVE
};

struct change {
	enum operation operation;
	const char *pointer, *before, *after; /* after NULL: refused, and nothing changed */
};

/* RFC 6902 appendix A, and what it leaves to section 4. */
static const struct change changes[] = {
	{ ADD, "/baz", "{\"foo\":1}", "{\"foo\":1,\"baz\":9}" },
	{ ADD, "/foo", "{\"foo\":1}", "{\"foo\":9}" },
	{ ADD, "/foo/1", "{\"foo\":[1,2]}", "{\"foo\":[1,9,2]}" },
	{ ADD, "/foo/2", "{\"foo\":[1,2]}", "{\"foo\":[1,2,9]}" },
	{ ADD, "/foo/-", "{\"foo\":[1,2]}", "{\"foo\":[1,2,9]}" },
	{ ADD, "/foo/3", "{\"foo\":[1,2]}", NULL },
	{ ADD, "/foo/01", "{\"foo\":[1,2]}", NULL },
	{ ADD, "/baz/bat", "{\"foo\":1}", NULL },
	{ ADD, "/foo/bar", "{\"foo\":1}", NULL },
	{ ADD, "", "{\"foo\":1}", NULL },
	{ ADD, "/a~1b", "{}", "{\"a/b\":9}" },
	{ REPLACE, "/foo", "{\"foo\":1}", "{\"foo\":9}" },
	{ REPLACE, "/foo/1", "{\"foo\":[1,2]}", "{\"foo\":[1,9]}" },
	{ REPLACE, "/foo/2", "{\"foo\":[1,2]}", NULL },
	{ REPLACE, "/foo/-", "{\"foo\":[1,2]}", NULL },
	{ REPLACE, "/bar", "{\"foo\":1}", NULL },
	{ REPLACE, "", "{\"foo\":1}", NULL },
	{ REMOVE, "/foo", "{\"foo\":1,\"a\":2}", "{\"a\":2}" },
	{ REMOVE, "/foo/0", "{\"foo\":[1,2]}", "{\"foo\":[2]}" },
	{ REMOVE, "/foo/2", "{\"foo\":[1,2]}", NULL },
	{ REMOVE, "/bar", "{\"foo\":1}", NULL },
	{ REMOVE, "/foo/a", "{\"foo\":1}", NULL },
	{ REMOVE, "", "{\"foo\":1}", NULL },
};

static int
change(enum operation operation, json_t *document, const char *pointer, struct err *e)
{
	if (operation == REMOVE)
		return pointer_remove(document, pointer, e);
	return operation == ADD ? pointer_add(document, pointer, json_integer(9), e)
				: pointer_replace(document, pointer, json_integer(9), e);
}

static void
changes_happen_or_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *c = &changes[i];
		json_t *document = json(c->before);
		struct err e = ERR_INIT;
		int rc = change(c->operation, document, c->pointer, &e);

		if ((rc == 0) != (c->after != NULL))
			fail_msg("change %zu: %d, %s", i, rc, e.msg);
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_FAILED);
		expect_json(document, c->after != NULL ? c->after : c->before);
		json_decref(document);
	}
}

static void
refusals_say_what_and_where(void **state)
{
	json_t *document = json("{}");
	struct err e = ERR_INIT;

	(void)state;
	pointer_replace(document, "/a\n", json_null(), &e);
	assert_string_equal(e.msg, "replacing at \"/a\\x0a\": there is nothing to replace");
	json_decref(document);
}

/* RFC 7386 appendix A, those of two objects. */
static void
objects_are_merged(void **state)
{
	static const struct {
		const char *before, *patch, *after;
	} all[] = {
		{ "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
		{ "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
		{ "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
		{ "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		  "{\"a\":{\"b\":\"d\"}}" },
		{ "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
		{ "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
		{ "{\"a\":\"foo\"}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
		{ "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		json_t *before = json(all[i].before), *patch = json(all[i].patch);
		struct err e = ERR_INIT;

		assert_int_equal(pointer_merge(before, patch, &e), 0);
		expect_json(before, all[i].after);
		expect_json(patch, all[i].patch);
		json_decref(patch);
		json_decref(before);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfc_s_examples),
		cmocka_unit_test(nothing_is_found_where_nothing_is),
		cmocka_unit_test(broken_pointers_are_no_pointers),
		cmocka_unit_test(changes_happen_or_are_refused),
		cmocka_unit_test(refusals_say_what_and_where),
		cmocka_unit_test(objects_are_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
