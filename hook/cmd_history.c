/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "clocks.h"
#include "command.h"
#include "history.h"
#include "options.h"
#include "output.h"
#include "policy.h"

#define YEAR_DAYS 365
#define YEAR_S (YEAR_DAYS * INT64_C(86400))

struct report {
	struct history history;
	int64_t now; /* on the wall */
	int64_t exposure_s;
	const char *directory;
};

static const char *
wall_text(char *buf, int64_t wall)
{
	time_t then = (time_t)wall;
	struct tm tm;
	if (!localtime_r(&then, &tm) || !strftime(buf, CLOCK_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm))
		buf[0] = '\0';
	return buf;
}

static int64_t
latest_end(const struct history_window *w)
{
	return w->closed_wall ? w->closed_wall : w->opened_wall + w->seconds;
}

/* Of a window that is still open: until now. */
static int64_t
seconds_so_far(const struct report *r, const struct history_window *w)
{
	int64_t so_far = r->now - w->opened_wall;
	return w->closed_wall || so_far < 0 || so_far > w->seconds ? w->seconds : so_far;
}

static void
print_end(const struct report *r, const struct history_window *w)
{
	char latest[CLOCK_TEXT_MAX];
	wall_text(latest, latest_end(w));
	if (w->closed_wall)
		printf("closed (%s), %s", w->how,
		       w->exact ? "exact" : "not exact: somebody else changed the firewall, too");
	else if (latest_end(w) > r->now)
		printf("no end written yet: open until %s at the latest", latest);
	else if (w->expires_itself)
		printf("no end written: the machine or geopause died; the kernel closed it by %s "
		       "at the latest",
		       latest);
	else
		printf("no end written: the machine or geopause died; it does not close by itself, "
		       "see `geopause status`");
}

static void
print_window(const struct report *r, const struct history_window *w)
{
	char opened[CLOCK_TEXT_MAX], lasted[DURATION_TEXT_MAX];
	int64_t seconds = seconds_so_far(r, w);
	duration_text(lasted, seconds < UINT_MAX ? (unsigned)seconds : UINT_MAX);
	printf("%s  %s  %s", wall_text(opened, w->opened_wall), lasted,
	       *w->ports ? w->ports : "unknown ports");
	if (*w->targets)
		printf(" in %s", w->targets);
	printf("; for %s; ", *w->who ? w->who : "an unknown client");
	print_end(r, w);
	putchar('\n');
}

static size_t
count_last_year(const struct report *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->history.n; i++)
		n += latest_end(&r->history.v[i]) >= r->now - YEAR_S;
	return n;
}

static void
print(const struct report *r)
{
	char name[NAME_BUF];
	size_t n = count_last_year(r), skipped = r->history.skipped;
	for (size_t i = 0; i < r->history.n; i++)
		print_window(r, &r->history.v[i]);
	if (r->history.n)
		printf("%zu window%s and %lld s of exposure in the last %d days\n", n,
		       n == 1 ? "" : "s", (long long)r->exposure_s, YEAR_DAYS);
	else
		printf("the history in %s is empty: no window was written down\n",
		       err_name(name, r->directory));
	if (skipped)
		printf("%zu line%s of it could not be used\n", skipped, skipped == 1 ? "" : "s");
}

/* What is not known is null. */
static json_t *
window_json(const struct history_window *w)
{
	bool closed = w->closed_wall;
	return json_pack("{s:s,s:I,s:o,s:I,s:s,s:s,s:s,s:s?,s:o,s:b}", "window", w->window,
			 "opened_wall", (json_int_t)w->opened_wall, "closed_wall",
			 closed ? json_integer(w->closed_wall) : json_null(), "seconds",
			 (json_int_t)w->seconds, "ports", w->ports, "targets", w->targets, "who",
			 w->who, "how", w->how, "exact",
			 closed ? json_boolean(w->exact) : json_null(), "expires_itself",
			 (int)w->expires_itself);
}

static void
print_json(const struct report *r)
{
	json_t *windows = json_array();
	int failed = 0;
	for (size_t i = 0; i < r->history.n; i++)
		failed |= json_array_append_new(windows, window_json(&r->history.v[i]));
	json_t *json = json_pack("{s:i,s:o,s:I,s:I}", "version", 1, "windows", windows,
				 "exposure_s_last_year", (json_int_t)r->exposure_s, "skipped",
				 (json_int_t)r->history.skipped);
	if (failed) {
		json_decref(json);
		json = NULL;
	}
	output_json_take(json);
}

int
cmd_history(const struct options *options)
{
	struct err e = ERR_INIT;
	struct report report = { .now = wall_now(), .directory = history_directory(options) };
	if (history_read(&report.history, report.directory, &e))
		return output_status(&e);
	report.exposure_s = history_exposure(&report.history, report.now - YEAR_S, report.now);
	if (report.exposure_s < 0)
		(void)err_set(&e, ERR_FAILED, "out of memory");
	else if (options->json)
		print_json(&report);
	else
		print(&report);
	history_fini(&report.history);
	return output_status(&e);
}
