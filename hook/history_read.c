/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the history's lines to windows; the format stands in history.c. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checksum.h"
#include "history.h"
#include "history_private.h"
#include "state.h"

#define TEXT_MAX (HISTORY_FILE_MAX * 2) /* bytes that are read, the newest */
#define WHO_LIST_MAX 1000               /* bytes */

struct event {
	const char *event, *window, *netns, *ports, *targets, *who, *how;
	json_int_t opened_wall, wall, expiry_wall, seconds, late;
	int expires, exact;
};

struct reading {
	struct history *history;
	json_t *windows; /* transaction id -> index */
	json_t *latest;  /* network namespace -> index of its last window */
};

int
history_check_file(const struct stat *st, struct err *e)
{
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_FAILED, HISTORY_FILE " is not a regular file");
	if ((st->st_uid != 0 && st->st_uid != geteuid()) || (st->st_mode & 022))
		return err_set(e, ERR_FAILED,
			       HISTORY_FILE " belongs to user %u and has mode %04o: it must be "
					    "root's or ours, and nobody else may write it",
			       (unsigned)st->st_uid, (unsigned)(st->st_mode & 07777));
	return 0;
}

static int
read_end(int fd, char **text, size_t *len, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, HISTORY_FILE);
	if (history_check_file(&st, e))
		return -1;
	off_t from = st.st_size > (off_t)TEXT_MAX ? st.st_size - (off_t)TEXT_MAX : 0;
	size_t size = (size_t)(st.st_size - from);
	if (!(*text = malloc(size + 1)))
		return err_set(e, ERR_FAILED, "out of memory");
	while (*len < size) {
		ssize_t got = pread(fd, *text + *len, size - *len, from + (off_t)*len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, ERR_FAILED, errno, HISTORY_FILE);
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return 0;
}

int
history_text(int dir, char **text, size_t *len, struct err *e)
{
	*text = NULL;
	*len = 0;
	int fd = openat(dir, HISTORY_FILE,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "opening " HISTORY_FILE);
	int failed = read_end(fd, text, len, e);
	close(fd);
	if (failed) {
		free(*text);
		*text = NULL;
	}
	return failed;
}

json_t *
history_line_event(const char *line, size_t len)
{
	char expected[sizeof(HISTORY_PREFIX) + 17];
	size_t header = sizeof(expected) - 1;
	if (len <= header || len > HISTORY_LINE_MAX)
		return NULL;
	snprintf(expected, sizeof(expected), HISTORY_PREFIX "%016" PRIx64 " ",
		 checksum(line + header, len - header));
	if (memcmp(line, expected, header) != 0)
		return NULL;
	return json_loadb(line + header, len - header, JSON_REJECT_DUPLICATES, NULL);
}

static bool
is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static bool
is_time(json_int_t wall)
{
	return wall > 0 && wall <= HISTORY_WALL_MAX;
}

/* Strings are borrowed from json. */
static bool
parse_event(struct event *ev, json_t *json)
{
	*ev = (struct event){ .ports = "", .targets = "", .who = "", .how = "" };
	if (json_unpack(json, "{s:s,s:s,s:s,s:I,s:I,s?s,s?s,s?s,s?s,s?I,s?I,s?I,s?b,s?b}", "event",
			&ev->event, "window", &ev->window, "netns", &ev->netns, "opened_wall",
			&ev->opened_wall, "wall", &ev->wall, "ports", &ev->ports, "targets",
			&ev->targets, "who", &ev->who, "how", &ev->how, "expiry_wall",
			&ev->expiry_wall, "seconds", &ev->seconds, "late", &ev->late, "expires",
			&ev->expires, "exact", &ev->exact))
		return false;
	if (strlen(ev->window) != TXN_LEN || strspn(ev->window, "0123456789abcdef") != TXN_LEN)
		return false;
	if (!is_printable(ev->ports) || !is_printable(ev->targets) || !is_printable(ev->who) ||
	    !is_printable(ev->how) || !is_time(ev->opened_wall) || !is_time(ev->wall))
		return false;
	if (!strcmp(ev->event, "closed"))
		return *ev->how && ev->seconds >= 0 && ev->seconds <= HISTORY_WALL_MAX &&
		       ev->late >= 0 && ev->late <= ev->seconds;
	return (!strcmp(ev->event, "opened") || !strcmp(ev->event, "joined")) &&
	       is_time(ev->expiry_wall);
}

static int
set_text(char **to, const char *text)
{
	if (*to && !*text)
		return 0;
	char *copy = strdup(text);
	if (!copy)
		return -1;
	free(*to);
	*to = copy;
	return 0;
}

static bool
is_in_list(const char *list, const char *item)
{
	size_t len = strlen(item);
	for (const char *at = list; (at = strstr(at, item)); at++) {
		bool begins = at == list || (at - list >= 2 && at[-1] == ' ' && at[-2] == ',');
		if (begins && (!at[len] || (at[len] == ',' && at[len + 1] == ' ')))
			return true;
	}
	return false;
}

static int
add_who(char **list, const char *who)
{
	char *longer;
	size_t len = strlen(*list);
	if (!*who || is_in_list(*list, who) || len > WHO_LIST_MAX)
		return 0;
	if (asprintf(&longer, "%s%s%s", *list, len ? ", " : "",
		     len + strlen(who) > WHO_LIST_MAX ? "..." : who) < 0)
		return -1;
	free(*list);
	*list = longer;
	return 0;
}

/* A window whose end is missing was over when the next one was opened in its namespace. */
static void
end_previous(struct reading *r, const struct event *ev)
{
	json_t *index = json_object_get(r->latest, ev->netns);
	if (!index)
		return;
	struct history_window *w = &r->history->v[json_integer_value(index)];
	int64_t between = ev->opened_wall - w->opened_wall;
	if (!w->closed_wall && between >= 0 && between < w->seconds)
		w->seconds = between;
}

static struct history_window *
add_window(struct reading *r, const struct event *ev)
{
	struct history *h = r->history;
	/* Room for a power of two of them. */
	if (!(h->n & (h->n - 1))) {
		struct history_window *v = reallocarray(h->v, h->n ? h->n * 2 : 1, sizeof(*v));
		if (!v)
			return NULL;
		h->v = v;
	}
	struct history_window *w = &h->v[h->n];
	*w = (struct history_window){ .opened_wall = ev->opened_wall };
	memcpy(w->window, ev->window, TXN_BUF);
	end_previous(r, ev);
	h->n++;
	if (set_text(&w->ports, "") || set_text(&w->targets, "") || set_text(&w->who, "") ||
	    json_object_set_new(r->windows, ev->window, json_integer((json_int_t)h->n - 1)) ||
	    json_object_set_new(r->latest, ev->netns, json_integer((json_int_t)h->n - 1)))
		return NULL;
	return w;
}

static void
close_window(struct history_window *w, const struct event *ev)
{
	/* What expired by itself was written down later, perhaps much later. */
	int64_t late = w->expires_itself ? ev->late : 0;
	w->seconds = ev->seconds - late;
	w->closed_wall = ev->wall > late ? ev->wall - late : 1;
	w->exact = ev->exact;
}

/* The first end counts, and nothing after it. */
static int
take_event(struct reading *r, const struct event *ev)
{
	json_t *index = json_object_get(r->windows, ev->window);
	struct history_window *w =
		index ? &r->history->v[json_integer_value(index)] : add_window(r, ev);
	if (!w)
		return -1;
	if (w->closed_wall)
		return 0;
	if (set_text(&w->ports, ev->ports) || set_text(&w->targets, ev->targets) ||
	    add_who(&w->who, ev->who))
		return -1;
	if (!strcmp(ev->event, "closed")) {
		close_window(w, ev);
		return set_text(&w->how, ev->how);
	}
	int64_t until = ev->expiry_wall - w->opened_wall;
	w->seconds = until > w->seconds ? until : w->seconds;
	w->expires_itself = ev->expires;
	return 0;
}

static int
take_line(struct reading *r, const char *line, size_t len)
{
	struct event ev;
	int failed = 0;
	json_t *json = history_line_event(line, len);
	if (json && parse_event(&ev, json))
		failed = take_event(r, &ev);
	else
		r->history->skipped += len > 0;
	json_decref(json);
	return failed;
}

int
history_parse(struct history *history, const char *text, size_t len, struct err *e)
{
	struct reading r = { .history = history,
			     .windows = json_object(),
			     .latest = json_object() };
	*history = (struct history){ 0 };
	int failed = !r.windows || !r.latest;
	for (size_t at = 0; !failed && at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t size = end ? (size_t)(end - text) - at : len - at;
		failed = take_line(&r, text + at, size);
		at += size + 1;
	}
	json_decref(r.windows);
	json_decref(r.latest);
	if (!failed)
		return 0;
	history_fini(history);
	return err_set(e, ERR_FAILED, "out of memory");
}

int
history_read(struct history *history, const char *directory, struct err *e)
{
	struct state where;
	char name[NAME_BUF], *text = NULL;
	size_t len = 0;
	*history = (struct history){ 0 };
	int failed = state_open(&where, directory, false, e);
	if (!failed && where.dir >= 0)
		failed = history_text(where.dir, &text, &len, e);
	state_close(&where);
	if (!failed && text)
		failed = history_parse(history, text, len, e);
	free(text);
	if (!failed)
		return 0;
	return err_wrap(e, "the history in %s cannot be read%s", err_name(name, directory),
			e->sys == EACCES ? " (it is root's: run as root)" : "");
}

struct interval {
	int64_t from, to;
};

static int
compare(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

/* By its end, if that is known: a clock that was set meanwhile was wrong before. */
static struct interval
interval_of(const struct history_window *w, int64_t since, int64_t now)
{
	int64_t from = w->closed_wall ? w->closed_wall - w->seconds : w->opened_wall;
	int64_t to = from + w->seconds;
	return (struct interval){ .from = from > since ? from : since, .to = to < now ? to : now };
}

int64_t
history_exposure(const struct history *history, int64_t since_wall, int64_t now_wall)
{
	struct interval *v = calloc(history->n + 1, sizeof(*v));
	int64_t sum = 0, until = since_wall;
	if (!v)
		return -1;
	for (size_t i = 0; i < history->n; i++)
		v[i] = interval_of(&history->v[i], since_wall, now_wall);
	qsort(v, history->n, sizeof(*v), compare);
	for (size_t i = 0; i < history->n; i++) {
		int64_t from = v[i].from > until ? v[i].from : until;
		if (v[i].to > from) {
			sum += v[i].to - from;
			until = v[i].to;
		}
	}
	free(v);
	return sum;
}

void
history_fini(struct history *history)
{
	for (size_t i = 0; i < history->n; i++) {
		free(history->v[i].ports);
		free(history->v[i].targets);
		free(history->v[i].who);
		free(history->v[i].how);
	}
	free(history->v);
	*history = (struct history){ 0 };
}
