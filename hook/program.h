/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process is to somebody who looks for the ACME client above a hook, told by its executable
 * and its arguments alone. Reads nothing; for ancestry.c alone.
 */
#ifndef GEOPAUSE_PROGRAM_H
#define GEOPAUSE_PROGRAM_H

#include <stddef.h>

#define PROGRAM_NAME_MAX 32 /* bytes */

enum program_role {
	PROGRAM_OTHER,  /* may own a lease, for want of a client */
	PROGRAM_PASSED, /* a shell with something to run, or a wrapper: look above it */
	PROGRAM_CLIENT, /* a known ACME client */
	PROGRAM_END,    /* runs for ever, and what is above it is not about us */
};

struct program {
	enum program_role role;
	/* The script's name where an interpreter runs one; printable ASCII, never empty. */
	char name[PROGRAM_NAME_MAX];
};

/*
 * `exe` is the path of the executable, "" if it cannot be read: then argv[0] counts. `args` are
 * the arguments as /proc/PID/cmdline has them, `len` bytes with NULs between, and args[len] is a
 * NUL. They come from the process itself and may be anything.
 */
struct program program_read(const char *exe, const char *args, size_t len);

#endif
