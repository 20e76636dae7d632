/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What window.c, which alone changes firewalls, does for window_take.c. Nobody else includes it. */
#ifndef GEOPAUSE_WINDOW_PRIVATE_H
#define GEOPAUSE_WINDOW_PRIVATE_H

#include "planning.h"
#include "window.h"

/* The journal: read it (what does not count here is put aside), write it, remove it. */
int window_look(struct window *w, struct err *e);
int window_save(struct window *w, enum journal_state state, struct err *e);
void window_forget(struct window *w);
/* Closes what a dead process has left half done, and what has expired. */
int window_recover(struct window *w, struct err *e);

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
/* Reverts and looks: only what is seen to be gone is gone. */
int lift_put_back(struct window *w, const struct lift *lift, struct names *notes, struct err *e);
/* From the last one down to the first; goes on after a failure, and keeps what failed. */
int window_put_back_from(struct window *w, size_t first, struct names *notes, struct err *e);
/* The first n lifts stay open until the last lease ends. */
int window_extend(struct window *w, size_t n, struct err *e);
/* Every lift must be seen in the live firewall, else ERR_VERIFY. */
int window_verify(struct window *w, struct err *e);

#endif
