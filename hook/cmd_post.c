/* SPDX-License-Identifier: GPL-3.0-or-later */
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

static void
print(const struct window *w)
{
	char holders[LEASES_TEXT_MAX];
	output_json_take(json_pack("{s:i,s:s,s:s}", "version", 1, "state",
				   w->there ? "open" : "closed", "leases",
				   leases_text(holders, &w->journal.leases)));
}

/* A lease's owner has often ended when post is called; then only its pid can be told. */
static int
key_of(struct lease *lease, const struct options *options, struct err *e)
{
	if (!lease_of(lease, options, e))
		return 0;
	if (e->code != ERR_USAGE) {
		e->code = ERR_OPEN;
		fate_add(e, "no lease was given back; a window may be open until its client ends; "
			    "run `geopause restore`");
		return -1;
	}
	*e = ERR_INIT;
	lease->owner = (struct process){ .pid = options->owner };
	return 0;
}

/* A broken policy must not keep a window open, nor the rights that are not needed. */
static void
learn(struct policy *policy, const struct options *options, struct backends *backends)
{
	struct err e = ERR_INIT, opened = ERR_INIT;
	if (request_policy(policy, options, &e))
		log_event_take(LOG_WARNING, "policy", NULL, "%s; going on without it", e.msg);
	/* What cannot be opened is told by whatever needs it. */
	const unsigned keep = KEEP_NET_ADMIN | lasting_rights(history_directory(options));
	(void)request_reduce(policy, keep, backends, &opened);
}

static int
give_back(struct session *session, const struct policy *policy, const struct lease *lease,
	  struct err *e)
{
	struct window *w = &session->window;
	if (window_sweeps(w, policy, e) || session_give_back(session, lease, NULL, e))
		return -1;
	watchdog_ensure(w);
	return w->returned ? 0 : neighbours_check_lease(w->state, &w->id, lease, e);
}

int
cmd_post(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	struct session session;
	struct policy policy;
	struct lease lease;
	int unknown = key_of(&lease, options, &e);
	policy_init(&policy);
	learn(&policy, options, &backends);
	if (!unknown && !session_begin_closing(&session, options, &backends, LOCK_WAIT_S, &e)) {
		if (!give_back(&session, &policy, &lease, &e) && options->json)
			print(&session.window);
		session_end(&session);
	}
	policy_fini(&policy);
	backends_close(&backends);
	if (e.code)
		alert_send("post", (int)e.code, e.msg);
	int status = output_status(&e);
	signals_release();
	return status;
}
