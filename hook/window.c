/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "clocks.h"
#include "fate.h"
#include "log.h"
#include "planning.h"
#include "story.h"
#include "window_private.h"

#define REVERT_TRIES 3
#define EXPIRY_SLACK_S 2u /* the kernel's timers and ours start in different seconds */

int
window_init(struct window *w, const struct state *state, struct backends *backends, struct err *e)
{
	*w = (struct window){ .state = state, .backends = backends };
	if (identity_read(&w->id, e))
		return -1;
	journal_name(w->file, w->id.netns);
	return names_add(&w->sweeps, DEFAULT_BACKEND) ? err_set(e, ERR_FAILED, "out of memory") : 0;
}

static int
add_sweep(struct window *w, const char *backend, struct err *e)
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
		if (add_sweep(w, policy->targets[i].backend, e))
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
	return journal_write(w->state->dir, w->file, &w->journal, false, e);
}

/* The window is closed. A file that stays behind says "closing" and does no harm. */
void
window_forget(struct window *w)
{
	struct err e = ERR_INIT;
	if (journal_remove(w->state->dir, w->file, &e))
		log_event_take(LOG_WARNING, "journal", NULL, "%s; nothing is open", e.msg);
	journal_fini(&w->journal);
	w->there = false;
}

/* ERR_OPEN if a sweep failed; another code if a backend could not even be asked. */
static int
sweep(struct window *w, bool look_only, struct names *found, struct err *e)
{
	for (size_t i = 0; i < w->sweeps.n; i++) {
		struct err why = ERR_INIT;
		const char *name = w->sweeps.v[i];
		const struct open_backend *on = backends_get(w->backends, name, &why);
		if (!on && why.sys == ENOENT && !strcmp(name, DEFAULT_BACKEND))
			continue;
		if (!on || on->ops->sweep(on->backend, look_only, found, &why) != OUTCOME_DONE) {
			if (why.code == ERR_NONE)
				err_set(&why, ERR_FAILED, "%s gave no reason", name);
			if (on)
				why.code = ERR_OPEN;
			*e = why;
			return err_wrap(e, "looking for marks of geopause");
		}
	}
	return 0;
}

static int
sweep_marks(struct window *w, struct err *e)
{
	struct names found = { 0 };
	int failed = sweep(w, false, &found, e);
	story_lines(LOG_NOTICE, "swept", failed ? "leftover: " : "removed a leftover: ", &found);
	names_fini(&found);
	return failed;
}

int
window_sweep(struct window *w, struct err *e)
{
	if (!sweep_marks(w, e))
		return 0;
	e->code = ERR_OPEN;
	fate_add(e, "marks of geopause may still be in the firewall; run `geopause restore`");
	return -1;
}

int
window_leftovers(struct window *w, const struct lifts *lifts, struct names *found, struct err *e)
{
	struct names all = { 0 };
	int failed = sweep(w, true, &all, e);
	for (size_t i = 0; !failed && i < all.n; i++) {
		bool ours = false;
		for (size_t k = 0; lifts && k < lifts->n; k++)
			ours = ours || strstr(all.v[i], lifts->v[k].txn);
		if (!ours && names_add(found, all.v[i]))
			failed = err_set(e, ERR_FAILED, "out of memory");
	}
	names_fini(&all);
	return failed;
}

static int
put_aside(struct window *w, const char *why, struct err *e)
{
	char aside[JOURNAL_NAME_MAX];
	if (journal_put_aside(w->state->dir, w->file, aside, e))
		return -1;
	log_event_take(LOG_ERR, "journal-put-aside", json_pack("{s:s}", "file", aside),
		       "the journal %s/%s cannot be used: %s; kept as %s", w->state->path, w->file,
		       why, aside);
	return 0;
}

/* What the journal knew is lost: what it opened is swept, even if the file cannot be renamed. */
static int
put_aside_and_sweep(struct window *w, const char *why, struct err *e)
{
	int aside = put_aside(w, why, e);
	if (aside)
		e->code = ERR_OPEN;
	return window_sweep(w, e) || aside ? -1 : 0;
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
		return put_aside_and_sweep(w, why.msg, e);
	case JOURNAL_GOOD:
	default:
		break;
	}
	for (size_t i = 0; i < w->journal.lifts.n; i++)
		if (add_sweep(w, w->journal.lifts.v[i].backend, e))
			return -1;
	const char *foreign = foreign_journal(w);
	if (foreign) {
		journal_fini(&w->journal);
		return put_aside(w, foreign, e);
	}
	w->there = true;
	if (!strcmp(w->journal.id.boot, w->id.boot))
		return 0;
	/* The kernel's rules are gone, but a ruleset saved in the window may have been loaded. */
	if (window_sweep(w, e))
		return -1;
	log_event_take(LOG_NOTICE, "journal-dropped", NULL,
		       "window %s ended with the boot in which it was opened", w->journal.window);
	window_forget(w);
	return 0;
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

static int
close_window(struct window *w, const char *how, struct err *e)
{
	struct names notes = { 0 };
	struct err unsaved = ERR_INIT;
	struct journal *j = &w->journal;
	leases_fini(&j->leases);
	/* Without it the file still names every lift, which is all that a revert needs. */
	if (j->lifts.n && window_save(w, JOURNAL_CLOSING, &unsaved))
		log_event_take(LOG_WARNING, "journal", NULL, "%s; restoring all the same",
			       unsaved.msg);
	int failed = window_put_back_from(w, 0, &notes, e);
	if (failed) {
		unsaved = ERR_INIT;
		(void)window_save(w, JOURNAL_CLOSING, &unsaved);
		story_lines(LOG_WARNING, "drift", "", &notes);
		err_wrap(e, "window %s could not be closed", j->window);
		fate_may_be_open(e, j);
	} else {
		story_closed(j, how, &notes);
		window_forget(w);
	}
	names_fini(&notes);
	return failed;
}

/* Closes what a dead process has left half done, and what has expired. */
int
window_recover(struct window *w, struct err *e)
{
	if (!w->there)
		return 0;
	leases_prune(&w->journal.leases);
	if (w->journal.state != JOURNAL_OPEN)
		return close_window(w, "recovered", e);
	return w->journal.leases.n ? 0 : close_window(w, "expired", e);
}

enum applied
lift_apply(struct window *w, const struct planned *planned, struct lift *lift, struct err *e)
{
	const struct backend_ops *ops = planned->on->ops;
	struct err why = ERR_INIT, unread = ERR_INIT;
	enum lift_state state = LIFT_NOT_LIFTED;
	unsigned left_s;
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

static int
extend_one(struct window *w, const struct lift *lift, unsigned expiry_s, struct err *e)
{
	struct err why = ERR_INIT;
	unsigned left_s;
	enum lift_state state = lift_inspect(w, lift, &left_s, &why);
	if (state == LIFT_LIFTED && left_s >= expiry_s)
		return 0;
	const struct open_backend *on = backends_get(w->backends, lift->backend, e);
	if (!on)
		return -1;
	why = ERR_INIT;
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

/* The first n lifts stay open until the last lease ends. */
int
window_extend(struct window *w, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (extend_one(w, &w->journal.lifts.v[i],
			       boottime_left(leases_expiry(&w->journal.leases)), e))
			return -1;
	return 0;
}

int
window_verify(struct window *w, struct err *e)
{
	for (size_t i = 0; i < w->journal.lifts.n; i++) {
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

/* Without a window. A firewall that cannot be asked, and that no window concerns, is no failure. */
static int
sweep_leftovers(struct window *w, struct err *e)
{
	struct err why = ERR_INIT;
	log_event_take(LOG_INFO, "no-window", NULL, "there is no window");
	if (!sweep_marks(w, &why))
		return 0;
	if (why.code != ERR_OPEN) {
		log_event_take(LOG_WARNING, "unswept", NULL, "%s", why.msg);
		return 0;
	}
	fate_add(&why, "marks of geopause may still be in the firewall; run `geopause restore`");
	*e = why;
	return -1;
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
		 bool *gone, struct err *e)
{
	char holders[LEASES_TEXT_MAX];
	*gone = false;
	if (window_look(w, e))
		return -1;
	*gone = !w->there;
	if (!w->there)
		return sweep_leftovers(w, e);
	size_t before = w->journal.leases.n;
	/* First ours, which may be void by now: its owner may have died. */
	size_t dropped = drop_leases(w, lease, guard);
	if (w->journal.state == JOURNAL_OPEN) {
		leases_prune(&w->journal.leases);
		if (!w->journal.leases.n && close_window(w, dropped ? "post" : "expired", e))
			return -1;
	} else if (window_recover(w, e)) {
		return -1;
	}
	*gone = !w->there;
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
window_renew(struct window *w, const struct lease *lease, unsigned window_s, bool *more,
	     struct err *e)
{
	*more = false;
	if (window_look(w, e))
		return -1;
	struct lease *mine = w->there ? leases_find(&w->journal.leases, lease) : NULL;
	if (!mine || w->journal.state != JOURNAL_OPEN) {
		log_event_take(LOG_WARNING, "lease-gone", NULL,
			       "the lease is gone: somebody has closed the window");
		return 0;
	}
	struct journal *j = &w->journal;
	int64_t wanted = boottime_now() + window_s;
	/* Stopped for too long: the kernel has closed the window, and it stays closed. */
	if (!boottime_left(mine->expires) || !boottime_left(j->deadline)) {
		log_event_take(LOG_WARNING, "lease-gone", NULL,
			       "the lease has expired; the window is closed");
		return 0;
	}
	*more = wanted < j->deadline;
	mine->expires = *more ? wanted : j->deadline;
	if (j->expiry < leases_expiry(&j->leases))
		j->expiry = leases_expiry(&j->leases);
	if (window_save(w, JOURNAL_OPEN, e) || window_extend(w, j->lifts.n, e))
		return -1;
	return window_verify(w, e);
}

int
window_restore(struct window *w, struct err *e)
{
	struct names notes = { 0 };
	struct err first = ERR_INIT, swept = ERR_INIT;
	int unread = window_look(w, &first);
	int open = !unread && w->there ? close_window(w, "restore", &first) : 0;
	int marks = window_sweep(w, &swept);
	if (open && !marks && !window_put_back_from(w, 0, &notes, &swept)) {
		/* The sweep has removed what the record could not. */
		story_closed(&w->journal, "restore", &notes);
		window_forget(w);
		open = 0;
	}
	names_fini(&notes);
	if (!unread && !open && !marks)
		return 0;
	*e = unread || open ? first : swept;
	e->code = ERR_OPEN;
	return -1;
}
