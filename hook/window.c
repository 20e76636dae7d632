/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "clocks.h"
#include "fate.h"
#include "history.h"
#include "lasting.h"
#include "log.h"
#include "planning.h"
#include "story.h"
#include "window_private.h"

int
window_init(struct window *w, const struct state *state, struct backends *backends,
	    const char *history, struct err *e)
{
	*w = (struct window){ .state = state, .backends = backends, .history = history };
	if (identity_read(&w->id, e))
		return -1;
	journal_name(w->file, w->id.netns);
	for (const char *const *name = default_backends; *name; name++)
		if (names_add(&w->sweeps, *name))
			return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}

int
window_add_sweep(struct window *w, const char *backend, struct err *e)
{
	for (size_t i = 0; i < w->sweeps.n; i++)
		if (!strcmp(w->sweeps.v[i], backend))
			return 0;
	return names_add(&w->sweeps, backend) ? err_set(e, ERR_FAILED, "out of memory") : 0;
}

int
window_sweeps(struct window *w, const struct policy *policy, struct err *e)
{
	for (size_t i = 0; i < policy->n_targets; i++)
		if (window_add_sweep(w, policy->targets[i].backend, e))
			return -1;
	return 0;
}

void
window_fini(struct window *w)
{
	names_fini(&w->sweeps);
	names_fini(&w->closing.notes);
	names_fini(&w->waiting.reverted);
	while (w->waiting.lifts.n)
		lifts_drop(&w->waiting.lifts, w->waiting.lifts.n - 1);
	free(w->waiting.lifts.v);
	journal_fini(&w->journal);
	w->there = false;
}

int
window_save(struct window *w, enum journal_state state, struct err *e)
{
	w->journal.state = state;
	/* The copy last: one without a journal would look like a leftover. */
	return journal_write(w->state->dir, w->file, &w->journal, false, e) || lasting_save(w, e)
		       ? -1
		       : 0;
}

int
window_save_expiry(struct window *w, struct err *e)
{
	return journal_write(w->state->dir, w->file, &w->journal, false, e);
}

/* The window is closed. A file that stays behind says "closing" and does no harm. */
void
window_forget(struct window *w)
{
	struct err e = ERR_INIT;
	/* The copy first: while the journal is there, everybody goes by that. */
	lasting_forget(w);
	if (journal_remove(w->state->dir, w->file, &e))
		log_event_take(LOG_WARNING, "journal", NULL, "%s; nothing is open", e.msg);
	journal_fini(&w->journal);
	w->there = false;
}

/* Never acted on: a cloned image's, or a file that was renamed. */
static const char *
foreign_journal(const struct window *w)
{
	if (strcmp(w->journal.id.machine, w->id.machine) != 0)
		return "it was written on another machine";
	if (w->journal.id.netns != w->id.netns)
		return "it was written for another network namespace";
	return NULL;
}

/* Of another boot. What it opened elsewhere than in the kernel is still there. */
static int
drop_journal(struct window *w, struct err *e)
{
	if (journal_remove(w->state->dir, w->file, e))
		return -1;
	journal_fini(&w->journal);
	w->there = false;
	return lasting_recover(w, NULL, e);
}

/* Reads the journal; what does not count here and now is put aside or dropped. */
int
window_look(struct window *w, struct err *e)
{
	struct err why = ERR_INIT;
	switch (journal_read(w->state->dir, w->file, &w->journal, &why)) {
	case JOURNAL_NONE:
		return 0;
	case JOURNAL_UNREADABLE:
		*e = why;
		e->code = ERR_OPEN;
		fate_add(e, "a window may be open until its expiry; run `geopause restore`");
		return -1;
	case JOURNAL_BAD:
		if (w->yields && journal_is_newer(w->state->dir, w->file))
			return 0;
		return window_put_aside_and_sweep(w, why.msg, e);
	case JOURNAL_GOOD:
	default:
		break;
	}
	for (size_t i = 0; i < w->journal.lifts.n; i++)
		if (window_add_sweep(w, w->journal.lifts.v[i].backend, e))
			return -1;
	const char *foreign = foreign_journal(w);
	if (foreign) {
		journal_fini(&w->journal);
		return window_put_aside(w, foreign, e);
	}
	w->there = true;
	lasting_look(w);
	if (!strcmp(w->journal.id.boot, w->id.boot))
		return 0;
	/* The kernel's rules are gone, but a ruleset saved in the window may have been loaded. */
	if (window_sweep(w, e))
		return -1;
	log_event_take(LOG_NOTICE, "journal-dropped", NULL,
		       "window %s ended with the boot in which it was opened", w->journal.window);
	return drop_journal(w, e);
}

/* The journal says "closing"; without it the file still names every lift: all a revert needs. */
static void
save_closing(struct window *w)
{
	struct err unsaved = ERR_INIT;
	if (w->journal.lifts.n && window_save(w, JOURNAL_CLOSING, &unsaved))
		log_event_take(LOG_WARNING, "journal", NULL, "%s; restoring all the same",
			       unsaved.msg);
}

void
window_tell_closed(const struct window *w, const char *how, const struct names *notes)
{
	story_closed(&w->journal, how, notes);
	history_closed(w->history, &w->journal, how, notes->n == 0);
}

/* The first step of it, or another. */
static void
begin_closing(struct window *w, const char *how)
{
	struct closing *closing = &w->closing;
	if (!strcmp(closing->window, w->journal.window))
		return;
	names_fini(&closing->notes);
	*closing = (struct closing){ .how = how };
	memcpy(closing->window, w->journal.window, sizeof(closing->window));
}

static void
end_closing(struct window *w)
{
	names_fini(&w->closing.notes);
	w->closing = (struct closing){ 0 };
	window_end_waiting(w);
}

/*
 * All, or those that are not known to be applied, from the last one down to the first; goes on
 * after a failure, and keeps what failed. -1 without an error: some takes its time.
 */
static int
put_back(struct window *w, bool applied, struct names *notes, struct err *e)
{
	struct lifts *lifts = &w->journal.lifts;
	int failed = 0;
	for (size_t i = lifts->n; i-- > 0;) {
		if (!applied && lifts->v[i].applied)
			continue;
		if (lift_put_back(w, &lifts->v[i], notes, e))
			failed = -1;
		else
			lifts_drop(lifts, i);
	}
	return failed;
}

int
window_close(struct window *w, const char *how, struct err *e)
{
	struct flow_covers covers = { 0 };
	struct err why = ERR_INIT;
	struct journal *j = &w->journal;
	begin_closing(w, how);
	leases_fini(&j->leases);
	save_closing(w);
	window_cover_flows(w, &covers);
	int failed = put_back(w, true, &w->closing.notes, &why);
	(void)window_cut_flows(w, &covers, &w->closing.uncut);
	if (failed)
		save_closing(w);
	if (w->waiting.pending)
		return -1;
	if (failed) {
		*e = why;
		story_lines(LOG_WARNING, "drift", "", &w->closing.notes);
		err_wrap(e, "window %s could not be closed", j->window);
		fate_may_be_open(e, j);
	} else {
		window_tell_closed(w, w->closing.how, &w->closing.notes);
		window_forget(w);
		failed = w->closing.uncut.code ? -1 : 0;
		if (failed)
			*e = w->closing.uncut;
	}
	end_closing(w);
	return failed;
}

/* The leases that have ended by themselves. Returns how the last of them did. */
const char *
window_prune(struct window *w)
{
	struct leases *leases = &w->journal.leases;
	const char *how = "expired";
	for (size_t i = leases->n; i-- > 0;) {
		struct lease *lease = &leases->v[i];
		if (!lease_void(lease))
			continue;
		bool died = boottime_left(lease->expires) > 0;
		how = died ? "owner ended" : "expired";
		story_lease(&w->journal, died ? "void, its owner has ended" : "expired", lease);
		leases_drop(leases, lease);
	}
	return how;
}

static bool
is_settled(const struct journal *j)
{
	for (size_t i = 0; i < j->lifts.n; i++)
		if (!j->lifts.v[i].applied)
			return false;
	return !wishes_are_begun(&j->wishes);
}

int
window_take_back(struct window *w, const char *why, struct err *e)
{
	struct names notes = { 0 };
	struct err unsaved = ERR_INIT;
	int failed = put_back(w, false, &notes, e);
	if (window_save(w, JOURNAL_OPEN, &unsaved))
		log_event_take(LOG_WARNING, "journal", NULL, "%s", unsaved.msg);
	story_lines(LOG_WARNING, "drift", why, &notes);
	names_fini(&notes);
	window_end_waiting(w);
	return failed;
}

int
window_settle(struct window *w, struct err *e)
{
	struct journal *j = &w->journal;
	if (!w->there || j->state != JOURNAL_OPEN || is_settled(j))
		return 0;
	wishes_settle(&j->wishes, false);
	int failed = window_take_back(w, "", e);
	if (!failed)
		log_event_take(LOG_NOTICE, "settled", NULL,
			       "window %s: what a call had begun that was killed was taken back",
			       j->window);
	else if (e->code)
		fate_begun_may_be_open(e, j);
	return failed;
}

/* Closes what a dead process has left half done, and what has expired. */
int
window_recover(struct window *w, struct err *e)
{
	if (!w->there)
		return 0;
	const char *how = window_prune(w);
	if (w->journal.state != JOURNAL_OPEN)
		return window_close(w, "recovered", e);
	return w->journal.leases.n ? window_settle(w, e) : window_close(w, how, e);
}

int
window_finish(struct window *w, struct err *e)
{
	return window_look(w, e) || window_recover(w, e) ? -1 : 0;
}

void
window_tell_undone(const struct window *w, const struct err *unclosed, struct err *e)
{
	char holders[LEASES_TEXT_MAX];
	if (unclosed->code) {
		fate_add(e, "rolling back failed, too: %s", unclosed->msg);
		e->code = ERR_OPEN;
	} else if (w->there) {
		fate_add(e, "what this call did was rolled back; the window stays open for %s",
			 leases_text(holders, &w->journal.leases));
	} else {
		fate_add(e, "all was rolled back, nothing is open");
	}
}

static size_t
drop_leases(struct window *w, const struct lease *lease, const struct process *guard)
{
	struct leases *leases = &w->journal.leases;
	struct lease *mine;
	size_t dropped = 0;
	if (lease && (mine = leases_find(leases, lease))) {
		story_lease(&w->journal, "returned", mine);
		leases_drop(leases, mine);
		dropped++;
	}
	for (size_t i = leases->n; guard && i-- > 0;)
		if (process_same(&leases->v[i].guard, guard)) {
			story_lease(&w->journal, "returned", &leases->v[i]);
			leases_drop(leases, &leases->v[i]);
			dropped++;
		}
	return dropped;
}

/* There is no journal; it may be lost, and what it knew of not. */
static int
give_back_nothing(struct window *w, const struct lease *lease, struct err *e)
{
	struct err lasting = ERR_INIT;
	int swept = window_sweep_leftovers(w, e);
	if (!lasting_recover(w, lease, &lasting))
		return swept;
	if (swept)
		log_failure(&lasting);
	else
		*e = lasting;
	return -1;
}

int
window_give_back(struct window *w, const struct lease *lease, const struct process *guard,
		 struct err *e)
{
	char holders[LEASES_TEXT_MAX];
	if (window_look(w, e))
		return -1;
	/* Somebody else has closed it while we waited. */
	if (!w->there && w->returned)
		return 0;
	if (!w->there)
		return give_back_nothing(w, lease, e);
	size_t before = w->journal.leases.n;
	/* First ours, which may be void by now: its owner may have died. */
	size_t dropped = drop_leases(w, lease, guard);
	w->returned = w->returned || dropped > 0;
	if (w->journal.state == JOURNAL_OPEN && dropped) {
		(void)window_prune(w);
		if (!w->journal.leases.n && window_close(w, "post", e))
			return -1;
	} else if (window_recover(w, e)) {
		return -1;
	}
	if (!w->there)
		return 0;
	bool changed = w->journal.leases.n != before;
	log_event_take(LOG_INFO, "held", NULL, "%swindow %s stays open for %s",
		       dropped ? "" : "no lease of this caller; ", w->journal.window,
		       leases_text(holders, &w->journal.leases));
	if (!changed || !window_save(w, JOURNAL_OPEN, e))
		return window_settle(w, e);
	e->code = ERR_OPEN;
	fate_add(e, "the lease was not given back; the window stays open for %s",
		 leases_text(holders, &w->journal.leases));
	return -1;
}

int
window_restore(struct window *w, struct err *e)
{
	struct err first = ERR_INIT, swept = ERR_INIT, old = ERR_INIT;
	int unread = window_look(w, &first);
	int open = !unread && w->there ? window_close(w, "restore", &first) : 0;
	int marks = window_sweep(w, &swept);
	/* The sweep may have removed what the record could not. */
	if (open && w->there && !marks && !w->waiting.pending) {
		first = ERR_INIT;
		open = window_close(w, "restore", &first);
	}
	int lasting = lasting_recover_all(w, &old);
	if (!unread && !open && !marks && !lasting)
		return 0;
	*e = first.code ? first : marks ? swept : old;
	if (e->code)
		e->code = ERR_OPEN;
	return -1;
}

int
window_restore_stale(struct window *w, struct err *e)
{
	char holders[LEASES_TEXT_MAX];
	if (window_look(w, e) || window_recover(w, e) || lasting_recover(w, NULL, e))
		return -1;
	if (!w->there)
		return window_sweep(w, e);
	log_event_take(LOG_INFO, "held", NULL, "window %s stays open for %s", w->journal.window,
		       leases_text(holders, &w->journal.leases));
	return 0;
}
