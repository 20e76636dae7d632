/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <string.h>

#include "document.h"

static void
near_misses_are_told(void **state)
{
	static const char *const words[] = { "table", "targets", "a_very_long_name_of_31_bytes__",
					     NULL };
	static const struct {
		const char *word, *hint;
	} cases[] = {
		{ "tabel", "; did you mean \"table\"?" },
		{ "target", "; did you mean \"targets\"?" },
		{ "tables", "; did you mean \"table\"?" },
		{ "a_very_long_name_of_31_bytes_",
		  "; did you mean \"a_very_long_name_of_31_bytes__\"?" },
		{ "chain", "" },
		{ "", "" },
	};
	char buf[SUGGESTION_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(document_suggest(buf, cases[i].word, words), cases[i].hint);
}

/* A recipe's names are among the words: of any length, and no reason to write past a row. */
static void
long_words_are_nobodys_near_miss(void **state)
{
	char words_of[3][200];
	const char *words[] = { words_of[0], words_of[1], words_of[2], NULL };
	static const size_t lengths[] = { 31, 32, 33, 64, 199 };
	char buf[SUGGESTION_MAX];
	char word[200];

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t j = 0; j < 3; j++) {
			memset(words_of[j], 'a', lengths[i]);
			words_of[j][lengths[i] - j] = '\0';
		}
		memset(word, 'a', lengths[i]);
		word[lengths[i]] = '\0';
		document_suggest(buf, word, words);
		assert_int_equal(buf[0] != '\0', lengths[i] < 32);
		word[30] = 'b';
		word[31] = '\0';
		document_suggest(buf, word, words);
		assert_int_equal(buf[0] != '\0', lengths[i] <= 33);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_misses_are_told),
		cmocka_unit_test(long_words_are_nobodys_near_miss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
