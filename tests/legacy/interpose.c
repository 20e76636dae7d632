/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded, stands between a program and its getsockopt(2) and setsockopt(2), where these are
 * about tables of x_tables. Says what happens there: REPLACE_RUN and COUNTERS_RUN, a shell command
 * that is run before the first replacement, or before counters are first added after one, by a
 * process that was forked before the program has given up any right; REPLACE_FAIL6, an errno that
 * replacements of IPv6 fail with; REPLACE_WAIT and COUNTERS_WAIT, seconds that it waits before each
 * of these; READS_LOG, a file that gets a line for each table that is read: whose process read
 * which family's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SET_REPLACE 64 /* IPT_SO_SET_REPLACE, IP6T_SO_SET_REPLACE */
#define SET_ADD_COUNTERS 65
#define GET_ENTRIES 65 /* IPT_SO_GET_ENTRIES, IP6T_SO_GET_ENTRIES */

static int
number_of(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > INT_MAX)
		abort();
	return (int)n;
}

static void
wait_for(const char *variable)
{
	const char *seconds = getenv(variable);

	if (seconds)
		sleep((unsigned)number_of(seconds));
}

static int runner = -1;

static bool
run(const char *command)
{
	const pid_t child = fork();
	int status;

	if (child == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static _Noreturn void
run_when_told(int told, const char *command)
{
	char c;

	unsetenv("LD_PRELOAD");
	if (read(told, &c, 1) == 1 && run(command) && write(told, &c, 1) == 1)
		_exit(0);
	_exit(1);
}

__attribute__((constructor)) static void
make_runner(void)
{
	const char *command =
		getenv("REPLACE_RUN") ? getenv("REPLACE_RUN") : getenv("COUNTERS_RUN");
	int ends[2];

	if (!command)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		abort();
	runner = ends[0];
	if (fork() == 0) {
		close(ends[0]);
		run_when_told(ends[1], command);
	}
	close(ends[1]);
}

static void
run_once(const char *variable)
{
	char c = 0;

	if (runner < 0 || !getenv(variable))
		return;
	if (write(runner, &c, 1) != 1 || read(runner, &c, 1) != 1)
		abort();
	close(runner);
	runner = -1;
}

__attribute__((visibility("default"))) int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int (*next)(int, int, int, const void *, socklen_t);
	const char *fail = getenv("REPLACE_FAIL6");
	const int tables = level == IPPROTO_IP || level == IPPROTO_IPV6;

	*(void **)&next = dlsym(RTLD_NEXT, "setsockopt");
	if (tables && name == SET_REPLACE) {
		run_once("REPLACE_RUN");
		wait_for("REPLACE_WAIT");
		if (fail && level == IPPROTO_IPV6) {
			errno = number_of(fail);
			return -1;
		}
	}
	if (tables && name == SET_ADD_COUNTERS) {
		run_once("COUNTERS_RUN");
		wait_for("COUNTERS_WAIT");
	}
	return next(fd, level, name, value, len);
}

static void
log_read(const char *file, int level)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%d IPv%d\n", (int)getpid(),
			   level == IPPROTO_IP ? 4 : 6);
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, line, (size_t)len) != len)
		abort();
	close(fd);
}

__attribute__((visibility("default"))) int
getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
	int (*next)(int, int, int, void *, socklen_t *);
	const char *file = getenv("READS_LOG");

	*(void **)&next = dlsym(RTLD_NEXT, "getsockopt");
	if (file && name == GET_ENTRIES && (level == IPPROTO_IP || level == IPPROTO_IPV6))
		log_read(file, level);
	return next(fd, level, name, value, len);
}
