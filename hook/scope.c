/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scope.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "module.h"
#include "systemd/start_scope.h"

#define UNIT_MAX 128
#define POLL_MS 10

static int64_t
monotonic_ms(void)
{
	struct timespec ts = { 0 };
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* As sd_booted(3) looks. */
static bool
booted_with_systemd(void)
{
	struct stat st;
	return !lstat("/run/systemd/system", &st) && S_ISDIR(st.st_mode);
}

/*
 * A container may see the host's /run. Our pids mean other processes to the host's systemd then,
 * which would be moved in our place. That process 1 cannot be seen (ProtectProc=) says nothing;
 * the module looks in its own way.
 */
static int
check_same_pids(struct err *e)
{
	char comm[32] = "systemd\n";
	FILE *f = fopen("/proc/1/comm", "re");
	if (!f)
		return 0;
	bool other = fgets(comm, sizeof(comm), f) && strcmp(comm, "systemd\n") != 0;
	fclose(f);
	if (!other)
		return 0;
	return err_set(e, ERR_FAILED, "systemd is not process 1 of this pid namespace");
}

/* systemd.unit(5): the characters of a name; "-" is no hierarchy in a scope's. */
static int
name_unit(char *unit, const char *suffix, struct err *e)
{
	char name[NAME_BUF];
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:-_.";
	int n = snprintf(unit, UNIT_MAX, "geopause-watchdog-%s.scope", suffix);
	if (!*suffix || n >= UNIT_MAX || suffix[strspn(suffix, allowed)])
		return err_set(e, ERR_FAILED, "\"%s\" cannot be part of a unit's name",
			       err_name(name, suffix));
	return 0;
}

static int
start_unit(const char *unit, const pid_t *pids, size_t n, struct err *e)
{
	union {
		void *symbol;
		start_scope_fn *function;
	} entry;
	entry.symbol = module_symbol("systemd", START_SCOPE_SYMBOL, e);
	if (!entry.symbol) {
		if (e->sys == ENOENT)
			err_wrap(e, "this geopause comes without what speaks to systemd");
		return -1;
	}
	return entry.function(unit, pids, n, SCOPE_DEADLINE_MS, e);
}

enum place {
	ELSEWHERE,
	IN_UNIT,
	GONE,
};

/* cgroups(7): ID:CONTROLLERS:PATH, a line each hierarchy. */
static enum place
find_process(pid_t pid, const char *unit)
{
	char path[32], *line = NULL;
	size_t size = 0;
	ssize_t len;
	enum place place = ELSEWHERE;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? GONE : ELSEWHERE;
	while (place == ELSEWHERE && (len = getline(&line, &size, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		const char *last = strrchr(line, '/');
		if (last && !strcmp(last + 1, unit))
			place = IN_UNIT;
	}
	free(line);
	fclose(f);
	return place;
}

/* One that has ended meanwhile need not be moved. */
static int
await_processes(const char *unit, const pid_t *pids, size_t n, int64_t deadline_ms, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	size_t i = 0, moved = 0;
	for (;;) {
		enum place place = ELSEWHERE;
		while (i < n && (place = find_process(pids[i], unit)) != ELSEWHERE) {
			moved += place == IN_UNIT;
			i++;
		}
		if (i == n && moved)
			return 0;
		if (i == n)
			return err_set(e, ERR_FAILED, "there is no process to be moved");
		if (monotonic_ms() >= deadline_ms)
			return err_set(e, ERR_FAILED,
				       "systemd has not moved process %d after %d ms", (int)pids[i],
				       SCOPE_DEADLINE_MS);
		nanosleep(&pause, NULL);
	}
}

enum scope
scope_enter(const char *suffix, const pid_t *pids, size_t n, struct err *e)
{
	char unit[UNIT_MAX];
	int64_t deadline_ms = monotonic_ms() + SCOPE_DEADLINE_MS;
	if (!booted_with_systemd())
		return SCOPE_NO_SYSTEMD;
	if (name_unit(unit, suffix, e))
		return SCOPE_FAILED;
	if (!check_same_pids(e)) {
		/* The answer may be lost, or the unit may be there already: a look decides. */
		if (start_unit(unit, pids, n, e))
			deadline_ms = 0;
		if (!await_processes(unit, pids, n, deadline_ms, e)) {
			*e = ERR_INIT;
			return SCOPE_ENTERED;
		}
	}
	e->code = ERR_FAILED;
	err_wrap(e, "entering the unit %s", unit);
	return SCOPE_FAILED;
}
