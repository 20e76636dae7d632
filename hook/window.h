/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window: closed -> opening -> open -> closing -> closed. window.c is the only caller of a
 * backend's mutations (apply, extend, revert, sweep), and writes the journal before each of them,
 * so that whoever dies in between leaves behind what the next caller needs.
 *
 * Every function here needs the state's lock and held signals, but window_leftovers. Error
 * messages end in what is open now.
 */
#ifndef GEOPAUSE_WINDOW_H
#define GEOPAUSE_WINDOW_H

#include "journal.h"
#include "module.h"
#include "request.h"
#include "state.h"

struct window {
	const struct state *state;
	struct backends *backends;
	struct identity id;
	char file[JOURNAL_NAME_MAX];
	struct names sweeps; /* backends whose marks are ours to sweep */
	struct journal journal;
	bool there; /* there is a window; the journal is filled */
};

int window_init(struct window *w, const struct state *state, struct backends *backends,
		struct err *e);
/* Marks of these targets' backends will be swept, too. */
int window_sweeps(struct window *w, const struct policy *policy, struct err *e);
void window_fini(struct window *w);

/*
 * Opens the window, or joins it and lifts what is missing. On success the lease (copied, its
 * expiry filled in) is in the journal and every lift was seen in the live firewall.
 */
int window_take(struct window *w, const struct request *request, struct lease *lease,
		struct err *e);
/*
 * Gives back the lease, and all that were taken under the guard (either may be NULL); the last one
 * closes the window. Having none is success. *gone: there is no window any more.
 */
int window_give_back(struct window *w, const struct lease *lease, const struct process *guard,
		     bool *gone, struct err *e);
/* The lease's expiry becomes window_s from now, up to max_window. *more: it can go on later. */
int window_renew(struct window *w, const struct lease *lease, unsigned window_s, bool *more,
		 struct err *e);
/* Closes whatever is open, whoever holds it, and sweeps the live firewall. */
int window_restore(struct window *w, struct err *e);
/* Only the sweep, where there cannot be a journal. */
int window_sweep(struct window *w, struct err *e);
/* Our marks in the live firewall that belong to no lift in the journal; writes nothing. */
int window_leftovers(struct window *w, const struct lifts *lifts, struct names *found,
		     struct err *e);

#endif
