/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * measure COUNT FIRST... -- SECOND...: runs the two commands in turn, COUNT times, with their
 * stdout closed, and prints a line a run: "first|second WALL USER SYSTEM MEMORY", microseconds and
 * kilobytes. Ends with 1 when a command does not exit with 0. Between two runs it waits for longer
 * than the kernel needs to clean up after a transaction: in life, minutes lie between them. It does
 * not sleep meanwhile: the client that calls a hook is awake, and so is its processor.
 * Its parent is init, so that it is called as a client's hook is: geopause looks through all its
 * ancestors for whom the window is, and how many a shell has that a benchmark is started from says
 * nothing about geopause.
 *
 * A program of its own, because the peak memory that wait4 tells includes what the process held
 * before exec: from a small program that is next to nothing, from an interpreter it is everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US 50000

extern char **environ;

static long long
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long
timeval_us(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

static void
pause_awake(void)
{
	long long end = now_us() + PAUSE_US;

	while (now_us() < end)
		;
}

static int
spawn(pid_t *pid, char **argv)
{
	posix_spawn_file_actions_t actions;
	int ret;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	ret = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

static int
run(const char *name, char **argv)
{
	struct rusage usage;
	long long start;
	int status, ret;
	pid_t pid;

	pause_awake();
	start = now_us();
	ret = spawn(&pid, argv);
	if (ret != 0) {
		fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(ret));
		return -1;
	}
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return -1;
	printf("%s %lld %lld %lld %ld\n", name, now_us() - start, timeval_us(usage.ru_utime),
	       timeval_us(usage.ru_stime), usage.ru_maxrss);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "measure: %s %s: wait status %d\n", argv[0], argv[1], status);
		return -1;
	}
	return 0;
}

static int
measure(long count, char **first, char **second)
{
	while (count-- > 0)
		if (run("first", first) < 0 || run("second", second) < 0)
			return 1;
	return fflush(stdout) == 0 ? 0 : 1;
}

/* In a process whose parent is gone; returns its status. */
static int
measure_orphaned(long count, char **first, char **second)
{
	unsigned char status = 1;
	int done[2];
	pid_t pid;

	if (pipe2(done, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		return 1;
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		close(done[0]);
		status = (unsigned char)measure(count, first, second);
		_exit(write(done[1], &status, 1) == 1 ? 0 : 1);
	}
	close(done[1]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return read(done[0], &status, 1) == 1 ? status : 1;
}

int
main(int argc, char **argv)
{
	char **second = NULL;
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;

	for (int i = 2; i < argc && !second; i++)
		if (strcmp(argv[i], "--") == 0) {
			argv[i] = NULL;
			second = argv + i + 1;
		}
	if (count < 1 || !second || !second[0]) {
		fprintf(stderr, "usage: measure COUNT FIRST... -- SECOND...\n");
		return 2;
	}
	return measure_orphaned(count, argv + 2, second);
}
