/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "command.h"
#include "fate.h"
#include "log.h"
#include "neighbours.h"
#include "options.h"
#include "output.h"
#include "request.h"
#include "session.h"
#include "signals.h"

/* A broken policy must not keep a restore from happening. */
static void
learn_backends(struct window *w, const struct options *options)
{
	struct err e = ERR_INIT;
	struct policy policy;
	if (request_policy(&policy, options, &e)) {
		log_event_take(LOG_WARNING, "policy", NULL, "%s; restoring without it", e.msg);
		return;
	}
	if (window_sweeps(w, &policy, &e))
		log_event_take(LOG_WARNING, "policy", NULL, "%s; restoring without it", e.msg);
	policy_fini(&policy);
}

static int
tell_neighbours(const struct session *session, struct err *e)
{
	struct neighbours all;
	size_t open = 0;
	if (neighbours_read(&all, &session->state, &session->window.id, e)) {
		e->code = ERR_OPEN;
		return -1;
	}
	for (size_t i = 0; i < all.n; i++) {
		open += all.v[i].may_be_open;
		log_event_take(
			all.v[i].may_be_open ? LOG_WARNING : LOG_INFO, "neighbour",
			json_pack("{s:s,s:s}", "file", all.v[i].file, "state", all.v[i].state),
			"%s (%s%s) belongs to another network namespace; run `geopause "
			"restore` inside it",
			all.v[i].file, all.v[i].state, all.v[i].may_be_open ? "" : ", expired");
	}
	neighbours_fini(&all);
	if (!open)
		return 0;
	return err_set(e, ERR_OPEN,
		       "this namespace is closed, but %zu window%s of other network namespaces may "
		       "be open; run `geopause restore` inside them",
		       open, open == 1 ? "" : "s");
}

/* Without a state directory there is no journal to read and nobody to lock out. */
static int
sweep_only(const struct options *options, struct backends *backends, struct err *e)
{
	struct state state = STATE_CLOSED;
	struct window window;
	if (window_init(&window, &state, backends, e)) {
		e->code = ERR_OPEN;
		return -1;
	}
	learn_backends(&window, options);
	int failed = window_sweep(&window, e);
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
	if (!session_begin_closing(&session, options, &backends, LOCK_WAIT_RESTORE_S, &e)) {
		learn_backends(&session.window, options);
		if (!window_restore(&session.window, &e))
			(void)tell_neighbours(&session, &e);
		session_end(&session);
	} else if (stat(options->state, &st) && errno == ENOENT) {
		e = ERR_INIT;
		signals_hold();
		(void)sweep_only(options, &backends, &e);
	}
	backends_close(&backends);
	int status = output_status(&e);
	if (options->json)
		output_json_take(json_pack("{s:i,s:s}", "version", 1, "state",
					   status ? "unknown" : "closed"));
	signals_release();
	return status;
}
