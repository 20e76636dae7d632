/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a provider has answered, and what that means for the call. Replies are foreign bytes: they
 * are bounded before they are parsed, and nothing of them is believed beyond what the recipe names.
 */
#ifndef GEOPAUSE_REST_REPLY_H
#define GEOPAUSE_REST_REPLY_H

#include "call.h"

#define REPLY_LEVELS 64 /* of objects and arrays */

/*
 * {"status": N, "headers": ["name: value"], "body": JSON, if it is JSON}; a new reference, or NULL
 * when memory is gone.
 */
json_t *reply_document(const struct http_reply *reply);

enum verdict {
	REPLY_OK,       /* also what is gone already */
	REPLY_CONFLICT, /* refused: somebody else was faster */
	REPLY_REFUSED,  /* certainly not done */
	REPLY_UNCLEAR,  /* may have been done: 5xx, 408, 429, or no reply that can be judged */
};

/*
 * Fills in the answer, but for not_sent. e is set unless REPLY_OK: what the provider said, without
 * method and URL.
 */
enum verdict reply_judge(const struct session *s, const json_t *call, const struct scope *scope,
			 const json_t *reply, struct answer *answer, struct err *e);
/* Is the status one of the recipe's "retry"? */
bool reply_is_busy(const struct recipe *recipe, long status, const json_t *body);
/* The values that `capture` names, of a body (or an element of it), into an object. */
int reply_capture(const json_t *capture, const json_t *reply, const json_t *body, json_t *captured,
		  struct err *e);

#endif
