/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "flows": "cut": connections that the window let in are deleted once the block is back. What is
 * covered has to be found out while the lift is in place, the deletion comes after the revert, so
 * that no new connection slips in between.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "fate.h"
#include "log.h"
#include "window.h"
#include "window_private.h"

void
window_spare_flows(struct window *w, const struct lift *lift)
{
	struct err e = ERR_INIT;
	struct cover *cover = NULL;
	const struct open_backend *on = backends_get(w->backends, lift->backend, &e);
	if (w->journal.flows != FLOWS_CUT || !on || !on->ops->cover)
		return;
	if (on->ops->cover(on->backend, lift->record, &cover, &e) ||
	    on->ops->flows(on->backend, cover, &w->journal.spared, &e)) {
		/* Rather none than those of before. */
		w->journal.flows = FLOWS_KEEP;
		log_event_take(LOG_WARNING, "flows", NULL,
			       "connections made in this window will not be cut: %s", e.msg);
	}
	if (cover)
		on->ops->cover_free(cover);
}

static int
cover_lift(struct window *w, const struct lift *lift, struct flow_covers *covers, struct err *e)
{
	const struct open_backend *on = backends_get(w->backends, lift->backend, e);
	if (!on || !on->ops->cover)
		return on ? 0 : -1;
	struct flow_cover *v = reallocarray(covers->v, covers->n + 1, sizeof(*v));
	if (!v)
		return err_set(e, ERR_FAILED, "out of memory");
	covers->v = v;
	v[covers->n] = (struct flow_cover){ .on = on };
	if (on->ops->cover(on->backend, lift->record, &v[covers->n].cover, e))
		return -1;
	covers->n++;
	return 0;
}

void
window_cover_flows(struct window *w, struct flow_covers *covers)
{
	for (size_t i = 0; i < w->journal.lifts.n; i++) {
		const struct lift *lift = &w->journal.lifts.v[i];
		struct err e = ERR_INIT;
		if (w->journal.flows == FLOWS_CUT && cover_lift(w, lift, covers, &e))
			log_event_take(LOG_WARNING, "flows", NULL,
				       "connections made in this window are not cut: %s", e.msg);
	}
}

int
window_cut_flows(struct window *w, struct flow_covers *covers, struct err *e)
{
	size_t cut = 0;
	int failed = 0;
	for (size_t i = 0; i < covers->n; i++) {
		struct flow_cover *one = &covers->v[i];
		struct err why = ERR_INIT;
		size_t n = 0;
		if (one->on->ops->cut(one->on->backend, one->cover, &w->journal.spared, &n, &why) !=
		    OUTCOME_DONE) {
			failed = -1;
			*e = why;
		}
		cut += n;
		one->on->ops->cover_free(one->cover);
	}
	free(covers->v);
	*covers = (struct flow_covers){ 0 };
	if (cut)
		log_event_take(LOG_INFO, "flows-cut", json_pack("{s:I}", "n", (json_int_t)cut),
			       "%zu connection%s made in window %s cut", cut, cut == 1 ? "" : "s",
			       w->journal.window);
	if (!failed)
		return 0;
	if (!e->code)
		err_set(e, ERR_OPEN, "the backend gave no reason");
	e->code = ERR_OPEN;
	fate_add(e, "the block is back, but connections made in the window may live on; "
		    "`conntrack -L` shows them");
	return -1;
}
