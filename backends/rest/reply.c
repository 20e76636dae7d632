/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reply.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "pointer.h"
#include "predicate.h"

#define RETRY_INTERVAL_MS 1000
#define RETRY_AFTER_MAX_S 3600

/* --- the document -------------------------------------------------------------------------------
 */

/* Before it is parsed: the parser recurses. */
static bool
is_shallow(const char *text, size_t len)
{
	bool quoted = false;
	int levels = 0;
	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			levels++;
		else if (!quoted && (text[i] == '}' || text[i] == ']'))
			levels--;
		if (levels > REPLY_LEVELS)
			return false;
	}
	return true;
}

json_t *
reply_document(const struct http_reply *reply)
{
	json_t *headers = json_array(), *body = NULL, *document;
	for (size_t i = 0; i < reply->headers.n; i++)
		/* What is no UTF-8 is left out: nobody asks for it. */
		(void)json_array_append_new(headers, json_string(reply->headers.v[i]));
	if (reply->body_len > 0 && is_shallow(reply->body, reply->body_len))
		body = json_loadb(reply->body, reply->body_len, JSON_DECODE_ANY | JSON_ALLOW_NUL,
				  NULL);
	document = json_pack("{s:I,s:o,s:o*}", "status", (json_int_t)reply->status, "headers",
			     headers, "body", body);
	return document;
}

static const char *
header_of(const json_t *reply, const char *name)
{
	const size_t len = strlen(name);
	size_t i;
	json_t *line;
	json_array_foreach (json_object_get(reply, "headers"), i, line) {
		const char *text = json_string_value(line);
		if (strncasecmp(text, name, len) == 0 && text[len] == ':')
			return text + len + 1 + strspn(text + len + 1, " \t");
	}
	return NULL;
}

/* --- what the recipe asks of it -----------------------------------------------------------------
 */

static bool
has_number(const json_t *numbers, long status)
{
	size_t i;
	json_t *number;
	json_array_foreach ((json_t *)(uintptr_t)numbers, i, number) {
		if (json_is_integer(number) && json_integer_value(number) == status)
			return true;
	}
	return false;
}

/* Statuses and predicates: is one of them so? */
static bool
is_one_of(const json_t *cases, long status, const json_t *body, const struct scope *scope)
{
	struct err ignored = ERR_INIT;
	size_t i;
	json_t *one;
	if (has_number(cases, status))
		return true;
	json_array_foreach ((json_t *)(uintptr_t)cases, i, one) {
		json_t *alone = json_is_object(one) ? json_pack("[O]", one) : NULL;
		int holds = alone != NULL && body != NULL
				    ? predicates_hold(alone, body, scope, &ignored)
				    : 0;
		json_decref(alone);
		if (holds == 1)
			return true;
	}
	return false;
}

bool
reply_is_busy(const struct recipe *recipe, long status, const json_t *body)
{
	static const struct scope nothing;
	const json_t *statuses = json_object_get(recipe->retry, "status");
	if (is_one_of(json_object_get(recipe->retry, "body"), status, body, &nothing))
		return true;
	if (statuses != NULL)
		return has_number(statuses, status);
	return status == 429 || status == 502 || status == 503 || status == 504;
}

static int64_t
retry_after_ms(const struct recipe *recipe, const json_t *reply)
{
	const char *text = header_of(reply, "retry-after");
	const json_t *interval = json_object_get(recipe->retry, "interval_ms");
	long long s = -1;
	if (text != NULL && isdigit((unsigned char)*text)) {
		s = strtoll(text, NULL, 10);
	} else if (text != NULL) {
		time_t when = curl_getdate(text, NULL);
		s = when < 0 ? -1 : (long long)(when - time(NULL));
		s = when >= 0 && s < 0 ? 0 : s;
	}
	if (s >= 0)
		return (int64_t)(s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : s) * 1000;
	return interval != NULL ? json_integer_value(interval) : RETRY_INTERVAL_MS;
}

static int
capture_one(const char *name, const json_t *what, const json_t *reply, const json_t *body,
	    json_t *captured, struct err *e)
{
	const char *header = json_string_value(json_object_get(what, "header"));
	const char *at = json_is_string(what) ? json_string_value(what)
					      : json_string_value(json_object_get(what, "at"));
	const bool any = json_object_get(what, "as") != NULL;
	json_t *value = NULL;
	if (header != NULL && header_of(reply, header) != NULL)
		value = json_string(header_of(reply, header));
	else if (at != NULL && body != NULL)
		value = json_incref(pointer_get(body, at));
	if (json_is_null(value) || (value != NULL && !any && !json_is_string(value) &&
				    !json_is_number(value) && !json_is_boolean(value))) {
		json_decref(value);
		value = NULL;
	}
	if (value != NULL)
		return json_object_set_new(captured, name, value) == 0
			       ? 0
			       : err_set(e, ERR_FAILED, "out of memory");
	if (json_is_true(json_object_get(what, "optional")))
		return 0;
	return err_set(e, ERR_FAILED, "the reply has no %s, which is to be %s",
		       header != NULL ? header : at, name);
}

int
reply_capture(const json_t *capture, const json_t *reply, const json_t *body, json_t *captured,
	      struct err *e)
{
	const char *name;
	json_t *what;
	json_object_foreach ((json_t *)(uintptr_t)capture, name, what) {
		if (capture_one(name, what, reply, body, captured, e) != 0)
			return -1;
	}
	return 0;
}

/* --- the verdict --------------------------------------------------------------------------------
 */

/* The provider's own words, or "". */
static const char *
words_of(const struct recipe *recipe, const json_t *body)
{
	size_t i;
	json_t *at;
	json_array_foreach ((json_t *)(uintptr_t)recipe->error, i, at) {
		const char *words =
			body != NULL ? json_string_value(pointer_get(body, json_string_value(at)))
				     : NULL;
		if (words != NULL && *words != '\0')
			return words;
	}
	return "";
}

static void
set_refused(const struct session *s, long status, const json_t *body, const char *why,
	    struct err *e)
{
	char name[NAME_BUF];
	char *words = secrets_redact(s->secrets, words_of(s->recipe, body));
	const bool said = words != NULL && *words != '\0';
	err_set(e, ERR_FAILED, "HTTP %ld%s%s%s%s%s", status, *why != '\0' ? ", " : "", why,
		said ? ": \"" : "", said ? err_name(name, words) : "", said ? "\"" : "");
	free(words);
}

/* 1: as it should be, 0: it says that it failed, -1: not readable. */
static int
is_ok(const struct session *s, const json_t *call, const struct scope *scope, long status,
      const json_t *body)
{
	struct err ignored = ERR_INIT;
	const json_t *ok = json_object_get(call, "ok");
	const json_t *statuses, *predicates;
	ok = ok != NULL ? ok : s->recipe->ok;
	statuses = json_object_get(ok, "status");
	predicates = json_object_get(ok, "body");
	if (statuses != NULL ? !has_number(statuses, status) : status < 200 || status > 299)
		return 0;
	if (json_array_size(predicates) == 0)
		return 1;
	return body != NULL ? predicates_hold(predicates, body, scope, &ignored) : -1;
}

static enum verdict
judge_failure(const struct session *s, const json_t *call, const struct scope *scope, long status,
	      const json_t *body, struct answer *answer, struct err *e)
{
	answer->conflict = is_one_of(json_object_get(call, "conflict"), status, body, scope);
	if (answer->conflict) {
		set_refused(s, status, body, "somebody else changed it meanwhile", e);
		return REPLY_CONFLICT;
	}
	if (status >= 200 && status <= 299) {
		set_refused(s, status, body, "but it says that it failed", e);
		return REPLY_REFUSED;
	}
	set_refused(s, status, body,
		    status == 401   ? "the secret is not accepted"
		    : status == 403 ? "a right is missing"
				    : "",
		    e);
	bool unclear = status < 400 || status > 499 || status == 408 || status == 429;
	return unclear || reply_is_busy(s->recipe, status, body) ? REPLY_UNCLEAR : REPLY_REFUSED;
}

enum verdict
reply_judge(const struct session *s, const json_t *call, const struct scope *scope,
	    const json_t *reply, struct answer *answer, struct err *e)
{
	const long status = (long)json_integer_value(json_object_get(reply, "status"));
	json_t *body = json_object_get(reply, "body");
	answer->status = status;
	answer->body = json_incref(body);
	answer->captured = json_object();
	answer->retry_after_ms = retry_after_ms(s->recipe, reply);
	answer->gone = is_one_of(json_object_get(call, "gone"), status, body, scope);
	if (answer->gone)
		return REPLY_OK;
	int ok = is_ok(s, call, scope, status, body);
	if (ok == 0)
		return judge_failure(s, call, scope, status, body, answer, e);
	if (ok < 0) {
		set_refused(s, status, body, "but the reply cannot be read", e);
		return REPLY_UNCLEAR;
	}
	/* A find's are of the element. */
	if (json_object_get(call, "array") == NULL && json_object_get(call, "one") == NULL &&
	    reply_capture(json_object_get(call, "capture"), reply, body, answer->captured, e) != 0)
		return REPLY_UNCLEAR;
	return REPLY_OK;
}
