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

#define REVERT_TRIES 3
#define EXPIRY_SLACK_S 2u /* the kernel's timers and ours start in different seconds */

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
	journal_fini(&w->journal);
	w->there = false;
}

int
window_save(struct window *w, enum journal_state state, struct err *e)
{
	w->journal.state = state;
	if (lasting_save(w, e))
		return -1;
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
	return lasting_recover(w, e);
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

enum lift_state
lift_inspect(struct window *w, const struct lift *lift, unsigned *left_s, struct err *e)
{
	const struct open_backend *on = backends_get(w->backends, lift->backend, e);
	*left_s = 0;
	return on ? on->ops->inspect(on->backend, lift->record, left_s, e) : LIFT_UNKNOWN;
}

int
lift_err(struct err *e, enum err_code code, const struct lift *lift, enum lift_state state,
	 const struct err *why)
{
	char name[NAME_BUF];
	return err_set(e, code, "%s is %s%s%s",
		       err_name(name, lift->targets.n ? lift->targets.v[0] : lift->backend),
		       story_lift_state(state), why->code ? ": " : "", why->code ? why->msg : "");
}

void
window_hold_lock(const struct window *w, const struct open_backend *on)
{
	if (on->ops->hold)
		on->ops->hold(on->backend, w->state->lock);
}

/* Reverts and looks: only what is seen to be gone is gone. */
int
lift_put_back(struct window *w, const struct lift *lift, struct names *notes, struct err *e)
{
	const struct open_backend *on = backends_get(w->backends, lift->backend, e);
	struct err why = ERR_INIT;
	enum lift_state state = LIFT_UNKNOWN;
	unsigned left_s;
	if (!on)
		return -1;
	window_hold_lock(w, on);
	for (int i = 0; i < REVERT_TRIES; i++) {
		struct err unread = ERR_INIT;
		why = ERR_INIT;
		(void)on->ops->revert(on->backend, lift->record, notes, &why);
		state = lift_inspect(w, lift, &left_s, &unread);
		if (state == LIFT_NOT_LIFTED)
			return 0;
		if (!why.code)
			why = unread;
	}
	return lift_err(e, ERR_FAILED, lift, state, &why);
}

/* From the last one down to the first; goes on after a failure, and keeps what failed. */
int
window_put_back_from(struct window *w, size_t first, struct names *notes, struct err *e)
{
	int failed = 0;
	for (size_t i = w->journal.lifts.n; i-- > first;) {
		if (lift_put_back(w, &w->journal.lifts.v[i], notes, e))
			failed = -1;
		else
			lifts_drop(&w->journal.lifts, i);
	}
	return failed;
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

int
window_close(struct window *w, const char *how, struct err *e)
{
	struct names notes = { 0 };
	struct flow_covers covers = { 0 };
	struct err uncut = ERR_INIT;
	struct journal *j = &w->journal;
	leases_fini(&j->leases);
	save_closing(w);
	window_cover_flows(w, &covers);
	int failed = window_put_back_from(w, 0, &notes, e);
	int living = window_cut_flows(w, &covers, &uncut);
	if (failed) {
		save_closing(w);
		story_lines(LOG_WARNING, "drift", "", &notes);
		err_wrap(e, "window %s could not be closed", j->window);
		fate_may_be_open(e, j);
	} else {
		window_tell_closed(w, how, &notes);
		window_forget(w);
		if (living)
			*e = uncut;
	}
	names_fini(&notes);
	return failed || living ? -1 : 0;
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

/* Closes what a dead process has left half done, and what has expired. */
int
window_recover(struct window *w, struct err *e)
{
	if (!w->there)
		return 0;
	const char *how = window_prune(w);
	if (w->journal.state != JOURNAL_OPEN)
		return window_close(w, "recovered", e);
	return w->journal.leases.n ? 0 : window_close(w, how, e);
}

enum applied
lift_apply(struct window *w, const struct planned *planned, struct lift *lift, struct err *e)
{
	const struct backend_ops *ops = planned->on->ops;
	struct err why = ERR_INIT, unread = ERR_INIT;
	enum lift_state state = LIFT_NOT_LIFTED;
	unsigned left_s;
	window_hold_lock(w, planned->on);
	enum outcome outcome = ops->apply(planned->on->backend, planned->plan, &why);
	if (outcome == OUTCOME_UNKNOWN)
		state = lift_inspect(w, lift, &left_s, &unread);
	if (outcome == OUTCOME_DONE || state == LIFT_LIFTED)
		return APPLIED;
	*e = why;
	if (!e->code)
		err_set(e, ERR_FAILED, "the backend gave no reason");
	err_wrap(e, "lifting by %s failed", ops->name);
	/* Anything but a whole lift that is known not to be there has to be reverted. */
	return state == LIFT_NOT_LIFTED && (ops->caps & BACKEND_ATOMIC) ? APPLIED_NOTHING
									: APPLIED_PERHAPS;
}

bool
lift_is_watched(struct window *w, const struct lift *lift)
{
	struct err e = ERR_INIT;
	const struct open_backend *on = backends_get(w->backends, lift->backend, &e);
	return on && on->ops->generation;
}

bool
lift_beats(const struct open_backend *on, const struct lift *lift)
{
	return (on->ops->caps & (unsigned)BACKEND_HEARTBEAT) &&
	       (!on->ops->beats || on->ops->beats(lift->record));
}

/* The expiry that a lift gets now, in seconds. */
static unsigned
expiry_of(const struct window *w, const struct open_backend *on, const struct lift *lift)
{
	const struct journal *j = &w->journal;
	return planning_expiry(boottime_left(leases_expiry(&j->leases)), j->heartbeat_s,
			       on && lift_beats(on, lift));
}

static int
extend_one(struct window *w, const struct lift *lift, struct err *e)
{
	struct err why = ERR_INIT;
	unsigned left_s;
	const struct open_backend *on = backends_get(w->backends, lift->backend, e);
	if (!on)
		return -1;
	unsigned expiry_s = expiry_of(w, on, lift);
	enum lift_state state = lift_inspect(w, lift, &left_s, &why);
	if (state == LIFT_LIFTED && left_s >= expiry_s && left_s <= expiry_s + EXPIRY_SLACK_S)
		return 0;
	why = ERR_INIT;
	window_hold_lock(w, on);
	enum outcome outcome = on->ops->extend(on->backend, lift->record, expiry_s, &why);
	if (outcome == OUTCOME_DONE)
		return 0;
	if (outcome == OUTCOME_UNKNOWN) {
		struct err unread = ERR_INIT;
		state = lift_inspect(w, lift, &left_s, &unread);
		if (state == LIFT_LIFTED && left_s + EXPIRY_SLACK_S >= expiry_s)
			return 0;
	}
	*e = why;
	if (!e->code)
		lift_err(e, ERR_FAILED, lift, state, &why);
	return err_wrap(e, "extending the window failed");
}

void
window_note_expiry(struct window *w)
{
	struct journal *j = &w->journal;
	int64_t latest = 0;
	for (size_t i = 0; i < j->lifts.n; i++) {
		struct err e = ERR_INIT;
		const struct lift *lift = &j->lifts.v[i];
		const struct open_backend *on = backends_get(w->backends, lift->backend, &e);
		int64_t end = boottime_now() + expiry_of(w, on, lift);
		latest = end > latest ? end : latest;
	}
	j->expiry = latest ? latest : leases_expiry(&j->leases);
}

/* The first n lifts stay open until the last lease ends, or for a heartbeat. */
int
window_extend(struct window *w, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (extend_one(w, &w->journal.lifts.v[i], e))
			return -1;
	return 0;
}

int
window_beat(struct window *w, struct err *e)
{
	for (size_t i = 0; i < w->journal.lifts.n; i++) {
		const struct lift *lift = &w->journal.lifts.v[i];
		const struct open_backend *on = backends_get(w->backends, lift->backend, e);
		if (!on || (lift_beats(on, lift) && extend_one(w, lift, e)))
			return -1;
	}
	return 0;
}

int
window_verify(struct window *w, size_t first, struct err *e)
{
	for (size_t i = first; i < w->journal.lifts.n; i++) {
		const struct lift *lift = &w->journal.lifts.v[i];
		struct err why = ERR_INIT;
		unsigned left_s;
		enum lift_state state = lift_inspect(w, lift, &left_s, &why);
		if (state != LIFT_LIFTED) {
			lift_err(e, ERR_VERIFY, lift, state, &why);
			return err_wrap(e, "verification failed");
		}
	}
	return 0;
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

int
window_give_back(struct window *w, const struct lease *lease, const struct process *guard,
		 struct err *e)
{
	char holders[LEASES_TEXT_MAX];
	if (window_look(w, e))
		return -1;
	if (!w->there)
		return window_sweep_leftovers(w, e);
	size_t before = w->journal.leases.n;
	/* First ours, which may be void by now: its owner may have died. */
	size_t dropped = drop_leases(w, lease, guard);
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
		return 0;
	e->code = ERR_OPEN;
	fate_add(e, "the lease was not given back; the window stays open for %s",
		 leases_text(holders, &w->journal.leases));
	return -1;
}

int
window_restore(struct window *w, struct err *e)
{
	struct names notes = { 0 };
	struct err first = ERR_INIT, swept = ERR_INIT;
	int unread = window_look(w, &first);
	int open = !unread && w->there ? window_close(w, "restore", &first) : 0;
	int marks = window_sweep(w, &swept);
	if (open && w->there && !marks && !window_put_back_from(w, 0, &notes, &swept)) {
		/* The sweep has removed what the record could not. */
		window_tell_closed(w, "restore", &notes);
		window_forget(w);
		open = 0;
	}
	names_fini(&notes);
	struct err old = ERR_INIT;
	int lasting = lasting_recover(w, &old);
	if (!unread && !open && !marks && !lasting)
		return 0;
	*e = unread || open ? first : marks ? swept : old;
	e->code = ERR_OPEN;
	return -1;
}

int
window_restore_stale(struct window *w, struct err *e)
{
	char holders[LEASES_TEXT_MAX];
	if (window_look(w, e) || window_recover(w, e) || lasting_recover(w, e))
		return -1;
	if (!w->there)
		return window_sweep(w, e);
	log_event_take(LOG_INFO, "held", NULL, "window %s stays open for %s", w->journal.window,
		       leases_text(holders, &w->journal.leases));
	return 0;
}
