/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One HTTP exchange, over libcurl: TLS >= 1.2 verified, no redirects, no proxy but the
 * environment's, everything bounded. One handle a target, whose connections are reused; it is
 * used by one thread at a time, and only by the process that opened it.
 */
#ifndef GEOPAUSE_REST_HTTP_H
#define GEOPAUSE_REST_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "names.h"
#include "secret.h"

#define HTTP_REPLY_MAX (8u << 20) /* bytes */
#define HTTP_CONNECT_MS 10000
#define HTTP_REQUEST_MS 30000

struct http; /* of one target */

struct http_settings {
	const char *target;  /* for messages */
	const char *ca_file; /* PEM, instead of the system's; or NULL */
	/*
	 * "sha256//BASE64", CURLOPT_PINNEDPUBLICKEY; or NULL. Without a ca_file the pinned key
	 * alone says who it is: appliances have certificates of their own.
	 */
	const char *pin;
	bool plain;              /* http:// is allowed */
	struct secrets *secrets; /* redacted in messages and traces; or NULL */
};

struct http_request {
	const char *method, *url;    /* url: whole, host checked by the caller */
	const struct names *headers; /* "Name: value" */
	const char *body;            /* or NULL */
	size_t body_len;
	const char *sigv4;   /* CURLOPT_AWS_SIGV4 "aws:amz:REGION:SERVICE"; or NULL */
	const char *userpwd; /* "user:password", for basic and sigv4; or NULL */
	int64_t deadline_ms; /* CLOCK_BOOTTIME; also at most HTTP_REQUEST_MS a request */
	bool once;           /* never sent twice: a write */
	bool metadata;       /* of the instance: plain HTTP, link-local, never through a proxy */
	bool secret;         /* what it says and what it is answered is not traced: tokens */
};

enum http_sent {
	HTTP_REPLIED,  /* a whole reply */
	HTTP_NOT_SENT, /* certainly nothing reached the server: DNS, connect, TLS */
	HTTP_UNKNOWN,  /* sent at least in part, no whole reply */
};

struct http_reply {
	long status;
	char *body; /* NUL-terminated, owned */
	size_t body_len;
	struct names headers; /* "name: value", names in lower case */
};

/* Before any thread is started. */
int http_init(struct err *e);
int http_open(struct http **http, const struct http_settings *settings, struct err *e);
/* e is set unless HTTP_REPLIED; *reply is to be freed only then. */
enum http_sent http_exchange(struct http *http, const struct http_request *request,
			     struct http_reply *reply, struct err *e);
/* Without blanks around it; NULL if there is no such header. */
const char *http_header(const struct http_reply *reply, const char *lower_case_name);
void http_reply_fini(struct http_reply *reply);
/* Of another process, a fork's parent, nothing is closed: its descriptors are not ours. */
void http_close(struct http *http);
/* Requests that were sent since http_open. */
unsigned http_count(const struct http *http);
/* Of CLOCK_BOOTTIME. */
int64_t http_now_ms(void);

#endif
