/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <jansson.h>
#include <string.h>

#include "locate.h"

static const char text[] = "\n"
			   "{ \"a\": 1,\n"                /* 2 */
			   "  \"b\\\"}\": [\n"            /* 3: a quote and a brace in the key */
			   "    \"x,]\", \"y\\\\\",\n"    /* 4 */
			   "    { \"c\"\n"                /* 5 */
			   "      :\n"                    /* 6 */
			   "      null }, [], {}\n"       /* 7 */
			   "  ], \"d\": { \"e\": [[1\n"   /* 8 */
			   ",-2.5e3]]}, \"f\": true }\n"; /* 9 */

static void
lines_are_found(void **state)
{
	static const struct {
		size_t parent;
		size_t position;
		size_t node;
		unsigned line;
		unsigned key_line;
	} cases[] = {
		{ 0, 0, 1, 2, 2 },   /* a */
		{ 0, 1, 2, 3, 3 },   /* b */
		{ 2, 0, 3, 4, 4 },   /* x */
		{ 2, 1, 4, 4, 4 },   /* y */
		{ 2, 2, 5, 5, 5 },   /* {c} */
		{ 5, 0, 6, 7, 5 },   /* null: its key is two lines above */
		{ 2, 3, 7, 7, 7 },   /* [] */
		{ 2, 4, 8, 7, 7 },   /* {} */
		{ 0, 2, 9, 8, 8 },   /* d */
		{ 9, 0, 10, 8, 8 },  /* e */
		{ 10, 0, 11, 8, 8 }, /* [1, -2.5e3] */
		{ 11, 0, 12, 8, 8 }, { 11, 1, 13, 9, 9 }, { 0, 3, 14, 9, 9 }, /* f */
	};
	struct locate all;

	(void)state;
	assert_int_equal(locate_init(&all, text, sizeof(text) - 1), 0);
	assert_int_equal(all.n, 15);
	assert_int_equal(all.v[0].line, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t node = locate_child(&all, cases[i].parent, cases[i].position);

		assert_int_equal(node, cases[i].node);
		assert_int_equal(all.v[node].line, cases[i].line);
		assert_int_equal(all.v[node].key_line, cases[i].key_line);
	}
	assert_int_equal(locate_child(&all, 0, 4), 0);
	assert_int_equal(locate_child(&all, 7, 0), 0);
	assert_int_equal(locate_child(&all, 99, 0), 0);
	locate_fini(&all);
}

/* The tree and the lines have the same shape, for whatever jansson reads. */
static size_t
walk(const struct locate *all, json_t *value, size_t node)
{
	size_t next = node + 1;
	size_t index;
	const char *key;
	json_t *child;

	assert_true(node < all->n);
	json_array_foreach (value, index, child)
		next = walk(all, child, next);
	json_object_foreach (value, key, child)
		next = walk(all, child, next);
	assert_int_equal(all->v[node].end, next);
	return next;
}

static void
shape_is_the_same(void **state)
{
	static const char *const texts[] = {
		"[]",
		"{}",
		"[[[[]]],[]]",
		"{\"a\":{\"a\":{}},\"b\":[{\"c\":[]}],\"d\":\"\\\\\"}",
		"[1,2,3,null,true,false,\"\",\"\\\"\",-0.1]",
		"[\"\\u005b{\\\"[\",{\"[\":\"]\"}]",
	};
	struct locate all;
	json_t *root;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		root = json_loads(texts[i], JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(root);
		assert_int_equal(locate_init(&all, texts[i], strlen(texts[i])), 0);
		assert_int_equal(walk(&all, root, 0), all.n);
		locate_fini(&all);
		json_decref(root);
	}
}

static void
nonsense_is_harmless(void **state)
{
	static const char *const texts[] = { "",     "]",  "}}",  "[",   "{\"",    "\"\\",
					     "{[}]", ",,", "[]]", "a b", "{\"a\"", "\n\n\"" };
	struct locate all;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(locate_init(&all, texts[i], strlen(texts[i])), 0);
		for (size_t n = 0; n < all.n; n++)
			assert_true(all.v[n].end > n && all.v[n].end <= all.n);
		locate_fini(&all);
	}
}

static void
offsets_have_lines(void **state)
{
	(void)state;
	assert_int_equal(locate_line("a\nb\n", 4, 0), 1);
	assert_int_equal(locate_line("a\nb\n", 4, 1), 1);
	assert_int_equal(locate_line("a\nb\n", 4, 2), 2);
	assert_int_equal(locate_line("a\nb\n", 4, 99), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_found),
		cmocka_unit_test(shape_is_the_same),
		cmocka_unit_test(nonsense_is_harmless),
		cmocka_unit_test(offsets_have_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
