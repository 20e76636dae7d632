/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window: closed -> opening -> open -> closing -> closed. Only here a backend's mutations are
 * called (apply, extend and revert in window_lift.c), and the journal is written before each of
 * them, so that whoever dies in between leaves behind what the next caller needs.
 *
 * Every function here needs the state's lock and held signals, but window_leftovers, window_await
 * and window_wait. Error messages end in what is open now.
 *
 * What a firewall has accepted, and takes its time with, is in the journal and waited for without
 * the lock: then functions here return -1 with waiting.pending set, and are called again after
 * window_wait, with the lock again. Meanwhile anybody may have gone on with it.
 */
#ifndef GEOPAUSE_WINDOW_H
#define GEOPAUSE_WINDOW_H

#include "backends.h"
#include "journal.h"
#include "request.h"
#include "state.h"

/* Lifts that are being taken back, and what was seen of that so far. */
struct waiting {
	struct lifts lifts;    /* what window_wait waits for: their backends and records */
	struct names reverted; /* transactions of which all was accepted */
	unsigned waits;        /* so far, */
	unsigned failed;       /* and of these: the firewall said that it had failed */
	bool pending;          /* there is something to wait for */
	bool undo;             /* after a window_take that has failed: window_finish, then tell */
	bool last; /* it was waited for in vain: what cannot be taken back now is an error */
};

/* Of one window, however many calls it takes. */
struct closing {
	char window[TXN_BUF]; /* which, */
	const char *how;      /* and why */
	struct names notes;
	struct err uncut; /* flows that may live on */
};

struct window {
	const struct state *state;
	struct backends *backends;
	struct identity id;
	char file[JOURNAL_NAME_MAX];
	struct names sweeps; /* backends whose marks are ours to sweep */
	struct journal journal;
	bool there;          /* there is a window; the journal is filled */
	bool able;           /* the watchdog has all rights that we have */
	bool returned;       /* window_give_back has found a lease to give back */
	const char *known;   /* the window that this lease was taken in; NULL: not known */
	bool yields;         /* a newer version's journal is left alone: it has its own watchdog */
	const char *history; /* the directory of the history */
	bool waits;          /* the caller looks at waiting.pending; else it is waited for here */
	struct waiting waiting;
	struct closing closing;
	bool lasts;      /* there may be a copy of the journal that outlives the boot */
	struct counted { /* the watchdog's: how much there was to lift when it looked last */
		size_t steps;
		size_t wishes; /* of so many wishes and ports */
		int64_t next;  /* not to be counted again before: CLOCK_BOOTTIME, ms */
		bool missing;  /* and not all of it could be lifted */
	} counted;
};

int window_init(struct window *w, const struct state *state, struct backends *backends,
		const char *history, struct err *e);
/* Marks of these targets' backends will be swept, too. */
int window_add_sweep(struct window *w, const char *backend, struct err *e);
int window_sweeps(struct window *w, const struct policy *policy, struct err *e);
void window_fini(struct window *w);

/*
 * Opens the window, or joins it and lifts what is missing. On success the lease (copied, its
 * expiry filled in) is in the journal and every lift was seen in the live firewall. heartbeat_s:
 * a watchdog will move expiries of that length on; 0: there is none.
 */
int window_take(struct window *w, const struct request *request, unsigned heartbeat_s,
		struct lease *lease, struct err *e);
/*
 * Waits until all lifts are in force, where a firewall takes its time; here without the lock.
 * ERR_VERIFY: one will not be. What is not seen is told, and no error.
 */
int window_await(struct window *w, struct err *e);
/* Is there anything to wait for? */
bool window_takes_time(struct window *w);
/*
 * After window_await, with the lock again, if it can be had: is this window still open for this
 * lease? Begins what could not be begun before. *more: there is something to wait for, again.
 */
int window_awaited(struct window *w, const struct lease *lease, bool *more, struct err *e);
/* Without the lock: for a while, for what is pending. */
void window_wait(struct window *w);
/* Then, with the lock again: what a window_take that has failed has to take back. */
int window_finish(struct window *w, struct err *e);
/* And this is what is open now; *unclosed: why it could not be taken back, if so. */
void window_tell_undone(const struct window *w, const struct err *unclosed, struct err *e);
/* There is no watchdog after all: the lifts last as long as the leases, these window_s at most. */
int window_unwatched(struct window *w, unsigned window_s, struct err *e);
/*
 * Gives back the lease, and all that were taken under the guard (either may be NULL); the last one
 * closes the window. Having none is success. Afterwards w->there: others hold it.
 */
int window_give_back(struct window *w, const struct lease *lease, const struct process *guard,
		     struct err *e);
/* Closes whatever is open, whoever holds it, and sweeps the live firewall. */
int window_restore(struct window *w, struct err *e);
/* Closes what nobody holds any more; a window with a live lease is left open, and said. */
int window_restore_stale(struct window *w, struct err *e);
/* Only the sweep, where there cannot be a journal. */
int window_sweep(struct window *w, struct err *e);
/* Our marks in the live firewall that belong to no lift in the journal; writes nothing. */
int window_leftovers(struct window *w, const struct lifts *lifts, struct names *found,
		     struct err *e);

/* --- the watchdog's, window_watch.c --- */

enum window_event {
	WATCH_TERMINATED = 1 << 0, /* SIGTERM: close, unless an owner lives */
	WATCH_REFRESHED = 1 << 1,  /* somebody changed the firewall */
	WATCH_BEAT = 1 << 2,       /* time to move the expiries on */
	WATCH_STOP = 1 << 3,       /* close: the firewall is loaded again and again */
};

struct watched {
	bool over;     /* there is no window any more, whatever else failed */
	bool unread;   /* the journal could not be read: nothing is known */
	bool closed;   /* by this call, */
	bool stopped;  /* under a client that goes on */
	bool relifted; /* what a refresh had removed was lifted again, or almost */
	bool missing;  /* it could not be lifted again, yet */
	bool later;    /* look again at counted.next: counting now would cost too much */
};

/* Looks at everything, and does what is to be done. On errors it is asked again later. */
int window_watch(struct window *w, unsigned events, struct watched *result, struct err *e);
/*
 * What stands in the firewall by the lifts of this journal, which is gone, is taken out. closed: it
 * may have been closed by somebody. Then what outlives a boot, and may take long to be asked, is
 * looked at only if the journal's lasting copy is still there.
 */
int window_orphans(struct window *w, const struct journal *gone, bool closed, struct err *e);

#endif
