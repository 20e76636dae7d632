/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The open sessions of this process, one for each entry of a record that it has dealt with, so that
 * connections and tokens are used again. They are not a fork's: that opens its own.
 */
#ifndef GEOPAUSE_REST_SESSIONS_H
#define GEOPAUSE_REST_SESSIONS_H

#include <sys/types.h>

#include "session.h"

struct sessions {
	struct session **v;
	size_t n;
	pid_t pid;
};

/* Borrowed; NULL: e says why. */
struct session *sessions_get(struct sessions *sessions, json_t *entry, struct err *e);
void sessions_fini(struct sessions *sessions);

/*
 * One of several targets that are worked on at once: opening takes as long as the slowest, not as
 * all of them.
 */
struct job {
	struct session *s; /* NULL: could not be opened; outcome, state and e say so */
	json_t *entry;     /* borrowed */
	enum outcome outcome;
	enum lift_state state;
	unsigned expiry_s, left_s;
	bool nothing; /* plan: there is nothing to lift */
	bool pending; /* the provider is at it */
	bool remains; /* and then there is more to be done */
	struct names notes;
	struct err e;
};

/* Does it for all, each in a thread of its own, and waits for them; signals are not theirs. */
void jobs_run(struct job *jobs, size_t n, void (*run)(struct job *job));

#endif
