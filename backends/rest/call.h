/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One call of a recipe: expanded, authenticated, sent, judged. Reads are repeated (retry); a write
 * is sent once, and what its outcome is not known of is OUTCOME_UNKNOWN: own.c and patching.c look.
 * The end of what was accepted is not waited for, but noted: pending.h.
 */
#ifndef GEOPAUSE_REST_CALL_H
#define GEOPAUSE_REST_CALL_H

#include "backend.h"
#include "session.h"

struct answer {
	json_t *body;     /* NULL: no JSON, or none at all */
	json_t *captured; /* object, what `capture` names */
	long status;
	bool gone;              /* one of the call's "gone" */
	bool conflict;          /* one of its "conflict" */
	bool not_sent;          /* certainly nothing reached the provider */
	int64_t retry_after_ms; /* as the provider says, or the recipe's interval */
};

/* What would be sent, for plan, redacted; a new string, or NULL: e says why. */
char *call_describe(struct session *s, const json_t *call, const struct scope *scope,
		    struct err *e);
/*
 * By its method, or "read": true, a read or a write. The answer is to be freed whatever the
 * outcome. A read is OUTCOME_DONE or OUTCOME_NOT_DONE: it could not be read. Errors name method
 * and URL, not the target.
 */
enum outcome call_do(struct session *s, const json_t *call, const struct scope *scope,
		     struct answer *answer, struct err *e);
void answer_fini(struct answer *answer);

/* page.c: all elements of a find's pages that match; a new array, or NULL: e says why. */
json_t *call_matches(struct session *s, const json_t *find, const struct scope *scope,
		     struct err *e);
/* All elements of a find's pages. */
json_t *call_list(struct session *s, const json_t *find, const struct scope *scope, struct err *e);
/*
 * *found is the element that matches (new reference) or NULL; captures are relative to it and added
 * to captured. More than one is an error.
 */
int call_find(struct session *s, const json_t *find, const struct scope *scope, json_t **found,
	      json_t *captured, struct err *e);

enum polled {
	POLLED_REACHED,
	POLLED_FAILED,
	POLLED_NOT_YET,
	POLLED_GONE, /* what is asked about is not there; e says so */
	POLLED_UNREADABLE,
};

/* poll.c: once; */
enum polled poll_once(struct session *s, const json_t *poll, const struct scope *scope,
		      struct err *e);
/* until it is so, or its deadline: OUTCOME_UNKNOWN. */
enum outcome call_poll(struct session *s, const json_t *poll, const struct scope *scope,
		       struct err *e);

/* A read that is really made: neither answered from an earlier reply nor kept for a later one. */
enum outcome call_fresh(struct session *s, const json_t *call, const struct scope *scope,
			struct answer *answer, struct err *e);
/* As call_do, with one more parameter in the query, or another URL as a whole; both may be NULL. */
struct call_extra {
	const char *key, *value;
	const char *url;
};
enum outcome call_page(struct session *s, const json_t *call, const struct scope *scope,
		       const struct call_extra *extra, struct answer *answer, struct err *e);

#endif
