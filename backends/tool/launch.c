/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child, beside 0, 1 and 2. */
#define HOLD_FD 3
#define REPORT_FD 4 /* errno of a failed execve goes here; closed by one that works */
#define ABOVE_FD 16 /* the lowest number that none of the above can have */

/* The child's ends, and where it reports that it could not be started. */
struct ends {
	int in, out, err, report;
};

/* --- which program ------------------------------------------------------------------------------
 */

bool
launch_is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* A name in the directories of TOOL_PATH. 0, or -1 if there is none. */
static int
look_for(const char *name, char path[PATH_MAX])
{
	for (const char *dir = TOOL_PATH; *dir != '\0';) {
		size_t len = strcspn(dir, ":");
		int n = snprintf(path, PATH_MAX, "%.*s/%s", (int)len, dir, name);
		if (n > 0 && n < PATH_MAX && launch_is_program(path))
			return 0;
		dir += len + (dir[len] == ':');
	}
	return -1;
}

int
launch_find(const char *name, char path[PATH_MAX], struct err *e)
{
	char shown[NAME_BUF];
	if (strchr(name, '/') == NULL) {
		if (look_for(name, path) == 0)
			return 0;
		return err_sys(e, ERR_FAILED, ENOENT, "%s is not in " TOOL_PATH,
			       err_name(shown, name));
	}
	if (strlen(name) >= PATH_MAX)
		return err_sys(e, ERR_FAILED, ENAMETOOLONG, "%s", err_name(shown, name));
	memcpy(path, name, strlen(name) + 1);
	return 0;
}

/* --- the child ----------------------------------------------------------------------------------
 */

static void
default_signals(void)
{
	struct sigaction fallback = { .sa_handler = SIG_DFL };
	sigset_t none;
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &fallback, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* All are moved out of the way first: any of them may have one of the low numbers. */
static int
place_descriptors(const struct ends *ends, int hold)
{
	int from[] = { ends->in, ends->out, ends->err, hold, ends->report };
	for (int to = 0; to <= REPORT_FD; to++) {
		if (from[to] < 0)
			continue;
		from[to] = fcntl(from[to], F_DUPFD_CLOEXEC, ABOVE_FD);
		if (from[to] < 0)
			return -1;
	}
	for (int to = 0; to <= REPORT_FD; to++)
		if (from[to] < 0)
			close(to);
		else if (dup3(from[to], to, to == REPORT_FD ? O_CLOEXEC : 0) < 0)
			return -1;
	closefrom(REPORT_FD + 1);
	return 0;
}

static _Noreturn void
be_program(const struct tool *tool, const char *path, const struct ends *ends, pid_t parent)
{
	static char search[] = "PATH=" TOOL_PATH, locale[] = "LC_ALL=C";
	char *environment[] = { search, locale, NULL };
	int report = ends->report;
	/* Its leader cannot leave its process group; and nobody answers what it asks a terminal. */
	setsid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && chdir("/") == 0 &&
	    place_descriptors(ends, tool->hold) == 0) {
		report = REPORT_FD;
		default_signals();
		/* execve does not write to what it is given. */
		execve(path, (char *const *)(uintptr_t)tool->argv, environment);
	}
	int sys = errno;
	(void)!write(report, &sys, sizeof(sys));
	_exit(127);
}

/* --- starting it --------------------------------------------------------------------------------
 */

void
launch_close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
close_ends(struct ends *ends)
{
	launch_close_end(&ends->in);
	launch_close_end(&ends->out);
	launch_close_end(&ends->err);
	launch_close_end(&ends->report);
}

void
launched_close(struct launched *child)
{
	launch_close_end(&child->in);
	launch_close_end(&child->out);
	launch_close_end(&child->err);
}

/* A pipe of which our end does not block. */
static int
open_pipe(int *ours, int *theirs, bool we_write)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	*ours = fds[we_write ? 1 : 0];
	*theirs = fds[we_write ? 0 : 1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int
open_ends(struct launched *child, struct ends *ends, bool fed, int *report)
{
	int fds[2];
	if (open_pipe(&child->out, &ends->out, false) != 0 ||
	    open_pipe(&child->err, &ends->err, false) != 0)
		return -1;
	if (fed) {
		if (open_pipe(&child->in, &ends->in, true) != 0)
			return -1;
	} else {
		ends->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (ends->in < 0)
			return -1;
	}
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	*report = fds[0];
	ends->report = fds[1];
	return 0;
}

/*
 * errno of the child that could not start the program; 0: it runs. So it does as long as nothing
 * else was heard: how it ends will tell.
 */
static int
hear_report(int report)
{
	int sys = 0;
	ssize_t n;
	do
		n = read(report, &sys, sizeof(sys));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(sys) ? sys : 0;
}

int
launch_reap(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

int
launch(const struct tool *tool, const char *path, struct launched *child)
{
	struct ends ends = { -1, -1, -1, -1 };
	*child = (struct launched){ .pid = -1, .in = -1, .out = -1, .err = -1 };
	const pid_t self = getpid();
	int report = -1;
	int sys = open_ends(child, &ends, tool->input != NULL, &report) == 0 ? 0 : errno;
	if (sys == 0) {
		child->pid = fork();
		if (child->pid == 0)
			be_program(tool, path, &ends, self);
		sys = child->pid < 0 ? errno : 0;
	}
	close_ends(&ends);
	if (sys == 0) {
		sys = hear_report(report);
		if (sys != 0)
			launch_reap(child->pid);
	}
	launch_close_end(&report);
	if (sys != 0)
		launched_close(child);
	return sys;
}
