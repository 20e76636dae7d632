/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A call of a recipe, expanded to the request that is sent. */
#ifndef GEOPAUSE_REST_REQUEST_H
#define GEOPAUSE_REST_REQUEST_H

#include "call.h"

struct request {
	struct http_request http; /* borrows from the rest */
	struct names headers;
	char *url, *body;
	char *sigv4, *userpwd; /* auth.c's */
	bool write;
};

/* extra may be NULL. Without authentication: auth_add. */
int request_make(struct request *request, struct session *s, const json_t *call,
		 const struct scope *scope, const struct call_extra *extra, struct err *e);
void request_fini(struct request *request);
/* ERR_FAILED: a character that no header may have. */
int request_add_header(struct request *request, const char *name, const char *value, struct err *e);
/* "a=1&b=2", percent-encoded, of an object of strings and numbers; a new string, or NULL. */
char *request_form(const json_t *values, struct err *e);
/* A value as text; a new string, or NULL: it is an object or an array, or no memory. */
char *request_text(const json_t *value);
bool request_is_write(const json_t *call);

#endif
