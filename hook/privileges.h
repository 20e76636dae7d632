/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * capabilities(7): once the policy is read, geopause needs CAP_NET_ADMIN and little else. uid 0
 * stays, because state and journal are root's.
 */
#ifndef GEOPAUSE_PRIVILEGES_H
#define GEOPAUSE_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

enum privileges_keep {
	KEEP_NET_ADMIN = 1 << 0,    /* nf_tables, ctnetlink, SO_SNDBUFFORCE */
	KEEP_KILL = 1 << 1,         /* a signal to another user's COMMAND or client */
	KEEP_SYS_RESOURCE = 1 << 2, /* the watchdog's oom_score_adj, until it is set */
	KEEP_SYS_ADMIN = 1 << 3,    /* setns(2) into another network namespace */
	KEEP_SYS_PTRACE = 1 << 4,   /* /proc/PID/ns of others, with KEEP_SYS_ADMIN */
	KEEP_ALL = 1 << 7, /* an exec target's program may need any, and no_new_privs is not
			      set: it may run sudo(8) */
	/* What lies in other users' private directories: a build tree's modules under sudo(8). */
	KEEP_DAC_READ_SEARCH = 1 << 5,
};

/*
 * The capability sets become what is kept of what is there, and no_new_privs is set: programs run
 * from here (nft) have no more than that either. The bounding set stays, since under no_new_privs
 * execve(2) gains nothing from it, and its 40 system calls are a thirtieth of a hook's time. Works
 * for anybody: a plain user has nothing to lose. May be called again with less.
 *
 * A thread's own, so before any thread is made. Without CAP_DAC_OVERRIDE root reads and writes
 * only what file modes let it, and creates nothing in other users' directories.
 */
int privileges_reduce(unsigned keep, struct err *e);
/* Has this process all effective capabilities that we have, but for what we give up first? */
bool privileges_are_shared(pid_t pid);
/* The bits of enum privileges_keep that are effective now. */
unsigned privileges_effective(void);

#endif
