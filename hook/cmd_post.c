/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command.h"
#include "log.h"
#include "options.h"
#include "output.h"
#include "request.h"
#include "session.h"
#include "signals.h"

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
	if (!lease_of(lease, options, e) || e->code != ERR_USAGE)
		return e->code == ERR_NONE ? 0 : -1;
	*e = ERR_INIT;
	lease->owner = (struct process){ .pid = options->owner };
	return 0;
}

static int
give_back(struct window *w, const struct options *options, const struct lease *lease, struct err *e)
{
	struct err unswept = ERR_INIT;
	struct policy policy;
	bool gone;
	if (!request_policy(&policy, options, &unswept)) {
		int failed = window_sweeps(w, &policy, e);
		policy_fini(&policy);
		if (failed)
			return -1;
	}
	if (window_give_back(w, lease, NULL, &gone, e))
		return -1;
	return 0;
}

int
cmd_post(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	struct session session;
	struct lease lease;
	if (!key_of(&lease, options, &e) &&
	    !session_begin_closing(&session, options, &backends, LOCK_WAIT_S, &e)) {
		if (!give_back(&session.window, options, &lease, &e) && options->json)
			print(&session.window);
		session_end(&session);
	}
	backends_close(&backends);
	int status = output_status(&e);
	signals_release();
	return status;
}
