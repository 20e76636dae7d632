/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of things, and what a death in between leaves:
 *
 * opening   journal "opening" | apply each | inspect each | journal "open"
 *           Died before "open": nobody was told that it is open; the watchdog, which was there
 *           before, reverts, or the next caller.
 * joining   journal the lease and the lifts to come, still "open" | apply | extend | inspect |
 *           journal that they are applied
 *           Died: the others' window goes on; the lease ends in time, and the watchdog or the next
 *           caller takes back what is not known to be applied.
 * closing   journal "closing" | revert each, backwards | inspect each | remove the journal
 *           Died: the watchdog or the next caller goes on reverting, which is idempotent.
 *
 * And whatever happens, the kernel's own expiry closes each lift within a heartbeat.
 */
#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "clocks.h"
#include "fate.h"
#include "history.h"
#include "lasting.h"
#include "log.h"
#include "planning.h"
#include "signals.h"
#include "signature.h"
#include "story.h"
#include "window_private.h"

/* What window_take has done so far, for undoing it. */
struct change {
	const struct lease *key;
	bool fresh;           /* this call opens the window */
	bool rights;          /* the watchdog of an open window has given up none */
	bool renewed;         /* the lease was there */
	int64_t expires;      /* before, if renewed */
	struct wishes wishes; /* before */
	bool spare;           /* some of the ports are lifted for the first time */
	bool wished;          /* the wishes may have changed */
	bool claimed;         /* the lease is in our copy of the journal */
	bool journaled;       /* and what is to be lifted in the file */
	size_t first;         /* the lifts from here on are ours */
	size_t applied;       /* of these: may be in the firewall */
	int64_t end;          /* of the leases, before */
	unsigned heartbeat_s;
};

/* A program of the backend's may need any, which a watchdog without such a one gives up. */
static bool
needs_rights(const struct open_backend *on)
{
	return (on->ops->caps & (unsigned)BACKEND_ALL_RIGHTS) != 0;
}

static int
begin(struct window *w, const struct request *rq, struct change *change, struct err *e)
{
	struct journal *j = &w->journal;
	change->fresh = !w->there;
	change->rights = w->able;
	change->first = j->lifts.n;
	for (size_t i = 0; i < j->lifts.n; i++) {
		const struct open_backend *on = backends_get(w->backends, j->lifts.v[i].backend, e);
		if (!on)
			return -1;
		change->rights |= needs_rights(on);
	}
	if (w->there)
		return 0;
	*j = (struct journal){ .state = JOURNAL_OPENING, .id = w->id };
	j->opened = boottime_now();
	j->opened_wall = wall_now();
	j->deadline = j->opened + rq->policy.max_window_s;
	j->on_refresh = rq->policy.on_refresh;
	j->flows = rq->policy.flows;
	w->there = true;
	return txn_new(j->window, e);
}

/*
 * Lifts that somebody else has removed are taken out, so that they count as missing. watched: only
 * those whose firewalls' changes are seen.
 */
static int
mend(struct window *w, bool watched, struct change *change, struct err *e)
{
	bool gone = false;
	for (size_t i = w->journal.lifts.n; i-- > 0;) {
		struct lift *lift = &w->journal.lifts.v[i];
		struct err why = ERR_INIT;
		unsigned left_s;
		bool more;
		if (watched && !lift_is_watched(w, lift))
			continue;
		enum lift_state state = lift_inspect(w, lift, &left_s, &why);
		if (state == LIFT_LIFTED || state == LIFT_CLOSED || state == LIFT_PENDING)
			continue;
		if (state == LIFT_UNKNOWN)
			return lift_err(e, ERR_FAILED, lift, state, &why);
		/* What is not begun yet is not gone. */
		(void)lift_is_pending(w, lift, &more);
		lift->applied = lift->applied && more;
		gone = gone || !more;
	}
	int failed =
		gone ? window_take_back(w, "somebody else changed the firewall meanwhile: ", e) : 0;
	change->first = w->journal.lifts.n;
	return failed;
}

/* For as long as the lease may last: its owner's life, if somebody watches over that. */
static void
set_end(const struct journal *j, const struct request *rq, struct lease *lease)
{
	bool owned = lease->kind == LEASE_OWNER && j->heartbeat_s && !lease->unseen;
	lease->expires = boottime_now() + (owned ? rq->owned_s : rq->window_s);
	if (lease->expires <= j->deadline)
		return;
	lease->expires = j->deadline;
	if (boottime_left(j->deadline) < rq->window_s)
		log_event_take(LOG_WARNING, "max-window", NULL,
			       "window %s reaches max_window: this lease ends in %u s", j->window,
			       boottime_left(j->deadline));
}

/* What a refresh has closed in between was let in by this window. */
static bool
asks_for_more(const struct journal *j, const struct ports *ports)
{
	struct ports left = *ports;
	for (size_t i = 0; i < j->wishes.n; i++)
		left = ports_minus(&left, &j->wishes.v[i].ports);
	return left.n > 0;
}

static int
wish(struct journal *j, const struct request *rq)
{
	json_t *policy = policy_document(rq->policy.targets, rq->policy.n_targets);
	int failed = policy ? wishes_begin(&j->wishes, policy, !rq->policy.file, &rq->ports) : -1;
	json_decref(policy);
	return failed;
}

static int
claim(struct window *w, const struct request *rq, struct lease *lease, struct change *change,
      struct err *e)
{
	struct journal *j = &w->journal;
	j->heartbeat_s = change->heartbeat_s;
	change->end = leases_expiry(&j->leases);
	set_end(j, rq, lease);
	struct lease *old = lease->kind == LEASE_TIMED ? NULL : leases_find(&j->leases, lease);
	change->key = lease;
	if (old) {
		change->renewed = true;
		change->expires = old->expires;
		old->expires = lease->expires;
	} else if (!leases_add(&j->leases, lease)) {
		return err_set(e, ERR_FAILED, "out of memory");
	}
	change->claimed = true;
	if (wishes_copy(&change->wishes, &j->wishes))
		return err_set(e, ERR_FAILED, "out of memory");
	change->wished = true;
	change->spare = asks_for_more(j, &rq->ports);
	return wish(j, rq) ? err_set(e, ERR_FAILED, "out of memory") : 0;
}

static void
disclaim(struct window *w, struct change *change)
{
	struct leases *leases = &w->journal.leases;
	if (change->wished) {
		wishes_fini(&w->journal.wishes);
		w->journal.wishes = change->wishes;
		change->wishes = (struct wishes){ 0 };
	}
	if (!change->claimed)
		return;
	/* A timed one that was added is the newest, at the end. */
	struct lease *mine =
		change->renewed ? leases_find(leases, change->key) : &leases->v[leases->n - 1];
	if (change->renewed)
		mine->expires = change->expires;
	else
		leases_drop(leases, mine);
}

/*
 * The watchdog of an open window has kept the rights that the window's backends need; what joins
 * must not need more, or the watchdog could not take it back.
 */
static int
check_rights(const struct window *w, const struct planning *planning, bool kept, struct err *e)
{
	for (size_t i = 0; i < planning->n; i++) {
		const struct planned *planned = &planning->v[i];
		if (!kept && planned->plan->n && needs_rights(planned->on))
			return err_set(
				e, ERR_FAILED,
				"window %s is open without any %s target, and its watchdog "
				"has given up the rights that this one needs: try again when "
				"the window is closed (see `geopause status`)",
				w->journal.window, planned->on->ops->name);
	}
	return 0;
}

static int
save(struct window *w, const struct change *change, struct err *e)
{
	return window_save(w, change->fresh ? JOURNAL_OPENING : JOURNAL_OPEN, e);
}

/* Plans what is missing and journals it, with the lease, before anything is changed. */
static int
prepare(struct window *w, const struct policy *policy, const struct ports *ports,
	struct planning *planning, struct change *change, struct err *e)
{
	struct journal *j = &w->journal;
	const struct planning_input input = {
		.targets = policy->targets,
		.n = policy->n_targets,
		.ports = *ports,
		.lifts = &j->lifts,
		.expiry_s = boottime_left(leases_expiry(&j->leases)),
		.heartbeat_s = j->heartbeat_s,
		.applied = true,
	};
	if (planning_make(planning, w->backends, &input, e))
		return -1;
	story_plan(planning);
	if (!change->fresh && j->heartbeat_s && check_rights(w, planning, change->rights, e))
		return -1;
	for (size_t i = 0; i < planning->n; i++)
		if (planning->v[i].plan->n && planned_journal(&planning->v[i], &j->lifts, e))
			return -1;
	window_note_expiry(w);
	change->journaled = true;
	return save(w, change, e);
}

/* What took long to apply has let the heartbeats of the others pass. */
static int
catch_up(struct window *w, int64_t since_ms, struct err *e)
{
	const unsigned heartbeat_s = w->journal.heartbeat_s;
	if (!heartbeat_s || boottime_ms() - since_ms < 1000 * (int64_t)heartbeat_s / 3)
		return 0;
	return window_beat(w, true, e);
}

static int
apply(struct window *w, const struct planning *planning, struct change *change, struct err *e)
{
	const int64_t begin = boottime_ms();
	for (size_t i = 0; i < planning->n; i++) {
		struct lift *lift = &w->journal.lifts.v[change->first + change->applied];
		if (!planning->v[i].plan->n)
			continue;
		enum applied applied = lift_apply(w, &planning->v[i], lift, e);
		change->applied += applied != APPLIED_NOTHING;
		if (applied != APPLIED || planned_update(&planning->v[i], lift, e))
			return -1;
		(void)lift_is_pending(w, lift, NULL);
		/* No sweep finds it by what the program has told only now. */
		if (lift->survives_boot && save(w, change, e))
			return -1;
		if (change->spare)
			window_spare_flows(w, lift);
	}
	return catch_up(w, begin, e);
}

/* They were seen, and what was asked for is. */
static void
settle(struct journal *j, size_t first, bool applied)
{
	for (size_t i = first; i < j->lifts.n; i++)
		j->lifts.v[i].applied = applied;
	if (applied)
		wishes_settle(&j->wishes, true);
}

static int
commit(struct window *w, const struct change *change, struct err *e)
{
	struct journal *j = &w->journal;
	bool more = change->fresh || change->applied || wishes_are_begun(&j->wishes);
	settle(j, change->first, true);
	if (more && window_save(w, JOURNAL_OPEN, e))
		return -1;
	return signals_check(e);
}

/* What this call has lifted; an open window's other lifts stay. */
static int
take_back(struct window *w, const struct change *change, struct err *e)
{
	if (change->fresh)
		return window_close(w, "rollback", e);
	int failed = window_take_back(w, "", e);
	if (e->code)
		fate_begun_may_be_open(e, &w->journal);
	return failed;
}

/*
 * Takes back what window_take has done; e is why, and gets what is open now, unless that takes its
 * time. Without e something was to be waited for before anything could be done.
 */
static void
undo(struct window *w, struct change *change, struct err *e)
{
	struct journal *j = &w->journal;
	struct err unclosed = ERR_INIT;
	while (j->lifts.n > change->first + change->applied)
		lifts_drop(&j->lifts, j->lifts.n - 1);
	settle(j, change->first, false);
	disclaim(w, change);
	if (!e->code)
		return;
	if (change->fresh && !change->applied) {
		window_forget(w);
		fate_add(e, "nothing was changed");
		return;
	}
	if (change->journaled)
		(void)take_back(w, change, &unclosed);
	w->waiting.undo = w->waiting.pending;
	if (!w->waiting.undo)
		window_tell_undone(w, &unclosed, e);
}

static void
tell_taken(const struct window *w, const struct request *rq, const struct change *change)
{
	const struct journal *j = &w->journal;
	if (!j->lifts.n)
		story_nothing_blocks(&rq->ports, rq->policy.n_targets);
	else if (change->fresh || j->lifts.n > change->first)
		story_opened(j, &rq->ports, change->key);
	if (!change->fresh)
		story_lease(j, change->renewed ? "renewed" : "added", change->key);
	if (change->fresh && j->lifts.n)
		history_opened(w->history, j, change->key);
	else if (j->lifts.n)
		history_joined(w->history, j, change->key);
}

int
window_take(struct window *w, const struct request *rq, unsigned heartbeat_s, struct lease *lease,
	    struct err *e)
{
	struct change change = { .key = lease, .heartbeat_s = heartbeat_s };
	struct planning planning = { 0 };
	if (window_look(w, e) || window_recover(w, e) || lasting_recover(w, NULL, e))
		return -1;
	int failed =
		begin(w, rq, &change, e) || mend(w, false, &change, e) ||
		claim(w, rq, lease, &change, e) ||
		prepare(w, &rq->policy, &rq->ports, &planning, &change, e) ||
		apply(w, &planning, &change, e) ||
		window_extend(w, change.first, leases_expiry(&w->journal.leases) > change.end, e) ||
		window_verify(w, 0, e) || commit(w, &change, e);
	if (failed)
		undo(w, &change, e);
	else
		tell_taken(w, rq, &change);
	wishes_fini(&change.wishes);
	planning_fini(&planning);
	return failed ? -1 : 0;
}

int
window_unwatched(struct window *w, unsigned window_s, struct err *e)
{
	struct journal *j = &w->journal;
	int64_t end = boottime_now() + window_s;
	for (size_t i = 0; i < j->leases.n; i++)
		if (j->leases.v[i].kind == LEASE_OWNER && j->leases.v[i].expires > end)
			j->leases.v[i].expires = end;
	j->heartbeat_s = 0;
	window_note_expiry(w);
	return window_save(w, JOURNAL_OPEN, e) || window_extend(w, j->lifts.n, false, e);
}

/* The targets of a wish: as the policy said, or what is a geo-block now. */
static int
wish_targets(struct window *w, const struct wish *wish, struct policy *policy, struct err *e)
{
	policy_init(policy);
	if (wish->discovered)
		return request_discover(policy, &wish->ports, w->backends, NULL, e);
	char *text = json_dumps(wish->policy, JSON_COMPACT | JSON_ENSURE_ASCII);
	int failed = text ? policy_parse(policy, w->file, text, strlen(text), e)
			  : err_set(e, ERR_FAILED, "out of memory");
	free(text);
	return failed;
}

static int
lift_wish(struct window *w, const struct wish *wish, struct change *change, struct err *e)
{
	struct planning planning = { 0 };
	struct policy policy;
	if (wish_targets(w, wish, &policy, e)) {
		policy_fini(&policy);
		return -1;
	}
	/* It is the watchdog who lifts: whatever its rights are, it has them still. */
	*change = (struct change){ .first = w->journal.lifts.n, .rights = true };
	int failed = prepare(w, &policy, &wish->ports, &planning, change, e) ||
		     apply(w, &planning, change, e) || window_verify(w, change->first, e);
	if (!failed && change->applied) {
		settle(&w->journal, change->first, true);
		failed = window_save(w, JOURNAL_OPEN, e);
	}
	w->counted.steps += failed ? 0 : planning_steps(&planning);
	if (failed)
		undo(w, change, e);
	planning_fini(&planning);
	policy_fini(&policy);
	return failed;
}

static int
count_wish(struct window *w, const struct wish *wish, size_t *steps, struct err *e)
{
	struct planning planning = { 0 };
	struct policy policy;
	int failed = wish_targets(w, wish, &policy, e);
	const struct planning_input input = { .targets = policy.targets,
					      .n = policy.n_targets,
					      .ports = wish->ports,
					      .expiry_s = 1,
					      .watched = true };
	failed = failed || planning_make(&planning, w->backends, &input, e);
	*steps += failed ? 0 : planning_steps(&planning);
	planning_fini(&planning);
	policy_fini(&policy);
	return failed ? -1 : 0;
}

int
window_count(struct window *w, size_t *steps, struct err *e)
{
	*steps = 0;
	for (size_t i = 0; i < w->journal.wishes.n; i++)
		if (count_wish(w, &w->journal.wishes.v[i], steps, e))
			return -1;
	return 0;
}

size_t
window_wished(const struct window *w)
{
	const struct wishes *wishes = &w->journal.wishes;
	size_t n = wishes->n;
	for (size_t i = 0; i < wishes->n; i++)
		n += wishes->v[i].ports.n;
	return n;
}

int
window_relift(struct window *w, bool *relifted, struct err *e)
{
	struct change change = { 0 };
	size_t before = w->journal.lifts.n;
	*relifted = false;
	if (mend(w, true, &change, e))
		return -1;
	/* At once, so that what is gone is told once, even if nothing can be lifted now. */
	if (w->journal.lifts.n < before && window_save(w, JOURNAL_OPEN, e))
		return -1;
	/* What is planned now is all there is to lift, unless some of it still is. */
	size_t wished = w->journal.lifts.n ? 0 : window_wished(w);
	w->counted.steps = w->counted.wishes = 0;
	for (size_t i = 0; i < w->journal.wishes.n; i++) {
		int failed = lift_wish(w, &w->journal.wishes.v[i], &change, e);
		/* Also what was taken back, because the next refresh came before it was seen. */
		*relifted = *relifted || change.applied;
		if (failed)
			return -1;
	}
	w->counted.wishes = wished;
	if (*relifted)
		log_event_take(LOG_NOTICE, "relifted", NULL,
			       "window %s was lifted again after the firewall was changed",
			       w->journal.window);
	return 0;
}
