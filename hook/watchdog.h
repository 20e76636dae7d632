/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The watchdog: a process that closes the window when nobody else does, one for each network
 * namespace that has a window. It is forked by whoever opens the window, before anything is
 * lifted, so that it also cleans up behind a hook that is killed in the middle; and it ends with
 * the window.
 *
 * Until it is there, and should it be killed, the kernel's expiry closes the window within a
 * heartbeat: the watchdog moves that on while an owner lives.
 *
 * It holds DIR/watchdog-COOKIE-vVERSION (the journal's version) locked (flock) for as long as it
 * lives, with its pid inside.
 */
#ifndef GEOPAUSE_WATCHDOG_H
#define GEOPAUSE_WATCHDOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "window.h"

struct watchdog {
	pid_t pid; /* 0: not ours; another one lives, or none could be started */
	int ready; /* it writes a byte here once it watches */
	int hold;  /* it begins when this is closed, by us or by our death */
	int lock;  /* its own side's */
};

#define WATCHDOG_NONE ((struct watchdog){ .ready = -1, .hold = -1, .lock = -1 })

enum watchdog_state {
	WATCHDOG_LIVES,
	WATCHDOG_DEAD,   /* there was one, and it was killed */
	WATCHDOG_ABSENT, /* there was none, or it has ended in peace */
};

/* *pid: 0 if it is not known. */
enum watchdog_state watchdog_look(const struct state *state, uint64_t netns, pid_t *pid);

/* Says so of a killed one, and removes what it has left behind; the state's lock is held. */
void watchdog_tidy(const struct state *state, uint64_t netns);

/*
 * Starts one, unless one lives. The state's lock is held, and the backends that the policy needs
 * are open already: they are loaded before it detaches. False if there is no watchdog then, which
 * was said in the log.
 */
bool watchdog_start(struct watchdog *dog, struct window *w);
/* Where a window is left open, somebody has to watch over it. */
void watchdog_ensure(struct window *w);
/* It watches, ours or another; waits for it, a bounded time. */
bool watchdog_ready(struct watchdog *dog);
/* It counts pids as we do, so that it sees our client's end. */
bool watchdog_sees_us(const struct watchdog *dog, const struct window *w);
/* Lets it begin. lifted: there is something to watch over, and a journal that names it. */
void watchdog_release(struct watchdog *dog, bool lifted);
/*
 * It begins when this process ends, which has nothing left to do: woken before, it would take the
 * processor, and the client that waits for us would wait for it.
 */
void watchdog_release_at_exit(const struct watchdog *dog, bool lifted);

#endif
