/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alert.h"
#include "clocks.h"
#include "command.h"
#include "fate.h"
#include "history.h"
#include "lasting.h"
#include "log.h"
#include "opening.h"
#include "options.h"
#include "output.h"
#include "privileges.h"
#include "request.h"
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

static void
tell_timed(const struct options *options, const struct lease *lease)
{
	char until[CLOCK_TEXT_MAX];
	if (lease->kind == LEASE_TIMED && !options->no_owner)
		log_event_take(LOG_NOTICE, "timed-lease", NULL,
			       "no ACME client was found above this hook: a timed lease, until %s",
			       clock_text(until, lease->expires));
}

static int
take(const struct options *options, struct backends *backends, const struct request *request,
     struct lease *lease, struct err *e)
{
	struct opening opening;
	int failed = opening_take(&opening, options, backends, request, lease, e);
	if (!failed) {
		tell_timed(options, lease);
		if (options->json)
			print(&opening.session.window.journal, lease);
	}
	/* Whoever reads our output may take his time. */
	opening_end(&opening, backends, !options->json);
	return failed;
}

/* It is open, and whoever wants to read that cannot. The lock is free: stdout may take its time. */
static void
flush_result(const struct lease *lease, struct err *e)
{
	char until[CLOCK_TEXT_MAX];
	if (!output_flush(e))
		return;
	e->code = ERR_OPEN;
	fate_add(e, "the window stays open until %s at the latest; `geopause post` closes it",
		 clock_text(until, lease->expires));
}

/* certbot goes on when a hook fails, and tries in vain. */
static void
stop_client(const struct lease *lease, struct err *e)
{
	const struct process *owner = &lease->owner;
	if (lease->kind != LEASE_OWNER || !owner->pid) {
		fate_add(e, "there is no client to stop");
		return;
	}
	int fd = (int)syscall(SYS_pidfd_open, owner->pid, 0);
	/* Looked at after it was opened: now it cannot be another process of the same number. */
	bool lives = fd < 0 || process_may_live(owner);
	bool sent = fd >= 0 && lives && !syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
	int sys = lives ? errno : ESRCH;
	if (fd >= 0)
		close(fd);
	if (sent)
		fate_add(e, "sent SIGTERM to %s (process %d)",
			 *lease->owner_name ? lease->owner_name : "the client", (int)owner->pid);
	else
		fate_add(e, "process %d could not be stopped: %s", (int)owner->pid, strerror(sys));
}

int
cmd_pre(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	struct request request;
	struct lease lease;
	unsigned keep = KEEP_NET_ADMIN | KEEP_SYS_RESOURCE |
			lasting_rights(history_directory(options)) |
			(options->stop_client ? KEEP_KILL : 0);
	if (options->dry_run)
		return cmd_plan(options);
	if (lease_of(&lease, options, &e) || request_load(&request, options, keep, &backends, &e)) {
		fate_add(&e, "nothing was changed");
	} else {
		if (!take(options, &backends, &request, &lease, &e))
			flush_result(&lease, &e);
		request_fini(&request);
	}
	backends_close(&backends);
	if (e.code && options->stop_client)
		stop_client(&lease, &e);
	if (e.code)
		alert_send("pre", (int)e.code, e.msg);
	int status = output_status(&e);
	signals_release();
	return status;
}
