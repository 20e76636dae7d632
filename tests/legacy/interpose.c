/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded, stands between a program and its setsockopt(2), at the first replacement of a table of
 * x_tables. Says what happens there: REPLACE_RUN, a shell command that is run before it, once, by
 * a process that was forked before the program has given up any right;
 * REPLACE_FAIL6, an errno that those of IPv6 fail with; REPLACE_WAIT and COUNTERS_WAIT, seconds
 * that it waits before a replacement, and before the counters are added after it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SET_REPLACE 64 /* IPT_SO_SET_REPLACE, IP6T_SO_SET_REPLACE */
#define SET_ADD_COUNTERS 65

static void
wait_for(const char *variable)
{
	const char *seconds = getenv(variable);

	if (seconds)
		sleep((unsigned)atoi(seconds));
}

static int runner = -1;

static _Noreturn void
run_when_told(int told, const char *command)
{
	char c;

	unsetenv("LD_PRELOAD");
	if (read(told, &c, 1) == 1 && system(command) == 0 && write(told, &c, 1) == 1)
		_exit(0);
	_exit(1);
}

__attribute__((constructor)) static void
make_runner(void)
{
	const char *command = getenv("REPLACE_RUN");
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
run_once(void)
{
	char c = 0;

	if (runner < 0)
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
		run_once();
		wait_for("REPLACE_WAIT");
		if (fail && level == IPPROTO_IPV6) {
			errno = atoi(fail);
			return -1;
		}
	}
	if (tables && name == SET_ADD_COUNTERS)
		wait_for("COUNTERS_WAIT");
	return next(fd, level, name, value, len);
}
