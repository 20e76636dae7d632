/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state directory and its lock. The directory belongs to root or the caller and nobody else
 * can write it; everything in it is reached through its descriptor. The lock is a flock, so the
 * kernel frees it when its holder dies.
 */
#ifndef GEOPAUSE_STATE_H
#define GEOPAUSE_STATE_H

#include <stdbool.h>

#include "err.h"

struct state {
	const char *path; /* borrowed */
	int dir;          /* -1: the directory does not exist */
	int lock;         /* -1: not held */
};

#define STATE_CLOSED ((struct state){ .dir = -1, .lock = -1 })

/* create: make a missing directory (its last component). Without, a missing one is success. */
int state_open(struct state *state, const char *path, bool create, struct err *e);
/* Waits at most wait_s seconds for one holder, six times as long for several: then ERR_BUSY. */
int state_lock(struct state *state, unsigned wait_s, struct err *e);
void state_unlock(struct state *state);
void state_close(struct state *state);

#endif
