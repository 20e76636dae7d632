/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One target's lift, by the mode of its recipe. */
#ifndef GEOPAUSE_REST_LIFTING_H
#define GEOPAUSE_REST_LIFTING_H

#include "sessions.h"

/* Each fills in outcome or state, left_s, nothing, pending, remains, notes and e of the job. */
void lifting_plan(struct job *job);
void lifting_apply(struct job *job);
void lifting_go_on(struct job *job);
void lifting_await(struct job *job);
void lifting_update(struct job *job);
void lifting_inspect(struct job *job);
void lifting_extend(struct job *job);
void lifting_revert(struct job *job);

/* After lifting_plan: appends the steps, and with explain what there is to know of the recipe. */
int lifting_steps(struct session *s, size_t target, bool explain, struct plan *plan, struct err *e);

#endif
