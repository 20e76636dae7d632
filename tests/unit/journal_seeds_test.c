/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the journal's fuzzer begins with is understood, but for what is named after its fault: seeds
 * that no longer fit the journal would end each run at the first missing member.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "journal.h"
#include "unit.h"

#define SEED_MAX 4096
#define HEAD_MAX 128

static bool
ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), tail = strlen(end);

	return len >= tail && strcmp(name + len - tail, end) == 0;
}

/* JSON gets the first line that fits it. */
static size_t
read_seed(char *text, const char *name)
{
	char path[512], body[SEED_MAX];
	int head = 0;

	snprintf(path, sizeof(path), "%s/%s", JOURNAL_SEEDS, name);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	size_t len = fread(body, 1, sizeof(body), file);
	fclose(file);
	assert_in_range(len, 1, sizeof(body) - 1);
	if (ends_in(name, ".json"))
		head = snprintf(text, HEAD_MAX, "geopause-journal %d %zu %016" PRIx64 "\n",
				JOURNAL_VERSION, len, checksum(body, len));
	memcpy(text + head, body, len);
	return (size_t)head + len;
}

static void
seeds(void **state)
{
	static const char *const broken[] = { "file-cut", "file-version-1", "no-record.json" };
	DIR *dir = opendir(JOURNAL_SEEDS);
	struct dirent *entry;
	size_t good = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char text[HEAD_MAX + SEED_MAX];
		struct journal journal = { 0 };
		struct err e = ERR_INIT;
		enum journal_read wanted = JOURNAL_GOOD;

		if (entry->d_name[0] == '.')
			continue;
		for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
			if (strcmp(entry->d_name, broken[i]) == 0)
				wanted = JOURNAL_BAD;
		size_t len = read_seed(text, entry->d_name);
		if (journal_decode(&journal, text, len, &e) != wanted)
			fail_msg("%s: %s", entry->d_name, e.code ? e.msg : "it is understood");
		good += wanted == JOURNAL_GOOD;
		journal_fini(&journal);
	}
	closedir(dir);
	assert_true(good >= 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(seeds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
