/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a program of an exec target may answer, and what a journal may have for one. The first byte
 * chooses: the operation that is answered, or an entry of a record.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void
must_be_printable(const char *text, bool block)
{
	MUST(text[0] != '\0');
	for (; *text != '\0'; text++)
		MUST((*text >= ' ' && *text <= '~') || (block && (*text == '\n' || *text == '\t')));
}

static void
check_steps(const struct answer *answer)
{
	for (size_t i = 0; i < answer->n; i++) {
		const struct step *step = &answer->steps[i];
		must_be_printable(step->where, false);
		must_be_printable(step->rule, false);
		if (step->reason != NULL)
			must_be_printable(step->reason, false);
		if (step->before != NULL)
			must_be_printable(step->before, true);
		if (step->after != NULL)
			must_be_printable(step->after, true);
	}
}

static void
answers(enum operation operation, const char *text, size_t len)
{
	struct err e = ERR_INIT;
	struct answer answer;
	if (answer_parse(&answer, operation, "it", text, len, &e) != 0) {
		MUST(e.code == ERR_FAILED);
		must_be_printable(e.msg, false);
		MUST(answer.n == 0 && answer.record == NULL);
		return;
	}
	MUST(operation == OPERATION_INSPECT || answer.state == LIFT_UNKNOWN);
	MUST(operation != OPERATION_INSPECT || answer.state != LIFT_UNKNOWN);
	check_steps(&answer);
	answer_fini(&answer);
}

static void
entries(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	struct entry entry;
	json_t *request, *json = json_loadb(text, len, JSON_DECODE_ANY, NULL);
	if (json != NULL && entry_parse(&entry, json, &e) == 0) {
		MUST(entry.argv[0][0] == '/' && entry.n <= TARGET_COMMAND_MAX);
		request = entry_request(&entry, "revert", 1);
		MUST(request != NULL);
		json_decref(request);
	}
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 6 <= OPERATION_REVERT)
		answers((enum operation)(data[0] % 6), (const char *)data + 1, size - 1);
	else
		entries((const char *)data + 1, size - 1);
	return 0;
}
