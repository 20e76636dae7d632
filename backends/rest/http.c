/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "trace.h"

#define HEADERS_MAX 200u       /* of a reply */
#define HEADER_LINE_MAX 16384u /* bytes */
#define TRACE_BODY_MAX 1500    /* bytes of a body that a trace shows */

struct http {
	CURL *curl;
	struct http_settings settings; /* with copies of the texts */
	char *target, *ca_file, *pin;
	pid_t pid;
	unsigned count;
};

/* What the callbacks of one exchange fill in. */
struct exchange {
	struct http_reply *reply;
	unsigned sent; /* how often it was about to be sent */
	bool once, too_much, no_memory, again;
};

int64_t
http_now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
http_init(struct err *e)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
	return code == CURLE_OK ? 0
				: err_set(e, ERR_FAILED, "libcurl: %s", curl_easy_strerror(code));
}

static char *
copy_of(const char *text, bool *failed)
{
	char *copy = text != NULL ? strdup(text) : NULL;
	*failed = *failed || (text != NULL && copy == NULL);
	return copy;
}

static void
http_free(struct http *http)
{
	curl_easy_cleanup(http->curl);
	free(http->target);
	free(http->ca_file);
	free(http->pin);
	free(http);
}

int
http_open(struct http **http, const struct http_settings *settings, struct err *e)
{
	bool failed = false;
	struct http *made = calloc(1, sizeof(*made));
	if (made == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	made->pid = getpid();
	made->settings = *settings;
	made->settings.target = made->target = copy_of(settings->target, &failed);
	made->settings.ca_file = made->ca_file = copy_of(settings->ca_file, &failed);
	made->settings.pin = made->pin = copy_of(settings->pin, &failed);
	if (failed || (made->curl = curl_easy_init()) == NULL) {
		http_free(made);
		return err_set(e, ERR_FAILED, "out of memory");
	}
	*http = made;
	return 0;
}

void
http_close(struct http *http)
{
	if (http != NULL && http->pid == getpid())
		http_free(http);
}

unsigned
http_count(const struct http *http)
{
	return http->count;
}

/* --- callbacks ----------------------------------------------------------------------------------
 */

static size_t
take_body(char *data, size_t size, size_t n, void *into)
{
	struct exchange *x = into;
	struct http_reply *reply = x->reply;
	const size_t len = size * n;
	if (len > HTTP_REPLY_MAX - reply->body_len) {
		x->too_much = true;
		return 0;
	}
	char *grown = realloc(reply->body, reply->body_len + len + 1);
	if (grown == NULL) {
		x->no_memory = true;
		return 0;
	}
	reply->body = grown;
	memcpy(grown + reply->body_len, data, len);
	reply->body_len += len;
	grown[reply->body_len] = '\0';
	return len;
}

static int
add_header(struct names *headers, const char *line, size_t len)
{
	char *text = strndup(line, len);
	if (text == NULL)
		return -1;
	for (char *c = text; *c != '\0' && *c != ':'; c++)
		*c = (char)tolower((unsigned char)*c);
	int rc = names_add(headers, text);
	free(text);
	return rc;
}

static size_t
take_header(char *line, size_t size, size_t n, void *into)
{
	struct exchange *x = into;
	const size_t len = size * n;
	size_t used = len;
	/* A new status line: what came before was a 1xx. */
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
		names_fini(&x->reply->headers);
	while (used > 0 && (line[used - 1] == '\r' || line[used - 1] == '\n'))
		used--;
	if (used == 0)
		return len;
	if (x->reply->headers.n >= HEADERS_MAX || used > HEADER_LINE_MAX) {
		x->too_much = true;
		return 0;
	}
	x->no_memory = add_header(&x->reply->headers, line, used) != 0;
	return x->no_memory ? 0 : len;
}

/*
 * libcurl sends a request again by itself when a connection that it reuses turns out to be closed:
 * a write may have been done by then. It is for our caller to look.
 */
static int
before_request(void *data, char *to_ip, char *from_ip, int to_port, int from_port)
{
	struct exchange *x = data;
	(void)to_ip;
	(void)from_ip;
	(void)to_port;
	(void)from_port;
	x->again = x->once && x->sent > 0;
	if (x->again)
		return CURL_PREREQFUNC_ABORT;
	x->sent++;
	return CURL_PREREQFUNC_OK;
}

/* --- one exchange -------------------------------------------------------------------------------
 */

static void
trace(const struct http *http, const char *what, const char *body, size_t len)
{
	char *text = NULL, *redacted;
	if (!trace_is_on())
		return;
	/* First redacted, then cut: half a secret is not recognised. */
	redacted = secrets_redact(http->settings.secrets, body != NULL ? body : "");
	if (redacted != NULL && asprintf(&text, "target %s: %s%s%.*s%s", http->target, what,
					 len > 0 ? " " : "", TRACE_BODY_MAX, redacted,
					 strlen(redacted) > TRACE_BODY_MAX ? "..." : "") > 0) {
		char *whole = secrets_redact(http->settings.secrets, text);
		if (whole != NULL)
			trace_text(whole);
		free(whole);
	}
	free(redacted);
	free(text);
}

static void
trace_request(const struct http *http, const struct http_request *request)
{
	char *line;
	if (!trace_is_on() || asprintf(&line, "> %s %s", request->method, request->url) < 0)
		return;
	trace(http, line, request->secret ? NULL : request->body,
	      request->secret ? 0 : request->body_len);
	free(line);
	for (size_t i = 0; !request->secret && i < request->headers->n; i++)
		trace(http, ">", request->headers->v[i], 1);
}

static void
trace_reply(const struct http *http, const struct http_request *request,
	    const struct http_reply *reply)
{
	char line[64];
	snprintf(line, sizeof(line), "< %ld", reply->status);
	trace(http, line, request->secret ? NULL : reply->body,
	      request->secret ? 0 : reply->body_len);
}

static CURLcode
set_trust(const struct http *http, const struct http_request *request)
{
	CURL *curl = http->curl;
	const struct http_settings *s = &http->settings;
	const bool any = s->pin != NULL && s->ca_file == NULL;
	CURLcode code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
					 s->plain || request->metadata ? "http,https" : "https");
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (code == CURLE_OK && s->ca_file != NULL)
		code = curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
	if (code == CURLE_OK && s->ca_file != NULL)
		code = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	if (code == CURLE_OK && s->pin != NULL)
		code = curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, s->pin);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, any ? 0L : 1L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, any ? 0L : 2L);
	if (code == CURLE_OK && request->metadata)
		code = curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	return code;
}

static CURLcode
set_callbacks(CURL *curl, struct exchange *x)
{
	CURLcode code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, before_request);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_PREREQDATA, x);
	return code;
}

static CURLcode
set_request(CURL *curl, const struct http_request *request, struct curl_slist *headers)
{
	CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, request->url);
	if (code == CURLE_OK && request->body != NULL)
		code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
					(curl_off_t)request->body_len);
	if (code == CURLE_OK && request->body != NULL)
		code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (code == CURLE_OK && request->sigv4 != NULL)
		code = curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, request->sigv4);
	if (code == CURLE_OK && request->userpwd != NULL)
		code = curl_easy_setopt(curl, CURLOPT_USERPWD, request->userpwd);
	return code;
}

static CURLcode
set_bounds(CURL *curl, int64_t left_ms)
{
	const long ms = (long)(left_ms < HTTP_REQUEST_MS ? left_ms : HTTP_REQUEST_MS);
	CURLcode code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "geopause");
	return code;
}

static CURLcode
append(struct curl_slist **list, const char *header)
{
	struct curl_slist *grown = curl_slist_append(*list, header);
	if (grown == NULL)
		return CURLE_OUT_OF_MEMORY;
	*list = grown;
	return CURLE_OK;
}

static CURLcode
add_headers(struct curl_slist **list, const struct http_request *request)
{
	CURLcode code = CURLE_OK;
	/*
	 * Without it libcurl waits a second for a "100 Continue" before it sends a large body. With
	 * it a signature is wrong: libcurl signs what is in the list, and then does not send it.
	 */
	if (request->sigv4 == NULL)
		code = append(list, "Expect:");
	for (size_t i = 0; code == CURLE_OK && i < request->headers->n; i++)
		code = append(list, request->headers->v[i]);
	return code;
}

static const char *
reason(const struct exchange *x, CURLcode code, const char *said)
{
	if (x->too_much)
		return "the reply is larger than 8 MiB, or has too many headers";
	if (x->no_memory)
		return "out of memory";
	if (x->again)
		return "the connection was closed without a reply";
	return said[0] != '\0' ? said : curl_easy_strerror(code);
}

/* Both texts come from outside. */
static void
explain(const struct http *http, const struct http_request *request, const char *why, struct err *e)
{
	char *url = secrets_redact(http->settings.secrets, request->url);
	char *text = secrets_redact(http->settings.secrets, why);
	err_set(e, ERR_FAILED, "%s %s: %s", request->method, url != NULL ? url : "?",
		text != NULL ? text : "out of memory");
	free(url);
	free(text);
}

static enum http_sent
perform(struct http *http, const struct http_request *request, struct exchange *x, struct err *e)
{
	char said[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	const int64_t left = request->deadline_ms - http_now_ms();
	CURLcode code = add_headers(&headers, request);
	if (code == CURLE_OK && left <= 0)
		code = CURLE_OPERATION_TIMEDOUT;
	curl_easy_reset(http->curl); /* keeps its connections */
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, said);
	if (code == CURLE_OK)
		code = set_trust(http, request);
	if (code == CURLE_OK)
		code = set_callbacks(http->curl, x);
	if (code == CURLE_OK)
		code = set_request(http->curl, request, headers);
	if (code == CURLE_OK)
		code = set_bounds(http->curl, left);
	if (code == CURLE_OK)
		code = curl_easy_perform(http->curl);
	(void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &x->reply->status);
	(void)curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, NULL);
	if (code != CURLE_OK)
		explain(http, request, left <= 0 ? "the deadline is over" : reason(x, code, said),
			e);
	curl_slist_free_all(headers);
	http->count += x->sent;
	if (code == CURLE_OK)
		return HTTP_REPLIED;
	return x->sent == 0 ? HTTP_NOT_SENT : HTTP_UNKNOWN;
}

enum http_sent
http_exchange(struct http *http, const struct http_request *request, struct http_reply *reply,
	      struct err *e)
{
	struct exchange x = { .reply = reply, .once = request->once };
	*reply = (struct http_reply){ 0 };
	trace_request(http, request);
	enum http_sent sent = perform(http, request, &x, e);
	if (sent == HTTP_REPLIED) {
		trace_reply(http, request, reply);
		return sent;
	}
	if (trace_is_on())
		trace(http, "<", e->msg, 1);
	http_reply_fini(reply);
	return sent;
}

const char *
http_header(const struct http_reply *reply, const char *lower_case_name)
{
	const size_t len = strlen(lower_case_name);
	for (size_t i = 0; i < reply->headers.n; i++) {
		const char *line = reply->headers.v[i];
		if (strncmp(line, lower_case_name, len) == 0 && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " \t");
	}
	return NULL;
}

void
http_reply_fini(struct http_reply *reply)
{
	/* It may have been a token. */
	if (reply->body != NULL)
		explicit_bzero(reply->body, reply->body_len);
	free(reply->body);
	names_fini(&reply->headers);
	*reply = (struct http_reply){ 0 };
}
