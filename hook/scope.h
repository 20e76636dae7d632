/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Under systemd, whatever a unit leaves behind is killed when the unit's main process ends; the
 * watchdog must outlive it. It is moved into a transient scope unit of its own, in system.slice.
 */
#ifndef GEOPAUSE_SCOPE_H
#define GEOPAUSE_SCOPE_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

enum scope {
	SCOPE_ENTERED,
	SCOPE_NO_SYSTEMD, /* systemd is not the init of this system: sd_booted(3) */
	SCOPE_FAILED,     /* e says why; the caller stays where it is */
};

/*
 * Asks systemd for the scope unit "geopause-watchdog-SUFFIX.scope" with these processes in it, and
 * waits until they are there, for SCOPE_DEADLINE_MS at most. Called by the watchdog and the alerter
 * after they have detached, so that no hook waits for it.
 */
#define SCOPE_DEADLINE_MS 5000
enum scope scope_enter(const char *suffix, const pid_t *pids, size_t n, struct err *e);

#endif
