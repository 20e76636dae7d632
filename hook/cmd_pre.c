/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "clocks.h"
#include "command.h"
#include "fate.h"
#include "options.h"
#include "output.h"
#include "request.h"
#include "session.h"
#include "signals.h"
#include "story.h"

static void
print(const struct journal *journal, const struct lease *lease)
{
	char ports[PORTS_TEXT_MAX], until[CLOCK_TEXT_MAX];
	output_json_take(json_pack(
		"{s:i,s:s,s:s,s:s,s:I,s:o}", "version", 1, "window", journal->window, "lifted",
		story_ports(ports, &journal->lifts), "until", clock_utc(until, lease->expires),
		"left_s", (json_int_t)boottime_left(lease->expires), "lease", lease_json(lease)));
}

static int
take(const struct options *options, struct backends *backends, const struct request *request,
     struct lease *lease, struct err *e)
{
	struct session session;
	if (session_begin(&session, options, backends, LOCK_WAIT_S, e))
		return -1;
	int failed = window_take(&session.window, request, lease, e);
	if (!failed && options->json)
		print(&session.window.journal, lease);
	session_end(&session);
	return failed;
}

int
cmd_pre(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	struct request request;
	struct lease lease;
	if (options->dry_run)
		return cmd_plan(options);
	if (lease_of(&lease, options, &e) || request_load(&request, options, &backends, &e)) {
		fate_add(&e, "nothing was changed");
	} else {
		(void)take(options, &backends, &request, &lease, &e);
		request_fini(&request);
	}
	backends_close(&backends);
	int status = output_status(&e);
	signals_release();
	return status;
}
