/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever the journal's bytes: no crash, a reason or a journal; and a journal that is understood
 * is understood the same after it was written again. The input is taken twice: as the file, and as
 * the JSON behind a first line that fits it, because no mutation finds a checksum.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* Takes an exact copy, so that AddressSanitizer sees the byte after it. */
static char *
copy_of(const char *head, const char *data, size_t size, size_t *len)
{
	size_t before = strlen(head);
	char *copy = malloc(before + size ? before + size : 1);
	MUST(copy);
	memcpy(copy, head, before);
	if (size)
		memcpy(copy + before, data, size);
	*len = before + size;
	return copy;
}

static enum journal_read
decode(struct journal *journal, const char *head, const char *data, size_t size)
{
	struct err e = ERR_INIT;
	size_t len;
	char *text = copy_of(head, data, size, &len);
	*journal = (struct journal){ 0 };
	enum journal_read read = journal_decode(journal, text, len, &e);
	free(text);
	MUST(read == JOURNAL_GOOD || read == JOURNAL_BAD);
	MUST((read == JOURNAL_BAD) == (e.code != ERR_NONE));
	for (const char *c = e.msg; *c; c++)
		MUST(*c >= ' ' && *c <= '~');
	return read;
}

static enum journal_read
decode_body(struct journal *journal, const char *body, size_t size)
{
	char head[80];
	snprintf(head, sizeof(head), "geopause-journal %d %zu %016" PRIx64 "\n", JOURNAL_VERSION,
		 size, checksum(body, size));
	return decode(journal, head, body, size);
}

static char *
written(const struct journal *journal)
{
	json_t *json = journal_json(journal);
	MUST(json);
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	MUST(text);
	json_decref(json);
	return text;
}

static void
round_trip(const struct journal *journal)
{
	struct journal again;
	char *text = written(journal);
	MUST(decode_body(&again, text, strlen(text)) == JOURNAL_GOOD);
	char *text_again = written(&again);
	MUST(!strcmp(text, text_again));
	free(text_again);
	free(text);
	journal_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal journal;
	const char *bytes = size ? (const char *)data : "";
	if (decode(&journal, "", bytes, size) == JOURNAL_GOOD)
		round_trip(&journal);
	journal_fini(&journal);
	if (decode_body(&journal, bytes, size) == JOURNAL_GOOD)
		round_trip(&journal);
	journal_fini(&journal);
	return 0;
}
