/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lasting.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clocks.h"
#include "fate.h"
#include "log.h"
#include "privileges.h"
#include "story.h"
#include "window_private.h"

#define DIRECTORY "lasting" /* below the history's; there is none before the first copy */
#define FORGET_TRIES 2

struct copies {
	struct state where;
	char path[PATH_MAX];
};

static const char *
directory_of(struct copies *copies, const char *history)
{
	copies->where = STATE_CLOSED;
	int len = snprintf(copies->path, sizeof(copies->path), "%s/" DIRECTORY, history);
	return len < (int)sizeof(copies->path) ? copies->path : NULL;
}

/* That a directory was made has to outlive the boot as well. */
static int
make_directory(const char *history, struct err *e)
{
	struct state above;
	int failed = state_open(&above, history, true, e);
	if (!failed && mkdirat(above.dir, DIRECTORY, 0700) && errno != EEXIST)
		failed = err_sys(e, ERR_FAILED, errno, "creating %s/" DIRECTORY, history);
	else if (!failed && fsync(above.dir))
		failed = err_sys(e, ERR_FAILED, errno, "syncing %s", history);
	state_close(&above);
	return failed;
}

/* where.dir is -1 if there is none, and none is to be made. */
static int
copies_open(struct copies *copies, const char *history, bool create, struct err *e)
{
	const char *path = directory_of(copies, history);
	if (!path)
		return err_set(e, ERR_FAILED, "the name of the history's directory is too long");
	if (state_open(&copies->where, path, false, e))
		return -1;
	if (copies->where.dir >= 0 || !create)
		return 0;
	return make_directory(history, e) || state_open(&copies->where, path, false, e) ? -1 : 0;
}

static int
is_one(const struct dirent *entry)
{
	uint64_t netns;
	/* Neither what was put aside nor what a killed writer left. */
	return journal_name_parse(entry->d_name, &netns);
}

static int
list(const char *history, struct dirent ***names)
{
	struct copies copies;
	const char *path = history ? directory_of(&copies, history) : NULL;
	*names = NULL;
	return path ? scandir(path, names, is_one, alphasort) : 0;
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

unsigned
lasting_rights(const char *directory)
{
	return lasting_is_there(directory) ? (unsigned)KEEP_ALL : 0;
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
	struct copies copies;
	if (!any_lasts(&w->journal)) {
		lasting_forget(w);
		return 0;
	}
	if (!w->history)
		return err_set(e, ERR_FAILED, "there is no directory for what outlives a boot");
	w->lasts = true;
	int failed = copies_open(&copies, w->history, true, e) ||
		     journal_write(copies.where.dir, w->file, &w->journal, true, e);
	state_close(&copies.where);
	return failed ? -1 : 0;
}

/* Whose copy there is; *others: another window's of the same name. */
static enum journal_read
look_at_copy(int dir, const char *name, const char *window, bool *others)
{
	struct journal copy;
	struct err unread = ERR_INIT;
	enum journal_read read = journal_read(dir, name, &copy, &unread);
	*others = read == JOURNAL_GOOD && strcmp(copy.window, window) != 0;
	journal_fini(&copy);
	return read;
}

/* 0 if there is none of this window any more. Another window's of the same name stays. */
static int
remove_copy(int dir, const char *name, const char *window, struct err *e)
{
	bool others;
	(void)look_at_copy(dir, name, window, &others);
	return others ? 0 : journal_remove(dir, name, e);
}

static int
forget_once(const struct window *w, const char *name, const char *window, struct err *e)
{
	struct copies copies;
	int failed = copies_open(&copies, w->history, false, e) ||
		     (copies.where.dir >= 0 && remove_copy(copies.where.dir, name, window, e));
	state_close(&copies.where);
	return failed;
}

/* Who ends now does not come back for it. */
static void
forget_copy(const struct window *w, const char *name, const char *window)
{
	struct err e = ERR_INIT;
	int failed = -1;
	for (int i = 0; failed && i < FORGET_TRIES; i++)
		failed = forget_once(w, name, window, &e);
	if (failed)
		log_event_take(LOG_WARNING, "journal", NULL, "%s; nothing is open", e.msg);
}

void
lasting_forget_window(struct window *w, const char *window)
{
	if (!w->lasts || !w->history)
		return;
	w->lasts = false;
	forget_copy(w, w->file, window);
}

void
lasting_forget(struct window *w)
{
	lasting_forget_window(w, w->journal.window);
}

/* Where not even the history is, somebody has cleaned up. */
static bool
is_history_there(const struct window *w)
{
	struct state above;
	struct err e = ERR_INIT;
	bool there = !state_open(&above, w->history, false, &e) && above.dir >= 0;
	state_close(&above);
	return there;
}

bool
lasting_is_forgotten(const struct window *w, const char *window)
{
	struct copies copies = { .where = STATE_CLOSED };
	struct err e = ERR_INIT;
	bool forgotten = false, others;
	if (!w->history || copies_open(&copies, w->history, false, &e))
		return false;
	if (copies.where.dir < 0)
		forgotten = is_history_there(w);
	else
		forgotten =
			look_at_copy(copies.where.dir, w->file, window, &others) == JOURNAL_NONE ||
			others;
	state_close(&copies.where);
	return forgotten;
}

/* What is looked for, and by whom. */
struct search {
	struct window *w;
	bool held;                /* also what somebody holds */
	const struct lease *mine; /* does not count as held */
	struct copies copies;
};

/* One that was read, and that nobody else will take back. */
struct found {
	struct window *w;
	const struct state *where;
	const char *name;
	struct journal journal;
};

/* Its journal is there, or it is gone by now as well: only who has the lock sees both at once. */
static bool
is_accounted_for(const struct search *search, const char *name)
{
	return !faccessat(search->w->state->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) ||
	       faccessat(search->copies.where.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
}

/* Of a namespace whose journal is in another state directory, or lost with a container's /run. */
static bool
is_held(const struct search *search, struct journal *journal)
{
	struct lease *mine = search->mine ? leases_find_own(&journal->leases, search->mine) : NULL;
	if (mine)
		leases_drop(&journal->leases, mine);
	return leases_held(&journal->leases);
}

/* Is it for us to take back? Not another machine's, nor a living window's. */
static bool
is_ours(const struct search *search, struct found *found)
{
	const struct identity *here = &search->w->id, *there = &found->journal.id;
	if (strcmp(there->machine, here->machine) != 0) {
		log_event_take(LOG_WARNING, "journal", NULL,
			       "%s/%s was written on another machine and is left alone",
			       search->copies.where.path, found->name);
		return false;
	}
	if (strcmp(there->boot, here->boot) != 0)
		return true;
	if (is_accounted_for(search, found->name))
		return false;
	return search->held || there->netns == here->netns || !is_held(search, &found->journal);
}

/* False if there is nothing to be done about it; *e if that is an error. */
static bool
look(const struct search *search, struct found *found, struct err *e)
{
	struct err why = ERR_INIT;
	switch (journal_read(search->copies.where.dir, found->name, &found->journal, &why)) {
	case JOURNAL_NONE:
		return false;
	case JOURNAL_GOOD:
		if (is_ours(search, found))
			return true;
		journal_fini(&found->journal);
		return false;
	case JOURNAL_BAD:
	case JOURNAL_UNREADABLE:
	default:
		*e = why;
		e->code = ERR_OPEN;
		err_wrap(e,
			 "%s/%s: what it knows of cannot be taken back: look at the "
			 "firewalls of your exec targets yourself, then delete the file",
			 search->copies.where.path, found->name);
		return false;
	}
}

/* From the last one down to the first, whatever fails; what failed, or takes its time, stays. */
static int
put_back(struct found *found, struct names *notes, struct err *e)
{
	struct lifts *lifts = &found->journal.lifts;
	for (size_t i = lifts->n; i-- > 0;)
		if (!lifts->v[i].survives_boot || !lift_put_back(found->w, &lifts->v[i], notes, e))
			lifts_drop(lifts, i);
	return lifts->n ? -1 : 0;
}

static int
take_back(struct found *found, struct err *e)
{
	struct names notes = { 0 };
	const struct journal *journal = &found->journal;
	struct err unsaved = ERR_INIT;
	int failed = put_back(found, &notes, e);
	window_end_waiting(found->w);
	if (failed) {
		if (e->code) {
			err_wrap(e, "window %s, whose journal is gone, could not be closed",
				 journal->window);
			fate_may_be_open(e, journal);
		}
		if (journal_write(found->where->dir, found->name, journal, true, &unsaved))
			log_event_take(LOG_WARNING, "journal", NULL, "%s", unsaved.msg);
	} else {
		log_event_take(
			LOG_NOTICE, "closed", NULL,
			"window %s, whose journal is gone (a new boot?): what outlived it was "
			"taken back",
			journal->window);
		failed = journal_remove(found->where->dir, found->name, e);
	}
	story_lines(LOG_WARNING, "drift", "", &notes);
	names_fini(&notes);
	return failed;
}

typedef int (*found_fn)(struct found *found, void *data, struct err *e);

/* Every failure is told: the first by *e, the others in the log. */
static int
each(struct search *search, found_fn fn, void *data, struct err *e)
{
	struct window *w = search->w;
	struct dirent **names;
	int n = list(w->history, &names), failed = 0;
	struct state *where = &search->copies.where;
	*where = STATE_CLOSED;
	if (n > 0 && copies_open(&search->copies, w->history, false, e))
		failed = -1;
	for (int i = 0; i < n && where->dir >= 0; i++) {
		struct found found = { .w = w, .where = where, .name = names[i]->d_name };
		struct err why = ERR_INIT;
		if (look(search, &found, &why)) {
			failed |= fn(&found, data, &why);
			journal_fini(&found.journal);
		}
		if (!why.code)
			continue;
		failed = -1;
		if (e->code)
			log_failure(&why);
		else
			*e = why;
	}
	state_close(where);
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
		    names_addf(data, "window %s, whose journal is gone: %s", found->journal.window,
			       err_name(buf, lifts->v[i].targets.n ? lifts->v[i].targets.v[0]
								   : lifts->v[i].backend)))
			return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}

int
lasting_find(struct window *w, struct names *found, struct err *e)
{
	struct search search = { .w = w, .held = true };
	return each(&search, name_it, found, e);
}

static int
recover_it(struct found *found, void *data, struct err *e)
{
	(void)data;
	return take_back(found, e);
}

int
lasting_recover(struct window *w, const struct lease *mine, struct err *e)
{
	struct search search = { .w = w, .mine = mine };
	return each(&search, recover_it, NULL, e);
}

int
lasting_recover_all(struct window *w, struct err *e)
{
	struct search search = { .w = w, .held = true };
	return each(&search, recover_it, NULL, e);
}

/* Those that last; the others are for whoever is inside. */
static int
put_back_lasting(struct window *w, struct journal *journal, struct err *e)
{
	struct names notes = { 0 };
	int failed = 0;
	for (size_t i = journal->lifts.n; i-- > 0;) {
		if (!journal->lifts.v[i].survives_boot)
			continue;
		if (lift_put_back(w, &journal->lifts.v[i], &notes, e))
			failed = -1;
		else
			lifts_drop(&journal->lifts, i);
	}
	story_lines(LOG_WARNING, "drift", "", &notes);
	names_fini(&notes);
	window_end_waiting(w);
	return failed;
}

/* Its watchdog, if there is one, goes on with what is left. */
static int
close_neighbour(struct window *w, const char *file, struct journal *journal, struct err *e)
{
	leases_fini(&journal->leases);
	journal->state = JOURNAL_CLOSING;
	if (journal->lifts.n)
		return journal_write(w->state->dir, file, journal, false, e);
	log_event_take(LOG_NOTICE, "closed", NULL,
		       "window %s of another network namespace: what lasts was taken back",
		       journal->window);
	return journal_remove(w->state->dir, file, e);
}

void
lasting_recover_neighbour(struct window *w, const char *file, bool *open)
{
	struct journal journal;
	struct err e = ERR_INIT, unread = ERR_INIT;
	if (!w->history || journal_read(w->state->dir, file, &journal, &unread) != JOURNAL_GOOD)
		return;
	if (any_lasts(&journal)) {
		if (!put_back_lasting(w, &journal, &e))
			forget_copy(w, file, journal.window);
		else if (e.code)
			fate_may_be_open(&e, &journal);
		*open = e.code || (journal.lifts.n && boottime_left(journal.expiry));
		if (close_neighbour(w, file, &journal, &e) || e.code)
			log_failure(&e);
	}
	journal_fini(&journal);
}
