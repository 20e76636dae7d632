/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Running another program and knowing afterwards what became of it: argv without a shell, a clean
 * environment (PATH, LC_ALL=C), input from memory, bounded output, a deadline. For backends whose
 * firewall is changed by a program.
 *
 * The child dies with this process (PR_SET_PDEATHSIG), so that it cannot change anything later,
 * and keeps `hold` open (the lock of the state directory): the lock is free only when no mutator
 * lives. It has no other descriptor of ours, its own session without a terminal, and its own group
 * of processes. What is left of that when the program has ended, or when the deadline passes, is
 * killed: it does nothing later.
 *
 * For processes of one thread: signals are blocked, SIGCHLD and SIGPIPE set aside while it runs.
 */
#ifndef GEOPAUSE_TOOL_H
#define GEOPAUSE_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define TOOL_OUTPUT_MAX (64u << 20) /* bytes */
#define TOOL_STDERR_MAX 400         /* bytes kept of the end of what it says on stderr */

struct tool {
	const char *const *argv; /* [0]: an absolute path, or a name that is looked for in the
				    directories of TOOL_PATH; NULL-terminated; borrowed */
	const char *input;       /* to its stdin; NULL: /dev/null */
	size_t input_len;
	size_t output_max;   /* bytes; more is an error */
	unsigned deadline_s; /* then SIGKILL to its process group */
	int hold;            /* inherited; -1: none */
};

#define TOOL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum tool_end {
	TOOL_NOT_STARTED, /* nothing was run; e says why (e->sys == ENOENT: there is no such
			     program) */
	TOOL_EXITED,      /* status */
	TOOL_KILLED,      /* by signal */
	TOOL_TIMED_OUT,   /* killed by us */
	TOOL_TOO_MUCH,    /* more output than output_max, or than there is memory: killed by us */
};

struct tool_result {
	enum tool_end end;
	int status, signal;
	char *out; /* NUL-terminated; may be NULL if it was silent; the caller frees the result */
	size_t out_len;
	/* The end of its stderr on one line: lines are joined by "; ", what is not printable ASCII
	 * became "?". "" if it was silent. */
	char said[TOOL_STDERR_MAX];
};

/*
 * 0: it exited with status 0. Else -1, and e says which program did what: "iptables-legacy-restore
 * exited with status 2: ...". Signals that end this process do not interrupt it.
 */
int tool_run(const struct tool *tool, struct tool_result *result, struct err *e);
void tool_result_fini(struct tool_result *result);
/* Is there such a program? */
bool tool_exists(const char *name);

#endif
