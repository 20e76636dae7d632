/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "clocks.h"
#include "command.h"
#include "fate.h"
#include "history.h"
#include "lasting.h"
#include "log.h"
#include "neighbours.h"
#include "options.h"
#include "output.h"
#include "request.h"
#include "state.h"
#include "story.h"
#include "watchdog.h"
#include "window.h"

struct live {
	enum lift_state state;
	unsigned left_s;
	char why[ERR_MESSAGE_MAX];
};

struct report {
	struct window window;
	const char *state; /* "closed", "open", ..., "expired" */
	struct names leftovers;
	struct neighbours neighbours;
	enum watchdog_state watchdog;
	pid_t watchdog_pid;
	char unread[ERR_MESSAGE_MAX]; /* why the firewall could not be looked at; or "" */
};

static struct live
look_at(struct backends *backends, const struct lift *lift)
{
	struct live live = { .state = LIFT_UNKNOWN };
	struct err e = ERR_INIT;
	const struct open_backend *on = backends_get(backends, lift->backend, &e);
	if (on)
		live.state = on->ops->inspect(on->backend, lift->record, &live.left_s, &e);
	memcpy(live.why, e.msg, sizeof(live.why));
	return live;
}

static int
read_journal(struct report *r, const struct state *state, struct err *e)
{
	struct window *w = &r->window;
	struct err why = ERR_INIT;
	r->state = "closed";
	if (state->dir < 0)
		return 0;
	enum journal_read read = journal_read(state->dir, w->file, &w->journal, &why);
	if (read == JOURNAL_NONE)
		return 0;
	if (read != JOURNAL_GOOD)
		return err_set(e, ERR_OPEN,
			       "the journal %s cannot be used: %s; run `geopause restore`", w->file,
			       why.msg);
	if (!identity_is_same_boot(&w->journal.id, &w->id)) {
		r->state = "of another boot or machine";
		return 0;
	}
	w->there = true;
	leases_prune(&w->journal.leases);
	bool expired = w->journal.state == JOURNAL_OPEN && !w->journal.leases.n;
	r->state = expired ? "expired" : journal_state_name(w->journal.state);
	return 0;
}

static json_t *
lift_json(struct backends *backends, const struct lift *lift)
{
	char ports[PORTS_TEXT_MAX];
	struct live live = look_at(backends, lift);
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:s,s:I,s:s}", "backend", lift->backend, "txn",
			 lift->txn, "ports", ports_text(ports, &lift->ports), "targets",
			 output_names(&lift->targets), "tables", output_names(&lift->tables),
			 "live", story_lift_state(live.state), "left_s", (json_int_t)live.left_s,
			 "error", live.why);
}

static const char *
watchdog_text(enum watchdog_state state)
{
	return state == WATCHDOG_LIVES ? "alive" : state == WATCHDOG_DEAD ? "dead" : "absent";
}

static void
print_json(const struct report *r, struct backends *backends)
{
	const struct journal *j = &r->window.journal;
	json_t *leases = json_array(), *lifts = json_array(), *others = json_array();
	for (size_t i = 0; r->window.there && i < j->leases.n; i++) {
		json_t *lease = lease_json(&j->leases.v[i]);
		json_object_set_new(lease, "left_s",
				    json_integer(boottime_left(j->leases.v[i].expires)));
		json_array_append_new(leases, lease);
	}
	for (size_t i = 0; r->window.there && i < j->lifts.n; i++)
		json_array_append_new(lifts, lift_json(backends, &j->lifts.v[i]));
	for (size_t i = 0; i < r->neighbours.n; i++)
		json_array_append_new(others,
				      json_pack("{s:s,s:s,s:b}", "file", r->neighbours.v[i].file,
						"state", r->neighbours.v[i].state, "may_be_open",
						(int)r->neighbours.v[i].may_be_open));
	json_t *json = json_pack("{s:i,s:s,s:o,s:o,s:o,s:o,s:s}", "version", 1, "state", r->state,
				 "leases", leases, "lifts", lifts, "leftovers",
				 output_names(&r->leftovers), "other_namespaces", others,
				 "firewall_error", r->unread);
	json_object_set_new(json, "watchdog",
			    json_pack("{s:s,s:i}", "state", watchdog_text(r->watchdog), "pid",
				      (int)r->watchdog_pid));
	if (r->window.there) {
		json_object_set_new(json, "window", json_string(j->window));
		json_object_set_new(json, "left_s", json_integer(boottime_left(j->expiry)));
		json_object_set_new(json, "opened_wall", json_integer(j->opened_wall));
	}
	output_json_take(json);
}

static void
print_lift(struct backends *backends, const struct lift *lift)
{
	char ports[PORTS_TEXT_MAX], name[NAME_BUF];
	struct live live = look_at(backends, lift);
	printf("  %s: %s", lift->backend, ports_text(ports, &lift->ports));
	for (size_t i = 0; i < lift->tables.n; i++)
		printf("%s%s", i ? ", " : " in ", err_name(name, lift->tables.v[i]));
	printf(": %s", story_lift_state(live.state));
	if (live.left_s)
		printf(", closes by itself in %u s", live.left_s);
	printf("%s%s\n", *live.why ? ": " : "", live.why);
}

static void
print_watchdog(const struct report *r)
{
	if (r->watchdog == WATCHDOG_LIVES)
		printf("  watched by process %d\n", (int)r->watchdog_pid);
	else
		printf("  the watchdog is %s: the window closes by post or by its expiry, not when "
		       "its client dies\n",
		       watchdog_text(r->watchdog));
}

static void
print(const struct report *r, struct backends *backends)
{
	const struct journal *j = &r->window.journal;
	char text[LEASE_TEXT_MAX];
	printf("%s", r->state);
	if (r->window.there)
		printf(": window %s, opened %lld s ago, %u s left", j->window,
		       (long long)(boottime_now() - j->opened), boottime_left(j->expiry));
	putchar('\n');
	for (size_t i = 0; r->window.there && i < j->leases.n; i++)
		printf("  held by %s\n", lease_text(text, &j->leases.v[i]));
	if (r->window.there)
		print_watchdog(r);
	for (size_t i = 0; r->window.there && i < j->lifts.n; i++)
		print_lift(backends, &j->lifts.v[i]);
	for (size_t i = 0; i < r->leftovers.n; i++)
		output_text(stdout, "leftover: ", r->leftovers.v[i]);
	for (size_t i = 0; i < r->neighbours.n; i++)
		printf("%s (%s) belongs to another network namespace; run `geopause restore` "
		       "inside it\n",
		       r->neighbours.v[i].file, r->neighbours.v[i].state);
	if (*r->unread)
		output_text(stdout, "the firewall was not looked at: ", r->unread);
}

static int
collect(struct report *r, const struct options *options, const struct state *state, struct err *e)
{
	struct err unread = ERR_INIT;
	if (read_journal(r, state, e))
		return -1;
	r->watchdog = state->dir < 0 ? WATCHDOG_ABSENT
				     : watchdog_look(state, r->window.id.netns, &r->watchdog_pid);
	if (state->dir >= 0 && neighbours_read(&r->neighbours, state, &r->window.id, e))
		return -1;
	if (window_leftovers(&r->window, r->window.there ? &r->window.journal.lifts : NULL,
			     &r->leftovers, &unread))
		memcpy(r->unread, unread.msg, sizeof(r->unread));
	r->window.history = history_directory(options);
	return lasting_find(&r->window, &r->leftovers, e);
}

/* A mark whose expiry has passed says so at its end: closed, not yet exact. */
static bool
is_closed(const char *leftover)
{
	static const char closed[] = "(closed)";
	size_t len = strlen(leftover);
	return len >= sizeof(closed) - 1 && !strcmp(leftover + len - (sizeof(closed) - 1), closed);
}

/* A window that nobody holds any more must be closed in the firewall, exact or not. */
static bool
is_open_past_its_end(const struct report *r, struct backends *backends)
{
	const struct lifts *lifts = &r->window.journal.lifts;
	if (!r->window.there || !strcmp(r->state, journal_state_name(JOURNAL_OPEN)))
		return false;
	for (size_t i = 0; i < lifts->n; i++) {
		struct live live = look_at(backends, &lifts->v[i]);
		/* What is left of one that was taken back in part has expired, too. */
		bool expired =
			lifts->v[i].expires_itself && live.state == LIFT_DRIFTED && !live.left_s;
		if (live.state != LIFT_NOT_LIFTED && live.state != LIFT_CLOSED && !expired)
			return true;
	}
	return false;
}

static int
conclude(const struct report *r, struct backends *backends, struct err *e)
{
	size_t open = 0;
	if (is_open_past_its_end(r, backends))
		return err_set(e, ERR_OPEN,
			       "the window is %s, but its lifts are not seen to be closed; run "
			       "`geopause restore`",
			       r->state);
	for (size_t i = 0; i < r->leftovers.n; i++)
		open += !is_closed(r->leftovers.v[i]);
	if (!open)
		return 0;
	return err_set(e, ERR_OPEN,
		       "%zu mark%s of geopause in the firewall belong%s to no window and may be "
		       "open; run `geopause restore`",
		       open, open == 1 ? "" : "s", open == 1 ? "s" : "");
}

int
cmd_status(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	struct state state;
	struct report report = { 0 };
	if (state_open(&state, options->state, false, &e)) {
		e.code = ERR_OPEN;
		fate_add(&e, "whether a window is open cannot be seen");
	} else if (!window_init(&report.window, &state, &backends, NULL, &e) &&
		   !collect(&report, options, &state, &e)) {
		if (options->json)
			print_json(&report, &backends);
		else
			print(&report, &backends);
		(void)conclude(&report, &backends, &e);
	}
	names_fini(&report.leftovers);
	neighbours_fini(&report.neighbours);
	window_fini(&report.window);
	state_close(&state);
	backends_close(&backends);
	return output_status(&e);
}
