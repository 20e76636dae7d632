/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the watchdog does all its life; called by watchdog.c alone. */
#ifndef GEOPAUSE_WATCHDOG_LOOP_H
#define GEOPAUSE_WATCHDOG_LOOP_H

#include "window.h"

/*
 * lifted: a journal is there, or was. Returns when there is no window any more. All signals are
 * blocked; w->state is state. lock is the watchdog's own file, removed at the end, before another
 * caller can look for a watchdog.
 */
void watchdog_loop(struct window *w, struct state *state, const char *lock, bool lifted);

#endif
