/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a provider's reply means for a call: done, refused, somebody was faster, or not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reply.h"

static const char recipe_text[] =
	"{\"ok\": {\"body\": [{\"at\": \"/success\", \"eq\": true}]},"
	" \"error\": [\"/errors/0/message\"],"
	" \"retry\": {\"status\": [423, 429], \"interval_ms\": 250,"
	"  \"body\": [{\"at\": \"/type\", \"eq\": \"Throttled\"}]},"
	" \"call\": {\"method\": \"POST\", \"path\": \"/\", \"capture\": {\"id\": \"/id\","
	"  \"etag\": {\"header\": \"ETag\", \"optional\": true}},"
	"  \"gone\": [404, {\"at\": \"/result\", \"eq\": \"not found\"}],"
	"  \"conflict\": [409, {\"at\": \"/type\", \"eq\": \"LockException\"}]}}";

struct bed {
	json_t *json;
	struct recipe recipe;
	struct session session;
	struct scope scope;
};

static int
setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	assert_non_null(bed);
	bed->json = json_loads(recipe_text, 0, NULL);
	assert_non_null(bed->json);
	bed->recipe = (struct recipe){ .json = bed->json,
				       .ok = json_object_get(bed->json, "ok"),
				       .error = json_object_get(bed->json, "error"),
				       .retry = json_object_get(bed->json, "retry") };
	bed->session.recipe = &bed->recipe;
	*state = bed;
	return 0;
}

static int
teardown(void **state)
{
	struct bed *bed = *state;
	json_decref(bed->json);
	free(bed);
	return 0;
}

/* The headers are one line, or NULL. */
static enum verdict
judge(struct bed *bed, long status, const char *header, const char *body, struct answer *answer,
      struct err *e)
{
	char text[512];
	char *lines[] = { (char *)(uintptr_t)header };
	const struct http_reply reply = { .status = status,
					  .body = strcpy(text, body),
					  .body_len = strlen(body),
					  .headers = { .v = lines, .n = header != NULL } };
	json_t *document = reply_document(&reply);
	assert_non_null(document);
	*answer = (struct answer){ 0 };
	*e = ERR_INIT;
	enum verdict verdict = reply_judge(&bed->session, json_object_get(bed->json, "call"),
					   &bed->scope, document, answer, e);
	json_decref(document);
	return verdict;
}

static const struct {
	long status;
	const char *body;
	enum verdict verdict;
} replies[] = {
	{ 200, "{\"success\": true, \"id\": \"7\"}", REPLY_OK },
	{ 204, "{\"success\": true, \"id\": 7}", REPLY_OK },
	/* It is done, and nobody knows as what: it has to be looked for. */
	{ 200, "{\"success\": true}", REPLY_UNCLEAR },
	{ 200, "{\"success\": true, \"id\": {\"a\": 1}}", REPLY_UNCLEAR },
	{ 200, "{\"success\": false}", REPLY_REFUSED },
	{ 200, "{\"success\": tr", REPLY_UNCLEAR },
	{ 200, "", REPLY_UNCLEAR },
	{ 200, "<html>", REPLY_UNCLEAR },
	{ 404, "", REPLY_OK },
	{ 200, "{\"result\": \"not found\"}", REPLY_OK },
	{ 409, "", REPLY_CONFLICT },
	{ 400, "{\"type\": \"LockException\"}", REPLY_CONFLICT },
	{ 400, "{}", REPLY_REFUSED },
	{ 400, "{\"type\": \"Throttled\"}", REPLY_UNCLEAR },
	{ 401, "", REPLY_REFUSED },
	{ 403, "", REPLY_REFUSED },
	{ 408, "", REPLY_UNCLEAR },
	{ 423, "", REPLY_UNCLEAR },
	{ 429, "", REPLY_UNCLEAR },
	{ 500, "", REPLY_UNCLEAR },
	{ 503, "{\"success\": true, \"id\": 7}", REPLY_UNCLEAR },
	{ 302, "", REPLY_UNCLEAR },
	{ 0, "", REPLY_UNCLEAR },
};

static void
verdicts(void **state)
{
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		struct answer answer;
		struct err e;
		enum verdict verdict =
			judge(*state, replies[i].status, NULL, replies[i].body, &answer, &e);
		if (verdict != replies[i].verdict)
			fail_msg("%ld %s: verdict %d, not %d", replies[i].status, replies[i].body,
				 (int)verdict, (int)replies[i].verdict);
		assert_int_equal(e.code != ERR_NONE, verdict != REPLY_OK);
		assert_int_equal(answer.conflict, verdict == REPLY_CONFLICT);
		answer_fini(&answer);
	}
}

static void
captures(void **state)
{
	struct answer answer;
	struct err e;
	assert_int_equal(
		judge(*state, 200, "etag: \"v1\"", "{\"success\": true, \"id\": 7}", &answer, &e),
		REPLY_OK);
	assert_int_equal(json_integer_value(json_object_get(answer.captured, "id")), 7);
	assert_string_equal(json_string_value(json_object_get(answer.captured, "etag")), "\"v1\"");
	answer_fini(&answer);
}

static void
says_the_providers_words(void **state)
{
	struct answer answer;
	struct err e;
	judge(*state, 400, NULL, "{\"errors\": [{\"message\": \"no\\nsuch zone\"}]}", &answer, &e);
	assert_non_null(strstr(e.msg, "HTTP 400"));
	assert_non_null(strstr(e.msg, "no\\x0asuch zone"));
	answer_fini(&answer);
}

static void
waits_as_long_as_asked(void **state)
{
	static const struct {
		const char *header;
		int64_t ms;
	} waits[] = {
		{ "retry-after: 7", 7000 },
		{ "retry-after: 999999999999", 3600000 },
		{ "retry-after: Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "retry-after: soon", 250 },
		{ NULL, 250 },
	};
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		struct answer answer;
		struct err e;
		judge(*state, 429, waits[i].header, "", &answer, &e);
		assert_int_equal(answer.retry_after_ms, waits[i].ms);
		answer_fini(&answer);
	}
}

/* The parser recurses: what is nested too deep counts as no JSON. */
static void
is_not_nested_without_end(void **state)
{
	char deep[2 * (REPLY_LEVELS + 1) + 1];
	struct answer answer;
	struct err e;
	for (int levels = REPLY_LEVELS; levels <= REPLY_LEVELS + 1; levels++) {
		memset(deep, '[', (size_t)levels);
		memset(deep + levels, ']', (size_t)levels);
		deep[2 * levels] = '\0';
		judge(*state, 400, NULL, deep, &answer, &e);
		assert_int_equal(answer.body != NULL, levels == REPLY_LEVELS);
		answer_fini(&answer);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(verdicts, setup, teardown),
		cmocka_unit_test_setup_teardown(captures, setup, teardown),
		cmocka_unit_test_setup_teardown(says_the_providers_words, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_as_long_as_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(is_not_nested_without_end, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
