/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The history's file, DIRECTORY/history, mode 0600: one line an event,
 *
 *	geopause-history 1 CHECKSUM JSON\n
 *
 * CHECKSUM is the 64-bit FNV-1a of the bytes of JSON in 16 lower-case hexadecimal digits; JSON is
 * compact ASCII. A line that has not this form, or a wrong checksum, is no event: readers count and
 * skip it. Each line is one write at the end of the file; if a crash cut the last one off, the next
 * event begins with a newline. Nothing is synced: hooks do not wait for a disk.
 *
 *	"event"        "opened", "joined" or "closed"
 *	"window"       the transaction id of the window, which ties its events together
 *	"netns"        SO_NETNS_COOKIE in decimal, as a string
 *	"boot"         the boot id
 *	"opened_wall"  when the window was opened, seconds since 1970
 *	"wall"         when the event was written, the same
 *	"ports"        "tcp 80, tcp 443", everything that is lifted
 *	"targets"      "input, edge", the same
 *  opened, joined:
 *	"who"          whose lease it is: "certbot (process 123)", "lease NAME", "a timed lease"
 *	"expiry_wall"  when the last lease ends at the latest
 *	"expires"      the kernel or the provider closes all of it by then
 *  closed:
 *	"how"          "post", "restore", "expired", ...
 *	"seconds"      from the opening to this event, of CLOCK_BOOTTIME
 *	"late"         of these, how many after the last expiry that was asked for
 *	"exact"        nobody else had changed what was lifted
 *
 * Any event of a window may be missing: whoever should have written it was killed. When the file is
 * larger than HISTORY_FILE_MAX, it is replaced by one with the events of the last KEEP_DAYS, and if
 * that is not enough, the newest half.
 */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checksum.h"
#include "clocks.h"
#include "files.h"
#include "history_private.h"
#include "log.h"
#include "options.h"
#include "state.h"

#define TMP_FILE HISTORY_FILE ".tmp"
#define KEEP_DAYS 400
#define TARGETS_MAX 1024 /* bytes */
#define WHO_MAX (NAME_BUF + 32)

const char *
history_directory(const struct options *options)
{
	return options->state_given ? options->state : GEOPAUSE_HISTORY_DIR;
}

static int
write_tmp(int dir, const char *data, size_t len)
{
	/* A writer that was killed may have left one; we hold the lock. */
	if (unlinkat(dir, TMP_FILE, 0) && errno != ENOENT)
		return -1;
	int fd = openat(dir, TMP_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	int failed = files_write(fd, data, len) || fsync(fd);
	int sys = errno;
	if (close(fd) && !failed) {
		failed = 1;
		sys = errno;
	}
	errno = sys;
	return failed ? -1 : 0;
}

static int
replace(int dir, const char *data, size_t len, struct err *e)
{
	if (!write_tmp(dir, data, len) && !renameat(dir, TMP_FILE, dir, HISTORY_FILE) &&
	    !fsync(dir))
		return 0;
	int sys = errno;
	(void)unlinkat(dir, TMP_FILE, 0);
	return err_sys(e, ERR_FAILED, sys, "shortening it");
}

static bool
is_recent(const char *line, size_t len, int64_t since)
{
	json_t *event = history_line_event(line, len);
	bool recent = event && json_integer_value(json_object_get(event, "wall")) >= since;
	json_decref(event);
	return recent;
}

/* Moves the lines of the last KEEP_DAYS to the front of the text; returns their length. */
static size_t
keep_recent(char *text, size_t len)
{
	int64_t since = wall_now() - KEEP_DAYS * INT64_C(86400);
	size_t kept = 0;
	for (size_t at = 0; at < len;) {
		const char *line = text + at, *end = memchr(line, '\n', len - at);
		size_t size = end ? (size_t)(end - line) : len - at;
		at += size + 1;
		if (!is_recent(line, size, since))
			continue;
		memmove(text + kept, line, size);
		kept += size;
		text[kept++] = '\n';
	}
	return kept;
}

/* Far below the limit, so that the next one is far away. */
static int
shorten(int dir, struct err *e)
{
	char *text = NULL;
	const char *from;
	size_t len = 0;
	if (history_text(dir, &text, &len, e))
		return -1;
	from = text;
	len = text ? keep_recent(text, len) : 0;
	if (len > HISTORY_FILE_MAX / 4 * 3) {
		const char *end = memchr(text + len / 2, '\n', len - len / 2);
		from = end ? end + 1 : text + len;
		len -= (size_t)(from - text);
	}
	int failed = replace(dir, len ? from : "", len, e);
	free(text);
	return failed;
}

/* line begins with a newline, which is only needed after a line that was cut off. */
static int
append_to(int fd, const char *line, bool *full, struct err *e)
{
	struct rlimit limit;
	struct stat st;
	char last = '\n';
	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, HISTORY_FILE);
	if (history_check_file(&st, e))
		return -1;
	if (st.st_size && pread(fd, &last, 1, st.st_size - 1) != 1)
		last = '\0';
	line += last == '\n';
	size_t len = strlen(line);
	rlim_t size = (rlim_t)st.st_size + len;
	*full = size > HISTORY_FILE_MAX;
	/* The kernel would kill us with SIGXFSZ. */
	if (getrlimit(RLIMIT_FSIZE, &limit) || size > limit.rlim_cur)
		return err_sys(e, ERR_FAILED, EFBIG, HISTORY_FILE);
	ssize_t put = write(fd, line, len);
	if (put == (ssize_t)len)
		return 0;
	return err_sys(e, ERR_FAILED, put < 0 ? errno : ENOSPC, HISTORY_FILE);
}

static int
append(int dir, const char *line, struct err *e)
{
	bool full = false;
	int fd = openat(
		dir, HISTORY_FILE,
		O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "opening " HISTORY_FILE);
	int failed = append_to(fd, line, &full, e);
	close(fd);
	return failed || !full ? failed : shorten(dir, e);
}

/* With a newline at both ends; NULL when memory is gone. */
static char *
line_take(json_t *event)
{
	char *text = event ? json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	char *line = NULL;
	json_decref(event);
	if (text && asprintf(&line, "\n" HISTORY_PREFIX "%016" PRIx64 " %s\n",
			     checksum(text, strlen(text)), text) < 0)
		line = NULL;
	free(text);
	return line;
}

static void
warn_once(const char *directory, const struct err *e)
{
	static bool warned;
	char name[NAME_BUF];
	if (warned)
		return;
	warned = true;
	log_event_take(LOG_WARNING, "history", json_pack("{s:i}", "errno", e->sys),
		       "the history in %s cannot be written: %s; windows are opened and closed all "
		       "the same, but `geopause history` will not know of them",
		       err_name(name, directory), e->msg);
}

static void
write_take(const char *directory, json_t *event)
{
	struct err e = ERR_INIT;
	struct state where = STATE_CLOSED;
	char *line = line_take(event);
	if (!line)
		(void)err_set(&e, ERR_FAILED, "out of memory");
	else if (!state_open(&where, directory, true, &e))
		(void)append(where.dir, line, &e);
	state_close(&where);
	free(line);
	if (e.code != ERR_NONE)
		warn_once(directory, &e);
}

/* "input, edge"; a list that is too long ends in "...". */
static const char *
targets_text(char *buf, const struct lifts *lifts)
{
	size_t used = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < lifts->n; i++)
		for (size_t k = 0; k < lifts->v[i].targets.n; k++) {
			char name[NAME_BUF];
			if (lifts_named_before(lifts, i, lifts->v[i].targets.v[k]))
				continue;
			bool fits = used + NAME_BUF + sizeof(", ...") < TARGETS_MAX;
			int len = snprintf(buf + used, TARGETS_MAX - used, "%s%s", used ? ", " : "",
					   fits ? err_name(name, lifts->v[i].targets.v[k]) : "...");
			if (!fits)
				return buf;
			used += len > 0 ? (size_t)len : 0;
		}
	return buf;
}

static const char *
who_text(char *buf, const struct lease *lease)
{
	char name[NAME_BUF];
	if (lease->kind == LEASE_OWNER && *lease->owner_name)
		snprintf(buf, WHO_MAX, "%s (process %d)", lease->owner_name, (int)lease->owner.pid);
	else if (lease->kind == LEASE_OWNER)
		snprintf(buf, WHO_MAX, "process %d", (int)lease->owner.pid);
	else if (lease->kind == LEASE_NAME)
		snprintf(buf, WHO_MAX, "lease %s", err_name(name, lease->name));
	else
		snprintf(buf, WHO_MAX, "a timed lease");
	return buf;
}

/* A clock that was never set must not look like "not known". */
static json_int_t
wall_json(int64_t wall)
{
	return wall < 1 ? 1 : wall > HISTORY_WALL_MAX ? HISTORY_WALL_MAX : wall;
}

static json_t *
event_json(const char *event, const struct journal *j)
{
	char netns[24], ports[PORTS_TEXT_MAX], targets[TARGETS_MAX];
	const struct ports all = lifts_ports(&j->lifts);
	snprintf(netns, sizeof(netns), "%" PRIu64, j->id.netns);
	return json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:s}", "event", event, "window", j->window,
			 "netns", netns, "boot", j->id.boot, "opened_wall",
			 wall_json(j->opened_wall), "wall", wall_json(wall_now()), "ports",
			 ports_text(ports, &all), "targets", targets_text(targets, &j->lifts));
}

/* Drops the event if something cannot be added: its reader would miss it. */
static json_t *
with_take(json_t *event, json_t *more)
{
	int failed = !event || !more || json_object_update(event, more);
	json_decref(more);
	if (!failed)
		return event;
	json_decref(event);
	return NULL;
}

static void
write_lease(const char *event, const char *directory, const struct journal *j,
	    const struct lease *lease)
{
	char who[WHO_MAX];
	/* A heartbeat may keep the lifts' own expiry shorter than the leases. */
	int64_t leases = leases_expiry(&j->leases);
	int64_t until = j->expiry > leases ? j->expiry : leases;
	bool expires = true;
	for (size_t i = 0; i < j->lifts.n; i++)
		expires = expires && j->lifts.v[i].expires_itself;
	json_t *more =
		json_pack("{s:s,s:I,s:b}", "who", who_text(who, lease), "expiry_wall",
			  wall_json(wall_now() + until - boottime_now()), "expires", (int)expires);
	write_take(directory, with_take(event_json(event, j), more));
}

void
history_opened(const char *directory, const struct journal *journal, const struct lease *lease)
{
	write_lease("opened", directory, journal, lease);
}

void
history_joined(const char *directory, const struct journal *journal, const struct lease *lease)
{
	write_lease("joined", directory, journal, lease);
}

void
history_closed(const char *directory, const struct journal *journal, const char *how, bool exact)
{
	int64_t now = boottime_now();
	int64_t seconds = now > journal->opened ? now - journal->opened : 0;
	int64_t late = now > journal->expiry ? now - journal->expiry : 0;
	json_t *more =
		json_pack("{s:s,s:I,s:I,s:b}", "how", how, "seconds", (json_int_t)seconds, "late",
			  (json_int_t)(late < seconds ? late : seconds), "exact", (int)exact);
	write_take(directory, with_take(event_json("closed", journal), more));
}
