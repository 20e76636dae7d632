/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a provider may answer, and what a journal may have for a REST target. The first byte
 * chooses: a reply that is judged and searched, a document whose rule is lifted and taken back, or
 * an entry of a record.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"
#include "operation.h"
#include "pointer.h"
#include "predicate.h"
#include "reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static const char call_text[] =
	"{\"method\":\"POST\",\"path\":\"/\",\"ok\":{\"status\":[200,201],"
	"\"body\":[{\"at\":\"/success\",\"eq\":true},{\"at\":\"/list\",\"empty\":true}]},"
	"\"gone\":[404,{\"at\":\"/result\",\"eq\":\"not found\"}],"
	"\"conflict\":[409,{\"at\":\"/__type\",\"starts\":\"WAF\"}],"
	"\"capture\":{\"id\":\"/result/id\",\"etag\":{\"header\":\"etag\",\"optional\":true},"
	"\"all\":{\"at\":\"/a~1b/0\",\"as\":\"json\",\"optional\":true}}}";

static const char lift_text[] = "{\"lift\":[{\"op\":\"replace\",\"path\":\"/"
				"e\",\"value\":{\"and\":[{\"$old\":\"/e\"},\"m\"]}},"
				"{\"op\":\"add\",\"path\":\"/c/0\",\"value\":\"${txn}\"},"
				"{\"op\":\"remove\",\"path\":\"/r\"}]}";

static struct recipe recipe;
static struct session session = { .recipe = &recipe };
static json_t *call;

static void
prepare(void)
{
	if (call != NULL)
		return;
	call = json_loads(call_text, 0, NULL);
	recipe.json = json_loads("{\"error\":[\"/errors/0/message\",\"/message\"]}", 0, NULL);
	recipe.error = json_object_get(recipe.json, "error");
	recipe.part = json_loads(lift_text, 0, NULL);
	MUST(call != NULL && recipe.json != NULL && recipe.part != NULL);
}

/* STATUS, a header, "\n", the body. */
static void
replies(const char *text, size_t len)
{
	const struct scope none = { 0 };
	const char *end = memchr(text, '\n', len);
	char *rest;
	struct err e = ERR_INIT;
	struct answer answer = { 0 };
	char *line = strndup(text, end != NULL ? (size_t)(end - text) : len);
	char *body = end != NULL ? strndup(end + 1, len - (size_t)(end + 1 - text)) : strdup("");
	struct http_reply reply = { .status = strtol(line, &rest, 10) % 1000,
				    .body = body,
				    .body_len = strlen(body) };
	MUST(names_add(&reply.headers, *rest != '\0' ? rest + 1 : "") == 0);
	json_t *document = reply_document(&reply);
	MUST(document != NULL);
	enum verdict verdict = reply_judge(&session, call, &none, document, &answer, &e);
	MUST((verdict == REPLY_OK) == (e.code == ERR_NONE));
	MUST(verdict != REPLY_OK || answer.gone || json_object_get(answer.captured, "id") != NULL);
	MUST(answer.retry_after_ms >= 0);
	for (const char *c = e.msg; *c != '\0'; c++)
		MUST(*c >= ' ' && *c <= '~');
	answer_fini(&answer);
	json_decref(document);
	names_fini(&reply.headers);
	free(line);
	free(body);
}

/* Whatever the rule is: taking the lift back leaves it as it was. */
static void
rules(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	json_t *rule = json_loadb(text, len, 0, NULL), *before = json_deep_copy(rule);
	json_t *names = json_pack("{s:s}", "txn", "0123456789ab");
	const struct scope scope = { .names = names };
	json_t *operations = rule != NULL ? operations_make(&session, rule, &scope, &e) : NULL;
	size_t i;
	json_t *operation;
	json_array_foreach (operations, i, operation)
		MUST(operation_do(operation, rule, &e) == 0);
	for (i = json_array_size(operations); i-- > 0;) {
		operation = json_array_get(operations, i);
		MUST(operation_state(operation, rule) == OPERATION_OURS);
		MUST(operation_undo(operation, rule, &e) == 0);
	}
	MUST(rule == NULL || json_equal(rule, before));
	json_decref(operations);
	json_decref(names);
	json_decref(before);
	json_decref(rule);
}

static void
entries(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	struct entry entry;
	json_t *json = json_loadb(text, len, JSON_DECODE_ANY, NULL);
	if (json != NULL && entry_parse(&entry, json, &e) == 0) {
		MUST(strlen(entry.txn) == TXN_LEN && entry.deadline_s > 0);
		if (entry.patched != NULL)
			(void)operations_are_in(entry.patched, json);
	}
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	prepare();
	if (data[0] % 3 == 0)
		replies((const char *)data + 1, size - 1);
	else if (data[0] % 3 == 1)
		rules((const char *)data + 1, size - 1);
	else
		entries((const char *)data + 1, size - 1);
	return 0;
}
