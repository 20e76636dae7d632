/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the watchdog does to a window, each time that something happened. */
#include <string.h>

#include "backend.h"
#include "clocks.h"
#include "fate.h"
#include "lasting.h"
#include "log.h"
#include "story.h"
#include "window.h"
#include "window_private.h"

/* Without a policy, counting reads the elements of all sets: one part of the time in so many. */
#define COUNT_SHARE 20

static bool
an_owner_lives(const struct leases *leases)
{
	for (size_t i = 0; i < leases->n; i++)
		if (leases->v[i].kind == LEASE_OWNER && !lease_void(&leases->v[i]))
			return true;
	return false;
}

/* What cannot be read is not known to be missing: *e says why, and it has to be looked at again. */
static bool
something_is_missing(struct window *w, struct err *e)
{
	for (size_t i = 0; i < w->journal.lifts.n; i++) {
		const struct lift *lift = &w->journal.lifts.v[i];
		struct err why = ERR_INIT;
		unsigned left_s;
		if (!lift_is_watched(w, lift))
			continue;
		enum lift_state state = lift_inspect(w, lift, &left_s, &why);
		if (state == LIFT_NOT_LIFTED || state == LIFT_DRIFTED)
			return true;
		if (state == LIFT_UNKNOWN)
			lift_err(e, ERR_FAILED, lift, state, &why);
	}
	return false;
}

/*
 * A refresh in many steps brings more rules after it was lifted again: all that we lifted is still
 * there, and yet something blocks. What others add beside the geo-blocks does not count.
 */
static bool
something_is_new(struct window *w, struct watched *result)
{
	struct err e = ERR_INIT;
	struct counted now = { .wishes = window_wished(w), .missing = w->counted.missing };
	int64_t start = boottime_ms();
	if (start < w->counted.next) {
		result->later = true;
		return false;
	}
	int failed = window_count(w, &now.steps, &e);
	w->counted.next = boottime_ms() + COUNT_SHARE * (boottime_ms() - start);
	if (failed)
		return false;
	bool more = now.wishes == w->counted.wishes && now.steps > w->counted.steps;
	now.next = w->counted.next;
	w->counted = now;
	return more;
}

/* Why the window has to end now, or NULL. */
static const char *
reason_to_close(struct window *w, unsigned events)
{
	const char *how = window_prune(w);
	if (w->journal.state != JOURNAL_OPEN)
		return "recovered";
	if (!w->journal.leases.n)
		return how;
	if ((events & WATCH_TERMINATED) && !an_owner_lives(&w->journal.leases))
		return "terminated";
	return NULL;
}

/* Leases that have ended are told once. */
static void
save_leases(struct window *w)
{
	struct err e = ERR_INIT;
	if (window_save(w, JOURNAL_OPEN, &e))
		log_event_take(LOG_WARNING, "journal", NULL, "%s", e.msg);
}

/* The expiries of all lifts, a heartbeat from now. Re-opens what has expired meanwhile. */
static int
beat(struct window *w, struct err *e)
{
	struct err unsaved = ERR_INIT;
	window_note_expiry(w);
	/* The file is only for telling until when: the lifts are in it already. */
	if (window_save_expiry(w, &unsaved))
		log_event_take(LOG_WARNING, "journal", NULL, "%s", unsaved.msg);
	return window_beat(w, false, e);
}

static int
stop(struct window *w, bool panic, struct watched *result, struct err *e)
{
	result->stopped = true;
	log_event_take(LOG_WARNING, "refresh", NULL,
		       "the firewall was changed under window %s%s: the window ends",
		       w->journal.window, panic ? " again and again" : "");
	return window_close(w, "refresh", e);
}

/* To be lifted again as a whole. */
static int
take_back_all(struct window *w, struct err *e)
{
	for (size_t i = 0; i < w->journal.lifts.n; i++)
		w->journal.lifts.v[i].applied = false;
	return window_take_back(w, "", e);
}

static int
refreshed(struct window *w, unsigned events, struct watched *result, struct err *e)
{
	struct err unread = ERR_INIT;
	bool gone = something_is_missing(w, &unread);
	if (!gone && unread.code) {
		*e = unread;
		return err_wrap(e, "looking what a refresh of the firewall has left");
	}
	bool more = !gone && something_is_new(w, result);
	if (!gone && !more && !w->counted.missing && w->journal.lifts.n)
		return 0;
	/* What is only added never wins: it may be a script that takes its time. */
	bool panic = gone && (events & WATCH_STOP);
	if (panic || ((gone || more) && w->journal.on_refresh == REFRESH_STOP))
		return stop(w, panic, result, e);
	if (w->journal.on_refresh == REFRESH_STOP)
		return 0;
	int failed = more ? take_back_all(w, e) : 0;
	/* Also where nothing blocked: the block may have come with the refresh. */
	w->counted.missing = failed || window_relift(w, &result->relifted, e);
	if (w->counted.missing) {
		result->missing = true;
		return -1;
	}
	result->relifted = result->relifted && !more;
	return 0;
}

static int
watch(struct window *w, unsigned events, struct watched *result, struct err *e)
{
	size_t leases = w->journal.leases.n;
	const char *how = reason_to_close(w, events);
	if (how)
		return window_close(w, how, e);
	if (w->journal.leases.n != leases)
		save_leases(w);
	struct err unsettled = ERR_INIT;
	int stuck = window_settle(w, &unsettled);
	int failed = events & WATCH_REFRESHED ? refreshed(w, events, result, e) : 0;
	/* What is there stays open, whatever is missing. */
	if (w->there && (events & WATCH_BEAT) && beat(w, e))
		failed = -1;
	if (stuck && w->there) {
		/* It is worse that something is open that nobody asked for. */
		result->missing = false;
		*e = unsettled;
	}
	return failed || stuck ? -1 : 0;
}

int
window_watch(struct window *w, unsigned events, struct watched *result, struct err *e)
{
	*result = (struct watched){ 0 };
	/* A journal that cannot be read is none that is gone. */
	if (window_look(w, e)) {
		result->unread = true;
		return -1;
	}
	bool was_there = w->there;
	int failed = was_there ? watch(w, events, result, e) : 0;
	result->over = !w->there;
	result->closed = was_there && !w->there;
	return failed;
}

int
window_orphans(struct window *w, const struct journal *gone, bool closed, struct err *e)
{
	const struct lifts *lifts = &gone->lifts;
	int failed = 0;
	closed = closed && lasting_is_forgotten(w, gone->window);
	for (size_t i = lifts->n; i-- > 0;) {
		struct names notes = { 0 };
		struct err unread = ERR_INIT;
		unsigned left_s;
		if (closed && lifts->v[i].survives_boot)
			continue;
		if (lift_inspect(w, &lifts->v[i], &left_s, &unread) == LIFT_NOT_LIFTED)
			continue;
		if (lift_put_back(w, &lifts->v[i], &notes, e))
			failed = -1;
		names_fini(&notes);
	}
	if (!failed)
		lasting_forget_window(w, gone->window);
	return failed;
}
