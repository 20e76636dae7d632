/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <errno.h>
#include <sys/stat.h>

#include "fate.h"
#include "history.h"
#include "signals.h"
#include "watchdog.h"

static int
begin(struct session *session, const struct options *options, struct backends *backends,
      unsigned wait_s, struct err *e)
{
	*session = (struct session){ .state = STATE_CLOSED };
	if (!state_open(&session->state, options->state, true, e) &&
	    !state_lock(&session->state, wait_s, e)) {
		signals_hold();
		if (!window_init(&session->window, &session->state, backends,
				 history_directory(options), e)) {
			session->window.waits = true;
			return 0;
		}
	}
	session_end(session);
	return -1;
}

int
session_begin(struct session *session, const struct options *options, struct backends *backends,
	      unsigned wait_s, struct err *e)
{
	if (!begin(session, options, backends, wait_s, e))
		return 0;
	if (e->code != ERR_BUSY)
		fate_add(e, "nothing was changed");
	return -1;
}

int
session_begin_closing(struct session *session, const struct options *options,
		      struct backends *backends, unsigned wait_s, struct err *e)
{
	struct stat st;
	if (!begin(session, options, backends, wait_s, e))
		return 0;
	if (e->code != ERR_FAILED)
		return -1;
	if (stat(options->state, &st) && errno == ENOENT) {
		fate_add(e, "there is no window");
	} else {
		e->code = ERR_OPEN;
		fate_add(e, "a window may be open until it expires; run `geopause restore`");
	}
	return -1;
}

bool
session_wait(struct session *session, struct err *e)
{
	struct window *w = &session->window;
	if (!w->waiting.pending)
		return false;
	state_unlock(&session->state);
	window_wait(w);
	*e = ERR_INIT;
	if (state_lock(&session->state, LOCK_WAIT_RESTORE_S, e)) {
		e->code = ERR_OPEN;
		fate_add(e, "the window is not closed yet; run `geopause restore`");
		return false;
	}
	/* It is read anew. */
	journal_fini(&w->journal);
	w->there = false;
	return true;
}

int
session_give_back(struct session *session, const struct lease *lease, const struct process *guard,
		  struct err *e)
{
	int failed;
	do
		failed = window_give_back(&session->window, lease, guard, e);
	while (failed && session_wait(session, e));
	return failed;
}

int
session_restore(struct session *session, bool stale, struct err *e)
{
	struct window *w = &session->window;
	int failed;
	do
		failed = stale ? window_restore_stale(w, e) : window_restore(w, e);
	while (failed && session_wait(session, e));
	return failed;
}

void
session_end(struct session *session)
{
	if (session->state.lock >= 0 && !session->window.there)
		watchdog_tidy(&session->state, session->window.id.netns);
	window_fini(&session->window);
	state_close(&session->state);
}
