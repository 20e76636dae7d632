/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The module geopause-systemd.so, which alone is linked with libsystemd: that library and what it
 * needs would cost every start of geopause, and only a watchdog under systemd calls it. Loaded by
 * scope.c.
 */
#ifndef GEOPAUSE_START_SCOPE_H
#define GEOPAUSE_START_SCOPE_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

/* Becomes another name whenever the type or struct err does. */
#define START_SCOPE_SYMBOL "geopause_start_scope_1"

/*
 * Asks systemd to start a transient scope unit with these processes in it; UNIT is its full name.
 * Returns once the job is queued, after timeout_ms milliseconds at most; whether it was done is
 * seen in /proc/PID/cgroup. The processes must be of systemd's own pid namespace.
 */
typedef int start_scope_fn(const char *unit, const pid_t *pids, size_t n, unsigned timeout_ms,
			   struct err *e);
start_scope_fn geopause_start_scope_1;

#endif
