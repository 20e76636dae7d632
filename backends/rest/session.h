/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A target that is open: its recipe, its variables, its secrets and its connection. Made of an
 * entry of a record (entry.h), so that plan and any later process see the same. Used by one thread
 * at a time.
 */
#ifndef GEOPAUSE_REST_SESSION_H
#define GEOPAUSE_REST_SESSION_H

#include "entry.h"
#include "http.h"
#include "recipe.h"
#include "secret.h"
#include "template.h"

struct auth;

struct session {
	const char *target; /* of entry_json, as all that is borrowed */
	struct entry entry;
	json_t *entry_json;
	struct recipe *recipe;
	struct http *http;
	struct secrets *secrets;
	struct scope secret_scope; /* parent of params */
	struct scope params;       /* params, vars, txn, target, host, ... */
	char *base;                /* expanded */
	int64_t deadline_ms;       /* CLOCK_BOOTTIME; of the whole operation */
	struct auth *auth;

	json_t *reads; /* replies to reads of this operation, until something is written; or NULL */
	int64_t begun_ms;
	json_t *begun;    /* what was accepted, pending.h; or NULL */
	json_t *ended;    /* and of what the end was seen; or NULL */
	json_t *remains;  /* of a lift, as in entry.h; null: nothing; NULL: what the entry says */
	json_t *once;     /* what own's "once" has captured, */
	int64_t once_ms;  /* and when */
	bool stable;      /* what is written makes nothing that was read before wrong */
	bool uncommitted; /* a commit was not done: what is seen may not be what is in force */
};

/* Of an entry of a record; takes a reference. Sends nothing. */
int session_open(struct session **session, json_t *entry, struct err *e);
/* A new operation: its deadline begins now, and nothing is known of the provider's state. */
void session_begin(struct session *s);
/* One that goes on where the last has ended a moment ago: what that has read still holds. */
void session_go_on(struct session *s);
/* What was read does not hold any more. */
void session_forget(struct session *s);
/* Waits, but not beyond the deadline: false if that would be over by then. */
bool session_wait(const struct session *s, int64_t ms);
/* The variables that change: now, expiry. */
int session_set_clock(struct session *s, struct err *e);
/* Another end of the lift: ${deadline} and ${expiry}. */
int session_set_deadline(struct session *s, int64_t deadline, struct err *e);
/* "target NAME: DOING" before the message. Returns -1. */
int session_wrap(const struct session *s, struct err *e, const char *doing);
void session_close(struct session *s);

#endif
