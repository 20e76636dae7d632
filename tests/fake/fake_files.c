/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_files.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#ifdef FAKE_LASTS
#define FAKE_COUNTS "counts-exec.json"
#else
#define FAKE_COUNTS "counts.json"
#endif

char fake_dir[PATH_MAX];

static const char *
file_at(char *buf, const char *name)
{
	snprintf(buf, PATH_MAX + 32, "%s/%s", fake_dir, name);
	return buf;
}

json_t *
load(const char *name)
{
	char path[PATH_MAX + 32];
	json_t *json = json_load_file(file_at(path, name), 0, NULL);
	return json ? json : json_object();
}

void
store(const char *name, json_t *json)
{
	char path[PATH_MAX + 32], tmp[PATH_MAX + 40];
	file_at(path, name);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	if (json_dump_file(json, tmp, JSON_INDENT(1)) || rename(tmp, path))
		abort();
}

void
note_call(const char *line)
{
	char path[PATH_MAX + 32];
	int fd = open(file_at(path, "calls.txt"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || dprintf(fd, "%s\n", line) < 0)
		abort();
	close(fd);
}

int64_t
now_s(void)
{
	struct timespec ts = { 0 };
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec;
}

/* The how-manieth call of op this is; not part of the firewall, and with a lock of its own. */
static size_t
count_call(const char *op)
{
	char path[PATH_MAX + 32];
	int lock = open(file_at(path, "counts.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX))
		abort();
	json_t *counts = load(FAKE_COUNTS);
	json_int_t n = json_integer_value(json_object_get(counts, op));
	json_object_set_new(counts, op, json_integer(n + 1));
	store(FAKE_COUNTS, counts);
	json_decref(counts);
	close(lock);
	return (size_t)n;
}

/* What fake.json says about this call of op. */
void
behaviour(const char *op, const char *usual, char *buf, size_t size)
{
	json_t *script = load(FAKE_SCRIPT), *rule = json_object_get(script, op);
	if (json_is_array(rule) && json_array_size(rule)) {
		size_t n = count_call(op), last = json_array_size(rule) - 1;
		rule = json_array_get(rule, n < last ? n : last);
	}
	snprintf(buf, size, "%s", json_is_string(rule) ? json_string_value(rule) : usual);
	json_decref(script);
	if (!strcmp(buf, "kill-before"))
		kill(getpid(), SIGKILL);
}

/* Somebody changed the firewall. */
static void
next_generation(void)
{
	json_t *live = load(FAKE_LIVE);
	json_int_t generation = json_integer_value(json_object_get(live, "generation"));
	json_object_set_new(live, "generation", json_integer(generation + 1));
	store(FAKE_LIVE, live);
	json_decref(live);
}

void
change_live(const char *txn, json_t *value)
{
	json_t *live = load(FAKE_LIVE);
	json_t *lifts = json_object_get(live, "lifts");
	if (!lifts) {
		lifts = json_object();
		json_object_set_new(live, "lifts", lifts);
	}
	if (value)
		json_object_set_new(lifts, txn, value);
	else
		json_object_del(lifts, txn);
	store(FAKE_LIVE, live);
	json_decref(live);
	next_generation();
}

int
lock_live(void)
{
	char path[PATH_MAX + 32];
	int fd = open(file_at(path, "live.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		note_call("overlap");
		flock(fd, LOCK_EX);
	}
	return fd;
}

void
finish(const char *how)
{
	const struct timespec pause = { .tv_nsec = 30000000 };
	if (!strcmp(how, "kill-after"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "slow"))
		nanosleep(&pause, NULL);
}
