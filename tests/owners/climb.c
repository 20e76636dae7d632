/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What ancestry_read() finds from here, as a line of JSON; how long it takes; or, as an ancestor,
 * runs a command and waits for it. A copy under another name (lego, cron, sudo) stands for it; the
 * same file stands for `geopause run`.
 *
 *   climb
 *   climb --time ROUNDS
 *   climb --spawn COMMAND [ARGUMENT...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ancestry.h"

static int
print(void)
{
	const struct ancestry a = ancestry_read();
	/* A name may hold any printable character. */
	for (const char *at = a.name; *at; at++) {
		if (*at == '"' || *at == '\\')
			return EXIT_FAILURE;
	}
	printf("{\"owner\": {\"pid\": %d, \"name\": \"%s\"}, \"guard\": {\"pid\": %d}, "
	       "\"via\": {\"pid\": %d}}\n",
	       (int)a.owner.pid, a.name, (int)a.guard.pid, (int)a.via.pid);
	return EXIT_SUCCESS;
}

static int
measure(long rounds)
{
	struct timespec start, end;
	long found = 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (long i = 0; i < rounds; i++)
		found += ancestry_read().via.pid != 0;
	clock_gettime(CLOCK_MONOTONIC, &end);
	double us = (double)(end.tv_sec - start.tv_sec) * 1e6 +
		    (double)(end.tv_nsec - start.tv_nsec) / 1e3;
	printf("{\"found\": %ld, \"microseconds\": %.1f}\n", found, us / (double)rounds);
	return EXIT_SUCCESS;
}

static int
spawn(char **argv)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--spawn"))
		return spawn(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "--time"))
		return measure(strtol(argv[2], NULL, 10));
	return print();
}
