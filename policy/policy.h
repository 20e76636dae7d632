/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy file, geopause-policy(5): loading and meaning. The same rules stand in
 * policy.schema.json for editors. Everything wrong is ERR_POLICY, with file, line and path.
 */
#ifndef GEOPAUSE_POLICY_H
#define GEOPAUSE_POLICY_H

#include <stddef.h>

#include "challenge.h"
#include "err.h"
#include "target.h"

#define POLICY_FILE_MAX (1u << 20) /* bytes */
#define POLICY_WINDOW_DEFAULT_S 600u
#define POLICY_WINDOW_MIN_S 10u
#define POLICY_HEARTBEAT_DEFAULT_S 60u
#define POLICY_HEARTBEAT_MIN_S 3u
#define POLICY_HEARTBEAT_MAX_S 600u
#define POLICY_MAX_WINDOW_DEFAULT_S 3600u
#define POLICY_MAX_WINDOW_MAX_S 86400u
#define POLICY_ALERT_MAX 32u /* strings */

enum on_refresh {
	REFRESH_RELIFT, /* a ruleset loaded again in a window is lifted again, a few times */
	REFRESH_STOP,   /* the window ends */
};

enum flows {
	FLOWS_KEEP, /* connections made in a window live on */
	FLOWS_CUT,  /* those that the block would have stopped are deleted */
};

struct policy {
	char *file;            /* NULL: there was no file */
	unsigned window_s;     /* how long a timed lease lasts, seconds */
	unsigned max_window_s; /* the longest that a window may be kept open, seconds */
	unsigned heartbeat_s;  /* the kernel's expiry while a watchdog moves it on, seconds */
	unsigned challenges;   /* bits of enum challenge */
	enum on_refresh on_refresh;
	enum flows flows;
	char **alert;        /* argv of what is told about failures, NULL-terminated; or NULL */
	unsigned alert_line; /* where its first string stands */
	struct target *targets;
	size_t n_targets;
};

/* The defaults, without a file and without targets. */
void policy_init(struct policy *policy);
/*
 * Reads and checks the file: a regular file, owned by root or the caller, writable by its owner
 * alone, as are the programs of "alert" and of exec targets. ENOENT leaves *policy with file ==
 * NULL, the defaults and no targets, and returns 0, so that the caller decides what a missing
 * policy means; a file that is there must have targets.
 */
int policy_load(struct policy *policy, const char *path, struct err *e);
/*
 * As policy_load, from text that was read already, of any length and from whomever; name is used in
 * messages. Whether the programs are there and safe is not looked at.
 */
int policy_parse(struct policy *policy, const char *name, const char *text, size_t len,
		 struct err *e);
void policy_fini(struct policy *policy);
/*
 * Whether this absolute path may be run with our rights: an executable regular file that only root
 * and the caller can exchange or write, link by link. ERR_POLICY.
 */
int policy_check_program(const char *path, struct err *e);

/* "90s", "10m", "1h", "1h30m" or plain seconds, to seconds; ERR_USAGE without context if wrong. */
int duration_parse(const char *text, unsigned *seconds, struct err *e);
#define DURATION_TEXT_MAX 32
/* The shortest form that duration_parse reads back; returns buf. */
const char *duration_text(char *buf, unsigned seconds);

#endif
