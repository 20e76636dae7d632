/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "pending.h"
#include "reply.h"
#include "request.h"

#define READ_TRIES 5

void
answer_fini(struct answer *answer)
{
	json_decref(answer->body);
	json_decref(answer->captured);
	*answer = (struct answer){ 0 };
}

/* --- replies that are kept ----------------------------------------------------------------------
 */

/* What makes two reads the same. A new string, or NULL. */
static char *
read_key(const struct request *request)
{
	char *key = NULL;
	size_t size;
	FILE *out = open_memstream(&key, &size);
	if (out == NULL)
		return NULL;
	fprintf(out, "%s %s\n%s\n", request->http.method, request->url,
		request->body != NULL ? request->body : "");
	for (size_t i = 0; i < request->headers.n; i++)
		fprintf(out, "%s\n", request->headers.v[i]);
	if (fclose(out) == 0)
		return key;
	free(key);
	return NULL;
}

/* A new reference, or NULL. */
static json_t *
kept_reply(const struct session *s, const struct request *request)
{
	char *key = s->reads != NULL ? read_key(request) : NULL;
	json_t *reply = key != NULL ? json_incref(json_object_get(s->reads, key)) : NULL;
	secret_wipe(key);
	return reply;
}

static void
keep_reply(struct session *s, const struct request *request, json_t *reply)
{
	char *key = s->reads != NULL ? read_key(request) : NULL;
	if (key != NULL)
		(void)json_object_set(s->reads, key, reply);
	secret_wipe(key);
}

/* --- sending ------------------------------------------------------------------------------------
 */

/* One way of making a call. */
struct sending {
	struct session *s;
	const json_t *call;
	const struct scope *scope;
	const struct call_extra *extra; /* or NULL */
	bool fresh; /* a read that is neither answered from a kept reply nor kept */
};

/* "METHOD URL: " before the message. */
static void
wrap_request(const struct sending *x, const struct request *request, struct err *e)
{
	char *url = secrets_redact(x->s->secrets, request->url);
	err_wrap(e, "%s %s", request->http.method, url != NULL ? url : "?");
	free(url);
}

/* *reply is a new reference if HTTP_REPLIED. e is set otherwise. */
static enum http_sent
send_once(const struct sending *x, const struct request *request, json_t **reply, struct err *e)
{
	struct http_reply received;
	if (request->write && !x->s->stable)
		session_forget(x->s);
	enum http_sent sent = http_exchange(x->s->http, &request->http, &received, e);
	if (sent != HTTP_REPLIED)
		return sent;
	*reply = reply_document(&received);
	http_reply_fini(&received);
	if (*reply != NULL)
		return HTTP_REPLIED;
	err_set(e, ERR_FAILED, "out of memory");
	return HTTP_UNKNOWN;
}

static int
make_authenticated(const struct sending *x, struct request *request, struct err *e)
{
	if (request_make(request, x->s, x->call, x->scope, x->extra, e) == 0 &&
	    auth_add(x->s, request, e) == 0)
		return 0;
	request_fini(request);
	return -1;
}

static bool
is_unauthorized(const json_t *reply)
{
	return json_integer_value(json_object_get(reply, "status")) == 401;
}

/* With a new token, once, if the old one has expired: a 401 has done nothing. */
static enum http_sent
send_authenticated(const struct sending *x, struct request *request, json_t **reply, struct err *e)
{
	enum http_sent sent;
	if (make_authenticated(x, request, e) != 0)
		return HTTP_NOT_SENT;
	sent = send_once(x, request, reply, e);
	if (sent != HTTP_REPLIED || !is_unauthorized(*reply) || !auth_renew(x->s))
		return sent;
	json_decref(*reply);
	*reply = NULL;
	request_fini(request);
	if (make_authenticated(x, request, e) != 0)
		return HTTP_NOT_SENT;
	return send_once(x, request, reply, e);
}

static enum outcome
write_once(const struct sending *x, struct answer *answer, struct err *e)
{
	static const enum outcome outcomes[] = {
		[REPLY_OK] = OUTCOME_DONE,
		[REPLY_CONFLICT] = OUTCOME_NOT_DONE,
		[REPLY_REFUSED] = OUTCOME_NOT_DONE,
		[REPLY_UNCLEAR] = OUTCOME_UNKNOWN,
	};
	struct request request = { 0 };
	json_t *reply = NULL;
	enum outcome outcome = OUTCOME_UNKNOWN;
	switch (send_authenticated(x, &request, &reply, e)) {
	case HTTP_NOT_SENT:
		answer->not_sent = true;
		outcome = OUTCOME_NOT_DONE;
		break;
	case HTTP_REPLIED:
		outcome = outcomes[reply_judge(x->s, x->call, x->scope, reply, answer, e)];
		if (outcome != OUTCOME_DONE)
			wrap_request(x, &request, e);
		break;
	case HTTP_UNKNOWN:
	default:
		break;
	}
	json_decref(reply);
	request_fini(&request);
	return outcome;
}

enum read_end {
	READ_DONE,
	READ_FAILED,
	READ_AGAIN, /* what failed may pass */
};

static enum read_end
read_once(const struct sending *x, struct answer *answer, struct err *e)
{
	struct request request = { 0 };
	json_t *reply = NULL;
	enum read_end end = READ_AGAIN;
	if (send_authenticated(x, &request, &reply, e) == HTTP_REPLIED) {
		enum verdict verdict = reply_judge(x->s, x->call, x->scope, reply, answer, e);
		if (verdict == REPLY_OK)
			end = READ_DONE;
		else if (!reply_is_busy(x->s->recipe, answer->status, answer->body) &&
			 verdict != REPLY_UNCLEAR)
			end = READ_FAILED;
		if (end == READ_DONE && !x->fresh)
			keep_reply(x->s, &request, reply);
		if (end != READ_DONE)
			wrap_request(x, &request, e);
	}
	json_decref(reply);
	request_fini(&request);
	return end;
}

/* True if it has been answered from a reply that is kept. */
static bool
answer_from_kept(const struct sending *x, struct answer *answer)
{
	struct err ignored = ERR_INIT;
	struct request request;
	json_t *reply = NULL;
	bool ok = false;
	if (request_make(&request, x->s, x->call, x->scope, x->extra, &ignored) == 0 &&
	    auth_add(x->s, &request, &ignored) == 0)
		reply = kept_reply(x->s, &request);
	if (reply != NULL)
		ok = reply_judge(x->s, x->call, x->scope, reply, answer, &ignored) == REPLY_OK;
	if (!ok)
		answer_fini(answer);
	json_decref(reply);
	request_fini(&request);
	return ok;
}

static enum outcome
read_again(const struct sending *x, struct answer *answer, struct err *e)
{
	if (!x->fresh && x->s->reads != NULL && json_object_size(x->s->reads) > 0 &&
	    answer_from_kept(x, answer))
		return OUTCOME_DONE;
	for (int i = 0; i < READ_TRIES; i++) {
		struct err why = ERR_INIT;
		answer_fini(answer);
		enum read_end end = read_once(x, answer, &why);
		if (end == READ_DONE)
			return OUTCOME_DONE;
		int64_t wait = answer->retry_after_ms > 0 ? answer->retry_after_ms : 1000;
		if (end == READ_FAILED || i + 1 == READ_TRIES || !session_wait(x->s, wait << i)) {
			if (!e->code)
				*e = why;
			break;
		}
	}
	return OUTCOME_NOT_DONE;
}

/* What was accepted may still be under way. */
static enum outcome
wait_for(const struct sending *x, const struct answer *answer, struct err *e)
{
	const json_t *poll = json_object_get(x->call, "poll");
	const struct scope with_captured = { .names = answer->captured, .parent = x->scope };
	if (poll == NULL || answer->gone)
		return OUTCOME_DONE;
	if (request_is_write(x->call) && pending_note(x->s, poll, &with_captured))
		return OUTCOME_DONE;
	return call_poll(x->s, poll, &with_captured, e);
}

static enum outcome
call_as(const struct sending *x, struct answer *answer, struct err *e)
{
	*answer = (struct answer){ 0 };
	enum outcome outcome =
		request_is_write(x->call) ? write_once(x, answer, e) : read_again(x, answer, e);
	return outcome == OUTCOME_DONE ? wait_for(x, answer, e) : outcome;
}

enum outcome
call_do(struct session *s, const json_t *call, const struct scope *scope, struct answer *answer,
	struct err *e)
{
	const struct sending x = { .s = s, .call = call, .scope = scope };
	return call_as(&x, answer, e);
}

enum outcome
call_fresh(struct session *s, const json_t *call, const struct scope *scope, struct answer *answer,
	   struct err *e)
{
	const struct sending x = { .s = s, .call = call, .scope = scope, .fresh = true };
	return call_as(&x, answer, e);
}

enum outcome
call_page(struct session *s, const json_t *call, const struct scope *scope,
	  const struct call_extra *extra, struct answer *answer, struct err *e)
{
	const struct sending x = { .s = s, .call = call, .scope = scope, .extra = extra };
	return call_as(&x, answer, e);
}

char *
call_describe(struct session *s, const json_t *call, const struct scope *scope, struct err *e)
{
	struct request request;
	char *text = NULL, *redacted = NULL;
	if (request_make(&request, s, call, scope, NULL, e) == 0 &&
	    asprintf(&text, "%s %s%s%s", request.http.method, request.url,
		     request.body != NULL && *request.body != '\0' ? " " : "",
		     request.body != NULL ? request.body : "") > 0)
		redacted = secrets_redact(s->secrets, text);
	if (redacted == NULL)
		err_set(e, ERR_FAILED, "out of memory");
	secret_wipe(text);
	request_fini(&request);
	return redacted;
}
