/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our marks in the live firewall, without any journal; and journals that cannot be used. */
#include <errno.h>
#include <string.h>

#include "backend.h"
#include "fate.h"
#include "history.h"
#include "log.h"
#include "story.h"
#include "window.h"
#include "window_private.h"

/* ERR_OPEN if a sweep failed; another code if a backend could not even be asked. */
static int
sweep(struct window *w, bool look_only, struct names *found, struct err *e)
{
	for (size_t i = 0; i < w->sweeps.n; i++) {
		struct err why = ERR_INIT;
		const char *name = w->sweeps.v[i];
		const struct open_backend *on = backends_get(w->backends, name, &why);
		if (!on && why.sys == ENOENT && is_default_backend(name))
			continue;
		if (on && !on->ops->sweep)
			continue;
		if (on)
			window_hold_lock(w, on);
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

int
window_put_aside(struct window *w, const char *why, struct err *e)
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
int
window_put_aside_and_sweep(struct window *w, const char *why, struct err *e)
{
	int aside = window_put_aside(w, why, e);
	if (aside)
		e->code = ERR_OPEN;
	return window_sweep(w, e) || aside ? -1 : 0;
}

/* Whoever comes to close a window of which he knows wants to hear who was first. */
static void
tell_no_window(const struct window *w)
{
	struct history history;
	struct err unread = ERR_INIT;
	const char *how = NULL;
	if (!w->known) {
		log_event_take(LOG_INFO, "no-window", NULL, "no window is open");
		return;
	}
	(void)history_read(&history, w->history, &unread);
	for (size_t i = history.n; i-- > 0 && !how;)
		if (!strcmp(history.v[i].window, w->known))
			how = history.v[i].how;
	log_event_take(LOG_INFO, "no-window", NULL, "window %s was closed already (%s)", w->known,
		       how ? how : "it is not known by whom");
	history_fini(&history);
}

/* Without a window. A firewall that cannot be asked, and that no window concerns, is no failure. */
int
window_sweep_leftovers(struct window *w, struct err *e)
{
	struct err why = ERR_INIT;
	tell_no_window(w);
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
