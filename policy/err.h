/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors as values: owned by the caller, no allocation (they must work when memory is gone).
 *
 * The code is the exit status that the program ends with if nobody handles the error. The first
 * error wins: setting a second one keeps the first. Context is wrapped around it on the way up,
 * as "context: message". Messages are plain ASCII; names from outside (tables, comments, paths)
 * must be passed through err_name() or printed by somebody who escapes.
 */
#ifndef GEOPAUSE_ERR_H
#define GEOPAUSE_ERR_H

#include <stddef.h>

enum err_code {
	ERR_NONE = 0,
	ERR_FAILED = 1, /* failed; nothing is left open */
	ERR_USAGE = 2,
	ERR_OPEN = 3,   /* something may still be open */
	ERR_BUSY = 4,   /* somebody else holds the lock */
	ERR_POLICY = 5, /* policy missing, invalid, doubtful or unsafe */
	ERR_VERIFY = 6, /* verification failed, everything was rolled back */
};

#define ERR_MESSAGE_MAX 1024 /* bytes, terminator included; longer messages are cut */

struct err {
	enum err_code code;
	int sys; /* errno of the failing call, 0 if there was none */
	char msg[ERR_MESSAGE_MAX];
};

#define ERR_INIT ((struct err){ .code = ERR_NONE })

/* Each returns -1, so that a failing function can end with `return err_set(...)`. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As err_set, with ": strerror(sys)" at the end. */
int err_sys(struct err *e, enum err_code code, int sys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts "context: " before the message. Does nothing when there is no error. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define NAME_BUF 160 /* bytes; enough for any escaped name that is still readable */

/*
 * A name from outside as printable ASCII: other bytes, quotes and backslashes become \xNN, long
 * names end in "...". buf has NAME_BUF bytes; returns buf. NULL becomes "(none)".
 */
const char *err_name(char *buf, const char *name);

#endif
