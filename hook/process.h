/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes that can be recognised later: a pid alone is reused, with its start time it is not. */
#ifndef GEOPAUSE_PROCESS_H
#define GEOPAUSE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct process {
	pid_t pid;      /* 0: nobody */
	uint64_t start; /* clock ticks since boot, field 22 of /proc/PID/stat, proc(5) */
	uint64_t pidns; /* inode of the pid namespace that the pid counts in */
};

/* ERR_USAGE if there is no such process, or only its zombie. */
int process_find(struct process *process, pid_t pid, struct err *e);
/* It is of our pid namespace, so that we can see whether it lives. */
bool process_is_here(const struct process *process);
/* False only if it is known to be gone; of another pid namespace nothing is known. */
bool process_may_live(const struct process *process);
bool process_same(const struct process *a, const struct process *b);

/* Ourselves, whom others are compared with; read once for many of them. */
struct process_self {
	uint64_t pidns;
	dev_t exe_dev; /* the file that we run */
	ino_t exe_ino; /* 0: not known */
	char exe[256]; /* its path; "" if it is not known, or is not the only one */
};
struct process_self process_self(void);
/* -1 with errno if it cannot be read; ENOENT, ESRCH: there is none, or only its zombie. */
int process_read(struct process *process, pid_t *parent, pid_t pid,
		 const struct process_self *self);
/* Whether it runs the very file that we run. exe: what /proc/PID/exe says, "" if unreadable. */
bool process_is_ours(pid_t pid, const char *exe, const struct process_self *self);

#endif
