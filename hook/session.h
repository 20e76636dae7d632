/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every verb that may change the firewall needs first: the state directory, its lock, the
 * signals held, and the window's place. From session_begin to session_end no signal ends us.
 */
#ifndef GEOPAUSE_SESSION_H
#define GEOPAUSE_SESSION_H

#include "options.h"
#include "state.h"
#include "window.h"

#define LOCK_WAIT_S 10u
#define LOCK_WAIT_RESTORE_S 30u

struct session {
	struct state state;
	struct window window;
};

/* For opening: what fails here has changed nothing. */
int session_begin(struct session *session, const struct options *options, struct backends *backends,
		  unsigned wait_s, struct err *e);
/*
 * For closing: an ERR_FAILED becomes an ERR_OPEN, unless there is no state directory and so no
 * window.
 */
int session_begin_closing(struct session *session, const struct options *options,
			  struct backends *backends, unsigned wait_s, struct err *e);
/*
 * After something of window.h has failed: if it takes its time, waits for that without the lock,
 * and takes that again. True: it is to be called again. False: it has really failed; or, with
 * ERR_OPEN, the lock cannot be had.
 */
bool session_wait(struct session *session, struct err *e);
/* window_give_back, and the waits that it takes. */
int session_give_back(struct session *session, const struct lease *lease,
		      const struct process *guard, struct err *e);
/* window_restore or, with stale, window_restore_stale, and the waits that it takes. */
int session_restore(struct session *session, bool stale, struct err *e);
/* Frees the lock; the signals stay held until signals_release. */
void session_end(struct session *session);

#endif
