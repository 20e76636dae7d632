/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the program does to scope_enter: a child that has detached itself calls it, the parent ends.
 *
 *   watcher SUFFIX FILE [PID...]    moves the child, and these
 *
 * One line a thing that happens goes to FILE: the child's pid; what scope_enter returned, with its
 * message and the milliseconds it took; TERM, when the child gets this signal and ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scope.h"

#define PIDS_MAX 8

static long
monotonic_ms(void)
{
	struct timespec ts = { 0 };
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
enter(const char *suffix, const pid_t *pids, size_t n, FILE *out)
{
	static const char *const names[] = {
		[SCOPE_ENTERED] = "entered",
		[SCOPE_NO_SYSTEMD] = "no systemd",
		[SCOPE_FAILED] = "failed",
	};
	struct err e = ERR_INIT;
	long begin = monotonic_ms();
	enum scope scope = scope_enter(suffix, pids, n, &e);
	fprintf(out, "%s: %s (%ld ms)\n", names[scope], e.msg, monotonic_ms() - begin);
	fflush(out);
}

static int
watch(const char *suffix, pid_t *pids, size_t n, FILE *out)
{
	sigset_t term;
	int signal;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	setsid();
	pids[0] = getpid();
	fprintf(out, "pid %d\n", (int)getpid());
	enter(suffix, pids, n, out);
	if (sigwait(&term, &signal))
		return 1;
	fputs("TERM\n", out);
	return fclose(out) ? 1 : 0;
}

/* The parent waits for the second line: the file is a pipe's stand-in that outlives it. */
static int
await_lines(const char *path, int lines)
{
	static const struct timespec pause = { .tv_nsec = 10000000L };
	for (int tries = 0; tries < 1000; tries++) {
		int n = 0;
		FILE *f = fopen(path, "re");
		for (int c; f && (c = getc(f)) != EOF;)
			n += c == '\n';
		if (f)
			fclose(f);
		if (n >= lines)
			return 0;
		nanosleep(&pause, NULL);
	}
	return 1;
}

int
main(int argc, char **argv)
{
	pid_t pids[PIDS_MAX] = { 0 };
	size_t n = 1;
	if (argc < 3 || argc - 3 >= PIDS_MAX)
		return 2;
	for (int i = 3; i < argc; i++)
		pids[n++] = (pid_t)strtol(argv[i], NULL, 10);
	FILE *out = fopen(argv[2], "ae");
	if (!out)
		return 1;
	pid_t child = fork();
	if (child == 0)
		return watch(argv[1], pids, n, out);
	fclose(out);
	return child < 0 || await_lines(argv[2], 2) ? 1 : 0;
}
