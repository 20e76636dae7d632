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
/* False only if it is known to be gone; of another pid namespace nothing is known. */
bool process_may_live(const struct process *process);
bool process_same(const struct process *a, const struct process *b);
/* The nearest ancestor that runs this very executable (`geopause run`); pid 0 if there is none. */
struct process process_guard(void);

#endif
