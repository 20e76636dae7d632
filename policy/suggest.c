/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Near misses; declared in document.h. */
#include <stdio.h>
#include <string.h>

#include "document.h"

#define WORD_MAX 32 /* bytes; nothing longer is a near miss of any key */
#define NEAR 2      /* edits */

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's distance; both shorter than WORD_MAX. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];

			row[j] =
				least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

const char *
document_suggest(char buf[SUGGESTION_MAX], const char *word, const char *const *words)
{
	const char *best = NULL;
	size_t nearest = NEAR + 1;

	buf[0] = '\0';
	if (strlen(word) >= WORD_MAX)
		return buf;
	for (; *words != NULL; words++) {
		size_t d;

		/* A recipe's own names are as long as its writer likes. */
		if (strlen(*words) >= WORD_MAX)
			continue;
		d = distance(word, *words);
		/* Everything is two edits away from a word of two letters. */
		if (d < nearest && d < strlen(*words) && d < strlen(word)) {
			nearest = d;
			best = *words;
		}
	}
	if (best != NULL)
		snprintf(buf, SUGGESTION_MAX, "; did you mean \"%s\"?", best);
	return buf;
}
