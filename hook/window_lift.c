/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done to lifts, one by one: the only caller of a backend's apply, extend and revert. When
 * it is done, and what the journal says before, is decided in window.c, window_take.c and
 * window_watch.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "clocks.h"
#include "log.h"
#include "planning.h"
#include "story.h"
#include "window.h"
#include "window_private.h"

#define REVERT_TRIES 3
#define REVERT_TRIES_MS 5000
#define WAITS_MAX 64      /* for one lift's restore, step by step */
#define EXPIRY_SLACK_S 2u /* the kernel's timers and ours start in different seconds */

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

bool
lift_is_pending(struct window *w, const struct lift *lift, bool *more)
{
	struct err e = ERR_INIT;
	const struct open_backend *on = backends_get(w->backends, lift->backend, &e);
	if (more)
		*more = false;
	return on && on->ops->pending && on->ops->pending(on->backend, lift->record, more);
}

static enum outcome
lift_await(struct window *w, const struct lift *lift, struct err *e)
{
	const struct open_backend *on = backends_get(w->backends, lift->backend, e);
	return on && on->ops->await ? on->ops->await(on->backend, lift->record, e) : OUTCOME_DONE;
}

/* --- taking back --- */

enum put_back {
	PUT_BACK_DONE,
	PUT_BACK_PENDING, /* accepted: to be awaited, and called again */
	PUT_BACK_FAILED,
};

static bool
was_reverted(const struct waiting *waiting, const struct lift *lift)
{
	for (size_t i = 0; i < waiting->reverted.n; i++)
		if (!strcmp(waiting->reverted.v[i], lift->txn))
			return true;
	return false;
}

/* Not noted for lack of memory: it is reverted once more. */
static void
note_reverted(struct waiting *waiting, const struct lift *lift)
{
	if (!was_reverted(waiting, lift))
		(void)names_add(&waiting->reverted, lift->txn);
}

static enum put_back
revert(struct window *w, const struct lift *lift, struct names *notes, struct err *e)
{
	const struct open_backend *on = backends_get(w->backends, lift->backend, e);
	struct err why = ERR_INIT;
	enum lift_state state = LIFT_UNKNOWN;
	unsigned left_s;
	if (!on)
		return PUT_BACK_FAILED;
	window_hold_lock(w, on);
	/* What takes its time is asked again later: the others wait for the lock. */
	const int64_t last = boottime_ms() + REVERT_TRIES_MS;
	for (int i = 0; i == 0 || (i < REVERT_TRIES && boottime_ms() < last); i++) {
		struct err unread = ERR_INIT;
		why = ERR_INIT;
		enum outcome outcome = on->ops->revert(on->backend, lift->record, notes, &why);
		if (lift_is_pending(w, lift, NULL) && !w->waiting.last) {
			if (outcome == OUTCOME_DONE)
				note_reverted(&w->waiting, lift);
			return PUT_BACK_PENDING;
		}
		state = lift_inspect(w, lift, &left_s, &unread);
		if (state == LIFT_NOT_LIFTED)
			return PUT_BACK_DONE;
		if (!why.code)
			why = unread;
	}
	lift_err(e, ERR_FAILED, lift, state, &why);
	return PUT_BACK_FAILED;
}

/* Somebody who was killed may have begun less than all: only what we have reverted is gone. */
static enum put_back
put_back_once(struct window *w, const struct lift *lift, struct names *notes, struct err *e)
{
	const bool reverted = was_reverted(&w->waiting, lift);
	struct err unread = ERR_INIT;
	unsigned left_s;
	if (lift_is_pending(w, lift, NULL) || reverted) {
		enum lift_state state = lift_inspect(w, lift, &left_s, &unread);
		if (state == LIFT_NOT_LIFTED && reverted)
			return PUT_BACK_DONE;
		if (state == LIFT_PENDING && !w->waiting.last)
			return PUT_BACK_PENDING;
	}
	return revert(w, lift, notes, e);
}

/* What cannot be noted for lack of memory is asked again at once. */
static void
wait_later(struct waiting *waiting, const struct lift *lift)
{
	struct lift *noted = lifts_add(&waiting->lifts);
	waiting->pending = true;
	if (!noted)
		return;
	noted->record = json_incref(lift->record);
	noted->backend = strdup(lift->backend);
	if (!noted->backend)
		lifts_drop(&waiting->lifts, waiting->lifts.n - 1);
}

int
lift_put_back(struct window *w, const struct lift *lift, struct names *notes, struct err *e)
{
	enum put_back put;
	while ((put = put_back_once(w, lift, notes, e)) == PUT_BACK_PENDING) {
		wait_later(&w->waiting, lift);
		if (w->waits)
			break;
		window_wait(w);
	}
	return put == PUT_BACK_DONE ? 0 : -1;
}

/* waiting->last: one was not done in the time that it had. */
void
window_wait(struct window *w)
{
	struct waiting *waiting = &w->waiting;
	waiting->pending = false;
	waiting->last = waiting->waits++ == WAITS_MAX;
	while (waiting->lifts.n) {
		const struct lift *lift = &waiting->lifts.v[waiting->lifts.n - 1];
		struct err ignored = ERR_INIT;
		enum outcome outcome = lift_is_pending(w, lift, NULL)
					       ? lift_await(w, lift, &ignored)
					       : OUTCOME_DONE;
		waiting->failed += outcome == OUTCOME_NOT_DONE;
		waiting->last = waiting->last || outcome == OUTCOME_UNKNOWN ||
				waiting->failed >= REVERT_TRIES;
		lifts_drop(&waiting->lifts, waiting->lifts.n - 1);
	}
}

void
window_end_waiting(struct window *w)
{
	struct waiting *waiting = &w->waiting;
	if (waiting->pending)
		return;
	names_fini(&waiting->reverted);
	waiting->waits = waiting->failed = 0;
	waiting->last = false;
}

/* --- lifting --- */

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
window_takes_time(struct window *w)
{
	for (size_t i = 0; i < w->journal.lifts.n; i++) {
		struct err e = ERR_INIT;
		const struct open_backend *on =
			backends_get(w->backends, w->journal.lifts.v[i].backend, &e);
		if (on && on->ops->await)
			return true;
	}
	return false;
}

static int
verify(struct window *w, const struct lift *lift, struct err *e)
{
	struct err why = ERR_INIT;
	unsigned left_s;
	enum lift_state state = lift_inspect(w, lift, &left_s, &why);
	if (state == LIFT_LIFTED)
		return 0;
	lift_err(e, ERR_VERIFY, lift, state, &why);
	return err_wrap(e, "verification failed");
}

/* What was pending is to be seen now, if it is all there is; what only settles has been. */
static int
await_one(struct window *w, const struct lift *lift, struct err *e)
{
	const bool pending = lift_is_pending(w, lift, NULL);
	struct err why = ERR_INIT;
	enum outcome outcome = lift_await(w, lift, &why);
	if (outcome == OUTCOME_NOT_DONE) {
		*e = why;
		e->code = ERR_VERIFY;
		return err_wrap(e, "verification failed");
	}
	if (outcome == OUTCOME_UNKNOWN)
		log_event_take(LOG_WARNING, "await", NULL, "%s", why.msg);
	if (!pending || (outcome == OUTCOME_DONE && lift_is_pending(w, lift, NULL)))
		return 0;
	return verify(w, lift, e);
}

int
window_await(struct window *w, struct err *e)
{
	for (size_t i = 0; i < w->journal.lifts.n; i++)
		if (await_one(w, &w->journal.lifts.v[i], e))
			return -1;
	return 0;
}

/* Begins what was left for when the last step is done. */
static int
go_on(struct window *w, const struct lift *lift, bool *more, struct err *e)
{
	const struct open_backend *on = backends_get(w->backends, lift->backend, e);
	struct err why = ERR_INIT;
	if (!on)
		return -1;
	window_hold_lock(w, on);
	enum outcome outcome = on->ops->go_on(on->backend, lift->record, &why);
	const bool pending = lift_is_pending(w, lift, NULL);
	*more = *more || pending;
	if (outcome == OUTCOME_DONE)
		return pending ? 0 : verify(w, lift, e);
	*e = why;
	return err_wrap(e, "lifting by %s failed", lift->backend);
}

/* Somebody else may have put what we have seen back, and lifted it again, or have gone on. */
static int
go_on_all(struct window *w, bool *more, struct err *e)
{
	*more = false;
	for (size_t i = 0; i < w->journal.lifts.n; i++) {
		const struct lift *lift = &w->journal.lifts.v[i];
		bool remains;
		if (!lift_is_pending(w, lift, &remains))
			continue;
		if (!remains || w->state->lock < 0)
			*more = true;
		else if (go_on(w, lift, more, e))
			return -1;
	}
	return 0;
}

int
window_awaited(struct window *w, const struct lease *lease, bool *more, struct err *e)
{
	char window[TXN_BUF];
	struct err unread = ERR_INIT;
	struct journal *j = &w->journal;
	memcpy(window, j->window, sizeof(window));
	journal_fini(j);
	w->there = journal_read(w->state->dir, w->file, j, &unread) == JOURNAL_GOOD;
	if (!w->there || j->state != JOURNAL_OPEN || strcmp(j->window, window) != 0 ||
	    !leases_find(&j->leases, lease))
		return err_set(e, ERR_VERIFY, "the window was closed before all of it was open");
	int failed = go_on_all(w, more, e);
	if (w->state->lock < 0)
		return failed;
	/* Also what is done by now, and not pending any more. */
	unread = ERR_INIT;
	if (!window_save(w, JOURNAL_OPEN, &unread) || failed)
		return failed;
	*e = unread;
	return -1;
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
extend_one(struct window *w, const struct lift *lift, bool later, struct err *e)
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
	if (state == LIFT_LIFTED && !left_s && !later)
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

int
window_extend(struct window *w, size_t n, bool later, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (extend_one(w, &w->journal.lifts.v[i], later, e))
			return -1;
	return 0;
}

int
window_beat(struct window *w, bool begun, struct err *e)
{
	int failed = 0;
	for (size_t i = 0; i < w->journal.lifts.n; i++) {
		const struct lift *lift = &w->journal.lifts.v[i];
		struct err why = ERR_INIT;
		const struct open_backend *on = backends_get(w->backends, lift->backend, &why);
		if (on && (!lift_beats(on, lift) || (!begun && !lift->applied)))
			continue;
		if (on && !extend_one(w, lift, true, &why))
			continue;
		/* The others must not expire for that. */
		failed = -1;
		if (!e->code)
			*e = why;
	}
	return failed;
}

int
window_verify(struct window *w, size_t first, struct err *e)
{
	for (size_t i = first; i < w->journal.lifts.n; i++)
		if (!lift_is_pending(w, &w->journal.lifts.v[i], NULL) &&
		    verify(w, &w->journal.lifts.v[i], e))
			return -1;
	return 0;
}
