/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that may end a window is looked at 20 times a second, the owners' deaths at once:
 *
 * owners       pidfd_open(2)
 * SIGTERM      restore now, unless an owner lives: systemd sends it to what a unit leaves behind
 * journal      others join and close: its file is another one then
 * generation   of the firewall: a refresh of the ruleset may have removed the lift. Polled, because
 *              a multicast listener would slow the administrator's `nft -f` down
 * clock        CLOCK_BOOTTIME, which goes on in suspend; nobody sets it
 */
#include "watchdog_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alert.h"
#include "backend.h"
#include "clocks.h"
#include "lasting.h"
#include "log.h"

#define POLL_MS 50
#define QUIET_POLLS 2u /* a refresh in many transactions is waited for: so many polls at most */
#define RETRY_MS 1000
#define RETRY_TIMES_MAX 30u
#define KEEPER_MS 40
#define LOCK_WAIT_S 10u
#define RELIFTS_MAX 4u /* in RELIFTS_MS: a panic loop of reloads wins */
#define RELIFTS_MS 60000
#define RELIFT_TRIES 10u
#define OWNERS_MAX 64

struct watch {
	struct window *w;
	struct state *state;
	const char *lock_file; /* our own, in the state directory */
	struct journal last;   /* as it was seen last */
	struct stat file;      /* the journal's */
	bool unseen;           /* something was lifted, and its journal was not seen yet */
	struct pollfd fds[OWNERS_MAX + 1];
	nfds_t n_fds; /* the first is the signalfd */
	bool blind;   /* an owner has no pidfd: it has ended already, or has to be looked at */
	uint64_t generation[BACKENDS_MAX];
	unsigned pending;            /* enum window_event: not acted upon yet */
	unsigned changing;           /* polls since the generation began to change */
	int64_t next_beat, retry_at; /* boottime, ms; 0: none yet */
	unsigned failures;
	int64_t relifts[RELIFTS_MAX]; /* when; a ring */
	unsigned n_relifts;
};

/* --- what is looked at --- */

static int
open_pidfd(const struct process *process)
{
	int fd = process_is_here(process) ? (int)syscall(SYS_pidfd_open, process->pid, 0) : -1;
	if (fd >= 0 && process_may_live(process))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
watch_owners(struct watch *watch)
{
	const struct leases *leases = &watch->last.leases;
	for (nfds_t i = 1; i < watch->n_fds; i++)
		close(watch->fds[i].fd < 0 ? -1 - watch->fds[i].fd : watch->fds[i].fd);
	watch->n_fds = 1;
	watch->blind = false;
	for (size_t i = 0; i < leases->n; i++) {
		if (leases->v[i].kind != LEASE_OWNER)
			continue;
		int fd = watch->n_fds <= OWNERS_MAX ? open_pidfd(&leases->v[i].owner) : -1;
		if (fd >= 0)
			watch->fds[watch->n_fds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		else
			watch->blind = true;
	}
}

static bool
a_keeper_lives(const struct watch *watch)
{
	const struct leases *leases = &watch->last.leases;
	for (size_t i = 0; i < leases->n; i++)
		if (leases->v[i].keeper.pid && process_may_live(&leases->v[i].keeper))
			return true;
	return false;
}

static bool
an_owner_is_gone(const struct leases *leases)
{
	for (size_t i = 0; i < leases->n; i++)
		if (leases->v[i].kind == LEASE_OWNER && !process_may_live(&leases->v[i].owner))
			return true;
	return false;
}

/* A `geopause run` that lives has heard it, too, and is given a moment to close by itself. */
static bool
an_owner_died(struct watch *watch)
{
	bool died = watch->blind && an_owner_is_gone(&watch->last.leases);
	for (nfds_t i = 1; i < watch->n_fds; i++) {
		if (!watch->fds[i].revents)
			continue;
		watch->fds[i].events = 0;
		watch->fds[i].fd = -1 - watch->fds[i].fd; /* poll(2) passes it over */
		died = true;
	}
	int64_t at = boottime_ms() + (a_keeper_lives(watch) ? KEEPER_MS : 0);
	if (died && (!watch->retry_at || at < watch->retry_at))
		watch->retry_at = at;
	return watch->retry_at && boottime_ms() >= watch->retry_at;
}

static bool
was_terminated(const struct watch *watch)
{
	struct signalfd_siginfo info;
	return (watch->fds[0].revents & POLLIN) &&
	       read(watch->fds[0].fd, &info, sizeof(info)) == (ssize_t)sizeof(info);
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct stat
journal_file(const struct watch *watch)
{
	struct stat st;
	if (fstatat(watch->state->dir, watch->w->file, &st, AT_SYMLINK_NOFOLLOW))
		st = (struct stat){ 0 };
	return st;
}

/* Updates what is known. A firewall that cannot be asked has not changed: the beat will tell. */
static bool
generation_changed(struct watch *watch)
{
	struct backends *backends = watch->w->backends;
	bool changed = false;
	for (size_t i = 0; i < backends->n; i++) {
		const struct open_backend *on = &backends->v[i];
		struct err e = ERR_INIT;
		uint64_t now;
		if (!on->ops->generation || on->ops->generation(on->backend, &now, &e))
			continue;
		changed = changed || now != watch->generation[i];
		watch->generation[i] = now;
	}
	return changed;
}

/* True once the firewall was changed and is quiet again, or does not become quiet. */
static bool
was_refreshed(struct watch *watch)
{
	bool changed = generation_changed(watch);
	if (!changed && !watch->changing)
		return false;
	/* The more often it was lifted again, the more patience: it may be one long script. */
	unsigned patience = watch->n_relifts < RELIFTS_MAX ? watch->n_relifts : RELIFTS_MAX;
	if (changed && watch->changing++ < QUIET_POLLS << patience)
		return false;
	watch->changing = 0;
	return true;
}

static bool
a_lease_expired(const struct watch *watch)
{
	const struct leases *leases = &watch->last.leases;
	for (size_t i = 0; i < leases->n; i++)
		if (!boottime_left(leases->v[i].expires))
			return true;
	return false;
}

/* --- what is done --- */

static void
note_relift(struct watch *watch)
{
	watch->relifts[watch->n_relifts++ % RELIFTS_MAX] = boottime_ms();
}

static bool
too_many_relifts(const struct watch *watch)
{
	int64_t oldest = watch->relifts[watch->n_relifts % RELIFTS_MAX];
	return watch->n_relifts >= RELIFTS_MAX && boottime_ms() - oldest < RELIFTS_MS;
}

static void
complain(struct watch *watch, const struct err *e)
{
	if (watch->failures++)
		return;
	log_failure(e);
	alert_send("watchdog", (int)e->code, e->msg);
}

/* Longer and longer: whatever fails may not be mended for hours. */
static int64_t
retry_ms(const struct watch *watch)
{
	unsigned times = watch->failures < RETRY_TIMES_MAX ? watch->failures : RETRY_TIMES_MAX;
	return RETRY_MS * (int64_t)(times ? times : 1);
}

/* The state directory was deleted under us: there is nobody to share the lock with. */
static bool
directory_is_gone(const struct watch *watch)
{
	struct stat st;
	return !fstat(watch->state->dir, &st) && st.st_nlink == 0;
}

/* Takes the lock. 1: there is no directory any more. */
static int
lock(struct watch *watch, struct err *e)
{
	if (directory_is_gone(watch))
		return 1;
	return state_lock(watch->state, LOCK_WAIT_S, e);
}

static void
remember(struct watch *watch, struct watched *result)
{
	journal_fini(&watch->last);
	watch->last = watch->w->journal;
	watch->w->journal = (struct journal){ 0 };
	watch->unseen = false;
	watch->w->there = false;
	watch->file = journal_file(watch);
	watch_owners(watch);
	if (result->relifted)
		note_relift(watch);
}

/* Whoever closes a window leaves our own file alone, unlike somebody who cleans up. */
static bool
may_be_closed(const struct watch *watch)
{
	return watch->state->lock >= 0 &&
	       !faccessat(watch->state->dir, watch->lock_file, F_OK, AT_SYMLINK_NOFOLLOW);
}

/*
 * The journal is gone, and not by us: nothing of what it named may stay. False if it does, and has
 * to be tried again.
 */
static bool
clean_up(struct watch *watch)
{
	struct err e = ERR_INIT;
	int failed = window_orphans(watch->w, &watch->last, may_be_closed(watch), &e);
	/* It was gone before we could see what it named. */
	if (!failed && watch->unseen)
		failed = window_sweep(watch->w, &e) ||
			 (watch->state->lock >= 0 && lasting_recover(watch->w, NULL, &e));
	if (!failed)
		return true;
	if (!e.code && watch->w->waiting.pending)
		return false;
	e.code = ERR_OPEN;
	complain(watch, &e);
	return false;
}

/* Nothing else is to be watched until then. */
static void
clean_up_later(struct watch *watch)
{
	leases_fini(&watch->last.leases);
	watch_owners(watch);
	watch->file = journal_file(watch);
	watch->next_beat = watch->retry_at = boottime_ms() + retry_ms(watch);
}

/* What the journal said when it could be read: if nobody of these is left, it is closed. */
static void
close_unread(struct watch *watch)
{
	watch->file = journal_file(watch);
	if (!leases_held(&watch->last.leases))
		(void)clean_up(watch);
}

/*
 * Whoever joins may bring a shorter heartbeat. Expiries run since they were asked for: there may
 * have been a suspend, or a busy machine, before we looked.
 */
static void
set_next_beat(struct watch *watch, bool beaten)
{
	unsigned heartbeat_s =
		watch->last.heartbeat_s ? watch->last.heartbeat_s : POLICY_HEARTBEAT_DEFAULT_S;
	int64_t next_ms = 1000 * (int64_t)heartbeat_s / 3;
	int64_t left_ms = 1000 * (int64_t)boottime_left(watch->last.expiry);
	if (!beaten && watch->last.lifts.n && left_ms < next_ms)
		next_ms = left_ms;
	int64_t next = boottime_ms() + next_ms;
	if (beaten || !watch->next_beat || next < watch->next_beat)
		watch->next_beat = next;
}

/* Under the lock. True when there is nothing left to watch. */
static bool
act(struct watch *watch, unsigned events)
{
	struct watched result;
	struct err e = ERR_INIT;
	int failed = window_watch(watch->w, events, &result, &e);
	if (result.stopped)
		alert_send("refresh", ERR_FAILED,
			   "the firewall was changed under the window, which has ended before its "
			   "client: the certificate may fail");
	if (result.over) {
		if (e.code)
			complain(watch, &e);
		if (result.closed || clean_up(watch))
			return true;
		clean_up_later(watch);
		return false;
	}
	const bool waits = watch->w->waiting.pending;
	failed = failed && !waits;
	if (failed && !result.missing)
		complain(watch, &e);
	else if (failed && !watch->failures++)
		log_event_take(LOG_WARNING, "relift", NULL,
			       "the firewall was changed and cannot be lifted again: %s", e.msg);
	else if (!failed)
		watch->failures = 0;
	watch->pending = result.unread ? events : 0;
	if (result.unread)
		close_unread(watch);
	else
		remember(watch, &result);
	/* What is not there to be lifted is not asked for for ever; another change will tell. */
	bool again = failed && !(result.missing && watch->failures > RELIFT_TRIES);
	watch->retry_at = again ? boottime_ms() + retry_ms(watch) : 0;
	if (waits)
		watch->retry_at = boottime_ms();
	else if (!again && result.later)
		watch->retry_at = watch->w->counted.next;
	set_next_beat(watch, events & WATCH_BEAT);
	return false;
}

static bool
tick_once(struct watch *watch, unsigned events)
{
	struct err e = ERR_INIT;
	int locked = lock(watch, &e);
	if (locked > 0) {
		if (clean_up(watch))
			return true;
		clean_up_later(watch);
		return false;
	}
	if (locked < 0) {
		complain(watch, &e);
		watch->pending |= events;
		watch->retry_at = boottime_ms() + retry_ms(watch);
		return false;
	}
	if (watch->retry_at)
		events |= WATCH_REFRESHED | WATCH_BEAT;
	if (too_many_relifts(watch))
		events |= WATCH_STOP;
	bool over = act(watch, events | watch->pending);
	if (over)
		(void)unlinkat(watch->state->dir, watch->lock_file, 0);
	state_unlock(watch->state);
	return over;
}

static bool
tick(struct watch *watch, unsigned events)
{
	bool over = tick_once(watch, events);
	if (watch->w->waiting.pending)
		window_wait(watch->w);
	return over;
}

/* Looks at all; true if something is to be done. */
static bool
look(struct watch *watch, unsigned *events)
{
	int64_t now = boottime_ms();
	struct stat file = journal_file(watch);
	*events = 0;
	if (was_terminated(watch))
		*events |= WATCH_TERMINATED;
	if (was_refreshed(watch))
		*events |= WATCH_REFRESHED;
	if (now >= watch->next_beat)
		*events |= WATCH_BEAT;
	return *events || an_owner_died(watch) || a_lease_expired(watch) ||
	       !same_file(&file, &watch->file) || (watch->retry_at && now >= watch->retry_at);
}

void
watchdog_loop(struct window *w, struct state *state, const char *lock_file, bool lifted)
{
	struct watch watch = {
		.w = w, .state = state, .lock_file = lock_file, .n_fds = 1, .unseen = lifted
	};
	unsigned events = WATCH_REFRESHED; /* in the moment before it was watched */
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	watch.fds[0] = (struct pollfd){ .fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK),
					.events = POLLIN };
	while (!tick(&watch, events))
		do
			(void)poll(watch.fds, watch.n_fds, POLL_MS);
		while (!look(&watch, &events));
	journal_fini(&watch.last);
}
