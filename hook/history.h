/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The windows of the past, in an append-only file of lines; its format stands in history.c. Writing
 * is best effort and never fails a window; a line that was cut off by a crash is skipped by
 * readers and does not spoil the next one. Writers hold the state's lock; readers need none.
 */
#ifndef GEOPAUSE_HISTORY_H
#define GEOPAUSE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "journal.h"

struct options;

/* GEOPAUSE_HISTORY_DIR, or the state directory where --state was given. */
const char *history_directory(const struct options *options);

/*
 * directory is made (its last component, 0700) if it is missing. A failure is logged as a warning,
 * once a process, and forgotten.
 */
void history_opened(const char *directory, const struct journal *journal,
		    const struct lease *lease);
/* Another client joined, or one renewed its lease: for whom else, until when, which ports now. */
void history_joined(const char *directory, const struct journal *journal,
		    const struct lease *lease);
/*
 * how: as story_closed; exact: nobody else had changed what was lifted. journal->expiry must still
 * be there, because a window that expired was closed by then; the lifts may be gone.
 */
void history_closed(const char *directory, const struct journal *journal, const char *how,
		    bool exact);

/* Texts are printable ASCII, and empty if they were not written down. */
struct history_window {
	char window[TXN_BUF];
	int64_t opened_wall; /* seconds since 1970 */
	int64_t closed_wall; /* 0: its end was not written down (still open, a crash, a reset) */
	int64_t seconds;     /* it was open; without an end: until its last known expiry at most */
	char *ports;         /* "tcp 80, tcp 443" */
	char *targets;       /* "input, edge" */
	char *who;           /* "certbot (process 123)", several with ", " between */
	char *how;           /* "post", "restore", ...; NULL if its end was not written down */
	bool exact;
	bool expires_itself; /* the kernel or the provider closed it at its expiry at the latest */
};

struct history {
	struct history_window *v; /* in the order in which they were opened */
	size_t n;
	size_t skipped; /* lines that could not be used */
};

/* A missing file is an empty history. */
int history_read(struct history *history, const char *directory, struct err *e);
/* What history_read does with the file's bytes; fails only when memory is gone. */
int history_parse(struct history *history, const char *text, size_t len, struct err *e);
/*
 * Seconds in which some window was open, of those from since_wall to now_wall (overlaps count
 * once); -1 when memory is gone.
 */
int64_t history_exposure(const struct history *history, int64_t since_wall, int64_t now_wall);
void history_fini(struct history *history);

#endif
