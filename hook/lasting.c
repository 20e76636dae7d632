/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lasting.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "story.h"
#include "window_private.h"

#define PREFIX "lasting-"

static void
name_of(char name[JOURNAL_NAME_MAX], const char *journal)
{
	snprintf(name, JOURNAL_NAME_MAX, PREFIX "%.55s", journal);
}

static int
is_one(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');
	/* Neither what was put aside nor what a killed writer left. */
	return !strncmp(entry->d_name, PREFIX, strlen(PREFIX)) && end && !strcmp(end, ".json");
}

static int
list(const char *directory, struct dirent ***names)
{
	*names = NULL;
	return directory ? scandir(directory, names, is_one, alphasort) : 0;
}

static void
list_free(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

bool
lasting_is_there(const char *directory)
{
	struct dirent **names;
	int n = list(directory, &names);
	list_free(names, n);
	return n > 0;
}

static bool
any_lasts(const struct journal *journal)
{
	for (size_t i = 0; i < journal->lifts.n; i++)
		if (journal->lifts.v[i].survives_boot)
			return true;
	return false;
}

void
lasting_look(struct window *w)
{
	w->lasts = any_lasts(&w->journal);
}

int
lasting_save(struct window *w, struct err *e)
{
	struct state where = STATE_CLOSED;
	char name[JOURNAL_NAME_MAX];
	if (!any_lasts(&w->journal)) {
		lasting_forget(w);
		return 0;
	}
	if (!w->history)
		return err_set(e, ERR_FAILED, "there is no directory for what outlives a boot");
	w->lasts = true;
	name_of(name, w->file);
	int failed = state_open(&where, w->history, true, e) ||
		     journal_write(where.dir, name, &w->journal, true, e);
	state_close(&where);
	return failed ? -1 : 0;
}

void
lasting_forget(struct window *w)
{
	struct state where = STATE_CLOSED;
	struct err e = ERR_INIT;
	char name[JOURNAL_NAME_MAX];
	if (!w->lasts || !w->history)
		return;
	w->lasts = false;
	name_of(name, w->file);
	if (state_open(&where, w->history, false, &e) ||
	    (where.dir >= 0 && journal_remove(where.dir, name, &e)))
		log_event_take(LOG_WARNING, "journal", NULL, "%s; nothing is open", e.msg);
	state_close(&where);
}

/* One that was read, and whose lifts nobody else will take back. */
struct found {
	struct window *w;
	const struct state *where;
	const char *name;
	struct journal journal;
};

/* Returns -1 if it may not be open, or not for us to say: another machine's, a living window's. */
static int
look(struct found *found, struct err *e)
{
	struct window *w = found->w;
	char own[JOURNAL_NAME_MAX];
	struct err why = ERR_INIT;
	enum journal_read read =
		journal_read(found->where->dir, found->name, &found->journal, &why);
	name_of(own, w->file);
	if (read == JOURNAL_NONE)
		return -1;
	if (read != JOURNAL_GOOD) {
		*e = why;
		e->code = ERR_OPEN;
		err_wrap(e,
			 "%s/%s: what it knows of cannot be taken back: look at the "
			 "firewalls of your exec targets yourself, then delete the file",
			 found->where->path, found->name);
		return -1;
	}
	if (strcmp(found->journal.id.machine, w->id.machine) != 0) {
		log_event_take(LOG_WARNING, "journal", NULL,
			       "%s/%s was written on another machine and is left alone",
			       found->where->path, found->name);
	} else if (strcmp(found->journal.id.boot, w->id.boot) != 0 ||
		   (!w->there && !strcmp(found->name, own))) {
		return 0;
	}
	journal_fini(&found->journal);
	return -1;
}

/* From the last one down to the first, whatever fails. */
static int
take_back(struct found *found, struct err *e)
{
	struct names notes = { 0 };
	struct lifts *lifts = &found->journal.lifts;
	struct err why = ERR_INIT;
	int failed = 0;
	for (size_t i = lifts->n; i-- > 0;)
		if (lifts->v[i].survives_boot &&
		    lift_put_back(found->w, &lifts->v[i], &notes, &why))
			failed = -1;
	if (failed) {
		*e = why;
		e->code = ERR_OPEN;
		err_wrap(e,
			 "window %s, whose journal is gone, could not be closed (run `geopause "
			 "restore` when its firewall can be reached)",
			 found->journal.window);
	} else {
		log_event_take(
			LOG_NOTICE, "closed", NULL,
			"window %s, whose journal is gone (a new boot?): what outlived it was "
			"taken back",
			found->journal.window);
		story_lines(LOG_WARNING, "drift", "", &notes);
		failed = journal_remove(found->where->dir, found->name, e);
	}
	names_fini(&notes);
	return failed;
}

typedef int (*found_fn)(struct found *found, void *data, struct err *e);

static int
each(struct window *w, found_fn fn, void *data, struct err *e)
{
	struct state where = STATE_CLOSED;
	struct dirent **names;
	int n = list(w->history, &names), failed = 0;
	if (n > 0 && state_open(&where, w->history, false, e))
		failed = -1;
	for (int i = 0; i < n && where.dir >= 0; i++) {
		struct found found = { .w = w, .where = &where, .name = names[i]->d_name };
		struct err why = ERR_INIT;
		if (!look(&found, &why)) {
			if (fn(&found, data, &why))
				failed = -1;
			journal_fini(&found.journal);
		}
		if (why.code) {
			*e = why;
			failed = -1;
		}
	}
	state_close(&where);
	list_free(names, n);
	return failed;
}

static int
name_it(struct found *found, void *data, struct err *e)
{
	char buf[NAME_BUF];
	const struct lifts *lifts = &found->journal.lifts;
	for (size_t i = 0; i < lifts->n; i++)
		if (lifts->v[i].survives_boot &&
		    names_addf(data, "window %s, whose journal is gone: %s", lifts->v[i].txn,
			       err_name(buf, lifts->v[i].targets.n ? lifts->v[i].targets.v[0]
								   : lifts->v[i].backend)))
			return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}

int
lasting_find(struct window *w, struct names *found, struct err *e)
{
	return each(w, name_it, found, e);
}

static int
recover_it(struct found *found, void *data, struct err *e)
{
	(void)data;
	return take_back(found, e);
}

int
lasting_recover(struct window *w, struct err *e)
{
	return each(w, recover_it, NULL, e);
}
