/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "filter.h"

static const char *
member_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static const char *
method_of(const json_t *call)
{
	const char *method = member_text(call, "method");
	return method != NULL ? method : "GET";
}

bool
request_is_write(const json_t *call)
{
	const char *method = method_of(call);
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	       !json_is_true(json_object_get(call, "read"));
}

char *
request_text(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	return json_is_number(value) || json_is_boolean(value) ? json_dumps(value, JSON_ENCODE_ANY)
							       : NULL;
}

/* --- query and form -----------------------------------------------------------------------------
 */

static int
write_pair(FILE *out, const char *key, const char *value, bool first)
{
	char *k = filter_urlenc(key), *v = value != NULL ? filter_urlenc(value) : NULL;
	int rc = k != NULL && v != NULL ? 0 : -1;
	if (rc == 0)
		fprintf(out, "%s%s=%s", first ? "" : "&", k, v);
	free(k);
	secret_wipe(v);
	return rc;
}

char *
request_form(const json_t *values, struct err *e)
{
	char *text = NULL;
	size_t size;
	bool first = true;
	int rc = 0;
	const char *key;
	json_t *value;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL) {
		err_set(e, ERR_FAILED, "out of memory");
		return NULL;
	}
	json_object_foreach ((json_t *)(uintptr_t)values, key, value) {
		char *plain = request_text(value);
		if (rc == 0)
			rc = write_pair(out, key, plain, first);
		secret_wipe(plain);
		first = false;
	}
	if (fclose(out) == 0 && rc == 0)
		return text;
	free(text);
	err_set(e, ERR_FAILED, "out of memory, or a value that is no text");
	return NULL;
}

/* --- URL ----------------------------------------------------------------------------------------
 */

/* "https://host:port" */
static size_t
origin_length(const char *url)
{
	const char *host = strstr(url, "://");
	return host != NULL ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;
}

/* Secrets go to the recipe's own host alone. */
static int
check_origin(const struct session *s, const char *url, struct err *e)
{
	char name[NAME_BUF];
	const size_t len = origin_length(s->base);
	if (len > 0 && origin_length(url) == len && strncasecmp(url, s->base, len) == 0)
		return 0;
	return err_set(e, ERR_FAILED, "%s is not on the host of %s, and is not asked",
		       err_name(name, url), s->base);
}

static int
add_query(char **url, const json_t *query, const struct scope *scope,
	  const struct call_extra *extra, struct err *e)
{
	json_t *values = query != NULL ? template_expand_json(query, scope, e) : json_object();
	char *form = NULL, *whole = NULL;
	if (values != NULL && extra != NULL && extra->key != NULL)
		json_object_set_new(values, extra->key, json_string(extra->value));
	if (values != NULL)
		form = request_form(values, e);
	json_decref(values);
	if (form == NULL)
		return -1;
	if (asprintf(&whole, "%s%s%s", *url,
		     form[0] == '\0'             ? ""
		     : strchr(*url, '?') != NULL ? "&"
						 : "?",
		     form) < 0)
		whole = NULL;
	free(form);
	free(*url);
	*url = whole;
	return whole != NULL ? 0 : err_set(e, ERR_FAILED, "out of memory");
}

static int
make_url(struct request *request, const struct session *s, const json_t *call,
	 const struct scope *scope, const struct call_extra *extra, struct err *e)
{
	const char *path = member_text(call, "path");
	char *expanded;
	if (extra != NULL && extra->url != NULL) {
		request->url = strdup(extra->url);
		return request->url != NULL ? check_origin(s, request->url, e)
					    : err_set(e, ERR_FAILED, "out of memory");
	}
	expanded = template_expand(path != NULL ? path : "", scope, TEMPLATE_PATH, e);
	if (expanded == NULL)
		return -1;
	if (strncmp(expanded, "https://", 8) == 0 || strncmp(expanded, "http://", 7) == 0)
		request->url = strdup(expanded);
	else if (asprintf(&request->url, "%s%s", s->base, expanded) < 0)
		request->url = NULL;
	free(expanded);
	if (request->url == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	if (add_query(&request->url, json_object_get(call, "query"), scope, extra, e) != 0)
		return -1;
	return check_origin(s, request->url, e);
}

/* --- headers ------------------------------------------------------------------------------------
 */

static bool
has_header(const struct request *request, const char *name)
{
	const size_t len = strlen(name);
	for (size_t i = 0; i < request->headers.n; i++)
		if (strncasecmp(request->headers.v[i], name, len) == 0 &&
		    request->headers.v[i][len] == ':')
			return true;
	return false;
}

int
request_add_header(struct request *request, const char *name, const char *value, struct err *e)
{
	for (const char *c = value; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return err_set(e, ERR_FAILED, "the header %s has a control character",
				       name);
	return names_addf(&request->headers, "%s: %s", name, value) == 0
		       ? 0
		       : err_set(e, ERR_FAILED, "out of memory");
}

static int
add_headers(struct request *request, const json_t *headers, const struct scope *scope,
	    struct err *e)
{
	json_t *values = headers != NULL ? template_expand_json(headers, scope, e) : json_object();
	const char *name;
	json_t *value;
	int rc = values != NULL ? 0 : -1;
	json_object_foreach (values, name, value) {
		char *text = request_text(value);
		if (rc == 0 && text == NULL)
			rc = err_set(e, ERR_FAILED, "the header %s is no text", name);
		/* The call's own come first and win. */
		if (rc == 0 && !has_header(request, name))
			rc = request_add_header(request, name, text, e);
		secret_wipe(text);
	}
	json_decref(values);
	return rc;
}

static int
add_default(struct request *request, const char *name, const char *value, struct err *e)
{
	return has_header(request, name) ? 0 : request_add_header(request, name, value, e);
}

/* --- body ---------------------------------------------------------------------------------------
 */

static int
json_body(struct request *request, const json_t *body, const struct scope *scope, struct err *e)
{
	json_t *expanded = template_expand_json(body, scope, e);
	if (expanded == NULL)
		return -1;
	request->body = json_dumps(expanded, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(expanded);
	if (request->body == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	return add_default(request, "Content-Type", "application/json", e);
}

static int
form_body(struct request *request, const json_t *form, const struct scope *scope, struct err *e)
{
	json_t *expanded = template_expand_json(form, scope, e);
	if (expanded == NULL)
		return -1;
	request->body = request_form(expanded, e);
	json_decref(expanded);
	if (request->body == NULL)
		return -1;
	return add_default(request, "Content-Type", "application/x-www-form-urlencoded", e);
}

static int
make_body(struct request *request, const json_t *call, const struct scope *scope, struct err *e)
{
	const json_t *body = json_object_get(call, "body"), *form = json_object_get(call, "form");
	const char *raw = member_text(call, "raw"), *method = method_of(call);
	if (body != NULL)
		return json_body(request, body, scope, e);
	if (form != NULL)
		return form_body(request, form, scope, e);
	if (raw != NULL) {
		request->body = template_expand(raw, scope, TEMPLATE_TEXT, e);
		return request->body != NULL ? 0 : -1;
	}
	/* Some servers want a length even of nothing. */
	if (strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0 &&
	    (request->body = strdup("")) == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}

int
request_make(struct request *request, struct session *s, const json_t *call,
	     const struct scope *scope, const struct call_extra *extra, struct err *e)
{
	*request = (struct request){ .write = request_is_write(call) };
	if (session_set_clock(s, e) != 0 || make_url(request, s, call, scope, extra, e) != 0 ||
	    add_headers(request, json_object_get(call, "headers"), scope, e) != 0 ||
	    add_headers(request, json_object_get(s->recipe->json, "headers"), scope, e) != 0 ||
	    make_body(request, call, scope, e) != 0 ||
	    add_default(request, "Accept", "application/json", e) != 0)
		return -1;
	request->http = (struct http_request){
		.method = method_of(call),
		.url = request->url,
		.headers = &request->headers,
		.body = request->body,
		.body_len = request->body != NULL ? strlen(request->body) : 0,
		.deadline_ms = s->deadline_ms,
		.once = request->write,
	};
	return 0;
}

void
request_fini(struct request *request)
{
	for (size_t i = 0; i < request->headers.n; i++)
		explicit_bzero(request->headers.v[i], strlen(request->headers.v[i]));
	names_fini(&request->headers);
	free(request->url);
	secret_wipe(request->body);
	free(request->sigv4);
	secret_wipe(request->userpwd);
	*request = (struct request){ 0 };
}
