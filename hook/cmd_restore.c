/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "alert.h"
#include "command.h"
#include "fate.h"
#include "history.h"
#include "lasting.h"
#include "log.h"
#include "neighbours.h"
#include "options.h"
#include "output.h"
#include "privileges.h"
#include "request.h"
#include "session.h"
#include "signals.h"
#include "watchdog.h"

/* A broken policy must not keep a restore from happening; the rights are given up all the same. */
static void
learn(struct window *w, const struct options *options, unsigned also)
{
	const unsigned keep =
		also | KEEP_NET_ADMIN | KEEP_DAC_READ_SEARCH | lasting_rights(w->history);
	struct err e = ERR_INIT;
	struct policy policy;
	policy_init(&policy);
	int failed = request_policy(&policy, options, &e) || window_sweeps(w, &policy, &e);
	if (request_reduce(&policy, keep, w->backends, &e) || failed)
		log_event_take(LOG_WARNING, "policy", NULL, "%s; restoring without it", e.msg);
	policy_fini(&policy);
}

/* Returns whether it may be open afterwards. */
static bool
restore_neighbour(const struct neighbour *one, struct session *session, bool stale)
{
	struct err e = ERR_INIT, unlocked = ERR_INIT;
	json_t *fields = json_pack("{s:s,s:s}", "file", one->file, "state", one->state);
	if (stale && one->held) {
		log_event_take(LOG_INFO, "neighbour", fields,
			       "the window of another network namespace, %s, stays open for its "
			       "holder",
			       one->file);
		return false;
	}
	if (!one->counts) {
		log_event_take(LOG_INFO, "neighbour", fields, "%s is %s and was left alone",
			       one->file, one->state);
		return false;
	}
	if (!neighbour_restore(one, session, stale, &e)) {
		log_event_take(LOG_NOTICE, "neighbour", fields,
			       "%s (%s): restored in its own network namespace", one->file,
			       one->state);
		return false;
	}
	bool open = one->may_be_open || e.code == ERR_OPEN;
	/* Its namespace may be gone: what a program has lifted there is closed from here. */
	if (e.code != ERR_OPEN)
		do
			lasting_recover_neighbour(&session->window, one->file, &open);
		while (session_wait(session, &unlocked));
	if (unlocked.code) {
		log_failure(&unlocked);
		open = true;
	}
	log_event_take(open ? LOG_WARNING : LOG_INFO, "neighbour", fields,
		       "%s (%s%s) belongs to another network namespace: %s; run `geopause restore` "
		       "inside it",
		       one->file, one->state, one->may_be_open ? "" : ", expired", e.msg);
	return open;
}

static int
restore_neighbours(const struct neighbours *all, struct session *session, bool stale, struct err *e)
{
	size_t open = 0;
	for (size_t i = 0; i < all->n; i++)
		open += restore_neighbour(&all->v[i], session, stale);
	if (!open)
		return 0;
	return err_set(e, ERR_OPEN,
		       "%zu window%s of other network namespaces may be open; run `geopause "
		       "restore` inside them",
		       open, open == 1 ? "" : "s");
}

/* The window of this network namespace. */
static void
restore_own(struct session *session, bool stale, struct err *e)
{
	int failed = session_restore(session, stale, e);
	if (stale && !failed)
		watchdog_ensure(&session->window);
}

/* All of it is tried, whatever fails. Returns whether somebody holds the window. */
static bool
restore(struct session *session, const struct options *options, struct err *e)
{
	struct err others = ERR_INIT;
	struct neighbours all;
	struct window *w = &session->window;
	int unread = neighbours_read(&all, &session->state, &w->id, &others);
	others.code = unread ? ERR_OPEN : ERR_NONE;
	learn(w, options, all.n ? KEEP_SYS_ADMIN | KEEP_SYS_PTRACE : 0);
	restore_own(session, options->stale, e);
	const bool held = w->there;
	int open = unread || restore_neighbours(&all, session, options->stale, &others);
	neighbours_fini(&all);
	if (!open)
		return held;
	fate_add(&others, "the window of this one is %s",
		 e->code ? "not seen to be closed"
		 : held  ? "held"
			 : "closed");
	if (e->code)
		log_failure(&others);
	else
		*e = others;
	return held;
}

/* Without a state directory there is no journal to read and nobody to lock out. */
static int
sweep_only(const struct options *options, struct backends *backends, struct err *e)
{
	struct state state = STATE_CLOSED;
	struct window window;
	if (window_init(&window, &state, backends, history_directory(options), e)) {
		e->code = ERR_OPEN;
		return -1;
	}
	learn(&window, options, 0);
	struct err lasting = ERR_INIT;
	int failed = window_sweep(&window, e);
	if (lasting_recover_all(&window, &lasting)) {
		if (failed)
			log_failure(&lasting);
		else
			*e = lasting;
		failed = -1;
	}
	window_fini(&window);
	return failed;
}

int
cmd_restore(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	struct session session;
	struct stat st;
	bool held = false;
	if (!session_begin_closing(&session, options, &backends, LOCK_WAIT_RESTORE_S, &e)) {
		held = restore(&session, options, &e);
		session_end(&session);
	} else if (stat(options->state, &st) && errno == ENOENT) {
		e = ERR_INIT;
		signals_hold();
		(void)sweep_only(options, &backends, &e);
	}
	backends_close(&backends);
	if (e.code)
		alert_send("restore", (int)e.code, e.msg);
	int status = output_status(&e);
	if (options->json)
		output_json_take(json_pack("{s:i,s:s}", "version", 1, "state",
					   status ? "unknown"
					   : held ? "open"
						  : "closed"));
	signals_release();
	return status;
}
