/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the window's files, and lasting.c, do for each other. Nobody else includes it. */
#ifndef GEOPAUSE_WINDOW_PRIVATE_H
#define GEOPAUSE_WINDOW_PRIVATE_H

#include "planning.h"
#include "window.h"

/* The journal: read it (what does not count here is put aside), write it, remove it. */
int window_look(struct window *w, struct err *e);
int window_save(struct window *w, enum journal_state state, struct err *e);
/* The journal alone: until when is no business of the copy that outlives a boot. */
int window_save_expiry(struct window *w, struct err *e);
void window_forget(struct window *w);
/*
 * In an open window, what is not known to be applied, and ports that are not known to be lifted: a
 * call was killed while it joined. It is taken back, whatever became of it.
 */
int window_settle(struct window *w, struct err *e);
/* Closes what a dead process has left half done, and what has expired; settles the rest. */
int window_recover(struct window *w, struct err *e);
/* Drops the leases that have ended; returns how the last of them did. */
const char *window_prune(struct window *w);
/* To the log and the history; how: see story_closed. */
void window_tell_closed(const struct window *w, const char *how, const struct names *notes);
/*
 * In an open window: those of its lifts that are not known to be applied. why: before each note of
 * what somebody else has changed.
 */
int window_take_back(struct window *w, const char *why, struct err *e);
/* Nothing is waited for any more: what was seen of it is forgotten. */
void window_end_waiting(struct window *w);
/* Reverts everything, whoever holds it. how: see story_closed. */
int window_close(struct window *w, const char *how, struct err *e);
/* Never acted on again: kept under another name; then what it may have opened is swept. */
int window_put_aside(struct window *w, const char *why, struct err *e);
int window_put_aside_and_sweep(struct window *w, const char *why, struct err *e);
/* The sweep where there is no window: a firewall that cannot be asked is no failure then. */
int window_sweep_leftovers(struct window *w, struct err *e);

enum lift_state lift_inspect(struct window *w, const struct lift *lift, unsigned *left_s,
			     struct err *e);
/* "TARGET is only partly there: why" */
int lift_err(struct err *e, enum err_code code, const struct lift *lift, enum lift_state state,
	     const struct err *why);

enum applied {
	APPLIED,
	APPLIED_NOTHING,
	APPLIED_PERHAPS, /* has to be reverted */
};

/* Updates lift->record, which has to be saved then. */
enum applied lift_apply(struct window *w, const struct planned *planned, struct lift *lift,
			struct err *e);
/* Before a mutation: whatever the backend starts for it holds the lock as well. */
void window_hold_lock(const struct window *w, const struct open_backend *on);
/*
 * Is a change of it accepted and, as far as is known, not done? The record says so then. *more (may
 * be NULL): there is more to be lifted when it is.
 */
bool lift_is_pending(struct window *w, const struct lift *lift, bool *more);
/*
 * Reverts and looks: only what is seen to be gone is gone. -1 without an error: it takes its time,
 * and is to be called again.
 */
int lift_put_back(struct window *w, const struct lift *lift, struct names *notes, struct err *e);
/* Do we see that somebody changed its firewall? If not, nobody says so, and asking may be dear. */
bool lift_is_watched(struct window *w, const struct lift *lift);
/* Is its expiry a heartbeat, or the window's end? */
bool lift_beats(const struct open_backend *on, const struct lift *lift);
/* journal.expiry becomes what the lifts get now; to be saved before they do. */
void window_note_expiry(struct window *w);
/*
 * The first n lifts stay open until the last lease ends, or for a heartbeat. later: that end has
 * moved; if not, what never expires and what does not say when is left alone.
 */
int window_extend(struct window *w, size_t n, bool later, struct err *e);
/*
 * Those whose expiry is a heartbeat; the others have the window's end already. begun: also those
 * that are not known to be applied yet.
 */
int window_beat(struct window *w, bool begun, struct err *e);
/*
 * Every lift from the first on must be seen in the live firewall, else ERR_VERIFY; but what is
 * pending, which window_await sees.
 */
int window_verify(struct window *w, size_t first, struct err *e);

/* How many steps a plan of all the journal's wishes has now, whatever is lifted. */
int window_count(struct window *w, size_t *steps, struct err *e);
/* How much is wished for: what was counted holds for that. */
size_t window_wished(const struct window *w);
/* Lifts again what is missing of the journal's wishes; window_take.c. */
int window_relift(struct window *w, bool *relifted, struct err *e);

/* "flows": "cut", window_flows.c. */
struct flow_covers {
	struct flow_cover {
		const struct open_backend *on;
		struct cover *cover;
	} * v;
	size_t n;
};
/* What is covered by this first lift of its ports was there before, and is not ours to cut. */
void window_spare_flows(struct window *w, const struct lift *lift);
/* Before the lifts are reverted: what they cover. */
void window_cover_flows(struct window *w, struct flow_covers *covers);
/* Afterwards: cuts them, and empties *covers. ERR_OPEN if some may live on. */
int window_cut_flows(struct window *w, struct flow_covers *covers, struct err *e);

#endif
