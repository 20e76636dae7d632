/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "opening.h"

#include "clocks.h"
#include "fate.h"
#include "log.h"
#include "privileges.h"
#include "signals.h"

static void
go_without_watchdog(struct window *w, const struct request *request, struct lease *lease)
{
	struct err e = ERR_INIT;
	int64_t end = boottime_now() + request->window_s;
	if (lease->expires > end)
		lease->expires = end;
	log_event_take(LOG_WARNING, "unwatched", NULL,
		       "there is no watchdog: the window does not close when the client dies, only "
		       "by post or in %u s",
		       request->window_s);
	if (window_unwatched(w, request->window_s, &e))
		log_event_take(LOG_WARNING, "unwatched", NULL,
			       "%s; the window may close before the client is done", e.msg);
}

/* An owner that the watchdog cannot see has to end in time. */
static void
look_at_owner(const struct opening *opening, struct lease *lease)
{
	lease->unseen = lease->kind == LEASE_OWNER &&
			!(process_is_here(&lease->owner) &&
			  watchdog_sees_us(&opening->dog, &opening->session.window));
	if (lease->unseen)
		log_event_take(LOG_WARNING, "unseen", NULL,
			       "the watchdog is in another pid namespace and cannot see this "
			       "client: a timed lease");
}

/* Ours will have what we have now; one that was there may have given up more. */
static bool
watchdog_is_able(const struct watchdog *dog, const struct window *w)
{
	pid_t pid;
	return dog->pid || (watchdog_sees_us(dog, w) &&
			    watchdog_look(w->state, w->id.netns, &pid) == WATCHDOG_LIVES && pid &&
			    privileges_are_shared(pid));
}

/* The last one closes the window; e is why, and gets what is open now. */
static void
give_back(const struct options *options, struct backends *backends, const struct lease *lease,
	  struct err *e)
{
	struct session session;
	struct err unclosed = ERR_INIT;
	char holders[LEASES_TEXT_MAX];
	if (session_begin_closing(&session, options, backends, LOCK_WAIT_RESTORE_S, &unclosed) ||
	    session_give_back(&session, lease, NULL, &unclosed)) {
		fate_add(e, "rolling back failed, too: %s", unclosed.msg);
		e->code = ERR_OPEN;
	} else if (session.window.there) {
		fate_add(e, "the lease was given back; the window stays open for %s",
			 leases_text(holders, &session.window.journal.leases));
	} else {
		fate_add(e, "all was rolled back, nothing is open");
	}
	session_end(&session);
}

/* Another call may have closed the window meanwhile, or may be at work and have the lock. */
static int
await_once(struct session *session, const struct lease *lease, bool *more, struct err *e)
{
	struct err busy = ERR_INIT;
	state_unlock(&session->state);
	if (window_await(&session->window, e) || signals_check(e))
		return -1;
	(void)state_lock(&session->state, LOCK_WAIT_S, &busy);
	return window_awaited(&session->window, lease, more, e);
}

/* Without the lock, and with the watchdog at work. */
static int
await(struct opening *opening, const struct options *options, struct backends *backends,
      const struct lease *lease, struct err *e)
{
	struct session *session = &opening->session;
	bool more = window_takes_time(&session->window);
	int failed = 0;
	if (!more)
		return 0;
	state_unlock(&session->state);
	watchdog_release(&opening->dog, true);
	while (more && !failed)
		failed = await_once(session, lease, &more, e);
	state_unlock(&session->state);
	if (failed)
		give_back(options, backends, lease, e);
	return failed;
}

static int
take(struct session *session, const struct request *request, unsigned heartbeat_s,
     struct lease *lease, struct err *e)
{
	struct window *w = &session->window;
	struct err unclosed = ERR_INIT;
	int failed;
	do
		failed = window_take(w, request, heartbeat_s, lease, e);
	while (failed && !w->waiting.undo && session_wait(session, e));
	if (!failed || !w->waiting.undo)
		return failed;
	/* What it has done is being taken back. */
	while (failed && session_wait(session, &unclosed))
		failed = window_finish(w, &unclosed);
	window_tell_undone(w, &unclosed, e);
	return -1;
}

int
opening_take(struct opening *opening, const struct options *options, struct backends *backends,
	     const struct request *request, struct lease *lease, struct err *e)
{
	struct window *w = &opening->session.window;
	opening->dog = WATCHDOG_NONE;
	if (session_begin(&opening->session, options, backends, LOCK_WAIT_S, e))
		return -1;
	unsigned heartbeat_s = watchdog_start(&opening->dog, w) ? request->policy.heartbeat_s : 0;
	if (heartbeat_s)
		look_at_owner(opening, lease);
	w->able = heartbeat_s && watchdog_is_able(&opening->dog, w);
	if (take(&opening->session, request, heartbeat_s, lease, e))
		return -1;
	if (!heartbeat_s || !watchdog_ready(&opening->dog))
		go_without_watchdog(w, request, lease);
	return await(opening, options, backends, lease, e);
}

void
opening_end(struct opening *opening, struct backends *backends, bool exits)
{
	bool lifted = opening->session.window.there && opening->session.window.journal.lifts.n > 0;
	session_end(&opening->session);
	backends_close(backends);
	if (exits)
		watchdog_release_at_exit(&opening->dog, lifted);
	else
		watchdog_release(&opening->dog, lifted);
}
