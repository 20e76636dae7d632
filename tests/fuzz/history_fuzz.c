/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever the history's bytes: no crash, windows that make sense, and no line that spoils another.
 * The input is taken twice: as the file, and each of its lines as the JSON of an event behind a
 * checksum that fits it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD_MAX 40
#define NOW INT64_C(1800000000)
#define YEAR_S (365 * INT64_C(86400))
#define WINDOW "5eed5eed5eed"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static const char last_line[] = "{\"event\":\"opened\",\"window\":\"" WINDOW
				"\",\"netns\":\"x\",\"opened_wall\":1700000000,"
				"\"wall\":1700000000,\"expiry_wall\":1700000600,\"expires\":true}";

static void
check_text(const char *text)
{
	MUST(text);
	for (; *text; text++)
		MUST(*text >= ' ' && *text <= '~');
}

static void
check_window(const struct history_window *w)
{
	MUST(strlen(w->window) == TXN_LEN);
	MUST(w->opened_wall > 0 && w->closed_wall >= 0 && w->seconds >= 0);
	MUST((w->how != NULL) == (w->closed_wall != 0));
	check_text(w->ports);
	check_text(w->targets);
	check_text(w->who);
	if (w->how)
		check_text(w->how);
}

/* Returns how many windows there are. */
static size_t
check(const char *text, size_t len)
{
	struct history h;
	struct err e = ERR_INIT;
	int64_t sum = 0;
	MUST(!history_parse(&h, text, len, &e) && e.code == ERR_NONE);
	for (size_t i = 0; i < h.n; i++) {
		check_window(&h.v[i]);
		sum += h.v[i].seconds;
	}
	int64_t exposed = history_exposure(&h, NOW - YEAR_S, NOW);
	MUST(exposed >= 0 && exposed <= YEAR_S && exposed <= sum);
	MUST(history_exposure(&h, 0, NOW) >= exposed);
	size_t n = h.n;
	history_fini(&h);
	return n;
}

static size_t
put_line(char *to, const char *json, size_t len)
{
	size_t head = (size_t)snprintf(to, HEAD_MAX, "geopause-history 1 %016" PRIx64 " ",
				       checksum(json, len));
	memcpy(to + head, json, len);
	to[head + len] = '\n';
	return head + len + 1;
}

/* Each line with a checksum; the caller frees it. There is room for one line more. */
static char *
with_checksums(const char *data, size_t size, size_t *len)
{
	size_t lines = 2;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	char *text = malloc(size + lines * HEAD_MAX + sizeof(last_line));
	MUST(text);
	*len = 0;
	for (size_t at = 0; at < size;) {
		const char *end = memchr(data + at, '\n', size - at);
		size_t n = end ? (size_t)(end - data) - at : size - at;
		*len += put_line(text + *len, data + at, n);
		at += n + 1;
	}
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = size ? (const char *)data : "";
	size_t len;
	check(bytes, size);
	char *text = with_checksums(bytes, size, &len);
	size_t n = check(text, len);
	bool there = memmem(text, len, WINDOW, sizeof(WINDOW) - 1);
	len += put_line(text + len, last_line, sizeof(last_line) - 1);
	/* "5eed..." may have been written in another way: "\u0035eed...". */
	size_t more = check(text, len) - n;
	MUST(more == 1 || there || memchr(bytes, '\\', size));
	free(text);
	return 0;
}
