/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Leaves the Nth child from now on of a process stopped before its first instruction, so that
 * another tracer can have it from the beginning. The process itself goes on.
 *
 *   nth_child PID N
 *
 * Says "attached", and later the child's pid. Exit status 1: PID had ended, with fewer children.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define FORKS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

static _Noreturn void
fail(const char *what)
{
	perror(what);
	exit(2);
}

static void
check(long result, const char *what)
{
	if (result < 0 && errno != ESRCH) /* killed meanwhile: waitpid(2) will tell */
		fail(what);
}

static bool
is_birth(int status)
{
	const int event = status >> 16;
	return event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	       event == PTRACE_EVENT_CLONE;
}

/* Until the next child; -1 if it ends before. */
static pid_t
wait_for_birth(pid_t parent)
{
	unsigned long child;
	int status;
	for (;;) {
		if (waitpid(parent, &status, __WALL) < 0)
			fail("waitpid");
		if (!WIFSTOPPED(status))
			return -1;
		if (is_birth(status)) {
			check(ptrace(PTRACE_GETEVENTMSG, parent, NULL, &child),
			      "PTRACE_GETEVENTMSG");
			return (pid_t)child;
		}
		/* A signal of its own; or it was stopped, and stays so until SIGCONT. */
		const bool event = status >> 16;
		const bool stopped = event && WSTOPSIG(status) != SIGTRAP;
		const long sig = event ? 0 : WSTOPSIG(status);
		check(ptrace(stopped ? PTRACE_LISTEN : PTRACE_CONT, parent, NULL, sig),
		      "PTRACE_CONT");
	}
}

/* With sig, which it finds before anything else. */
static void
let_go(pid_t child, long sig)
{
	int status;
	if (waitpid(child, &status, __WALL) < 0)
		fail("waitpid");
	if (sig && WIFSTOPPED(status)) {
		kill(child, (int)sig);
		check(ptrace(PTRACE_CONT, child, NULL, 0L), "PTRACE_CONT");
		if (waitpid(child, &status, __WALL) < 0)
			fail("waitpid");
	}
	check(ptrace(PTRACE_DETACH, child, NULL, sig), "PTRACE_DETACH");
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	const pid_t parent = (pid_t)strtol(argv[1], NULL, 10);
	const long n = strtol(argv[2], NULL, 10);
	if (ptrace(PTRACE_SEIZE, parent, NULL, (unsigned long)FORKS) < 0)
		fail("PTRACE_SEIZE");
	puts("attached");
	fflush(stdout);
	for (long i = 1;; i++) {
		const pid_t child = wait_for_birth(parent);
		if (child < 0)
			return 1;
		let_go(child, i == n ? SIGSTOP : 0);
		if (i == n) {
			check(ptrace(PTRACE_DETACH, parent, NULL, 0L), "PTRACE_DETACH");
			printf("%d\n", (int)child);
			return 0;
		}
		check(ptrace(PTRACE_CONT, parent, NULL, 0L), "PTRACE_CONT");
	}
}
