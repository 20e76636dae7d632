/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch.h"

#define CHUNK 65536   /* bytes */
#define LOOK_AGAIN 50 /* ms; how often to look for the end where there is no pidfd */

struct run {
	const struct tool *tool;
	struct tool_result *result;
	struct launched child;
	int pidfd;
	size_t fed;  /* of the input */
	size_t room; /* in result->out, without the NUL */
	size_t said; /* bytes in result->said, as they came */
};

bool
tool_exists(const char *name)
{
	char path[PATH_MAX];
	struct err e = ERR_INIT;
	return launch_find(name, path, &e) == 0 && launch_is_program(path);
}

/* --- signals ------------------------------------------------------------------------------------
 */

struct quiet {
	sigset_t mask;
	struct sigaction child, pipe;
};

/*
 * Ignored, SIGCHLD would take the exit status away; a handler could do the same. A program that
 * does not read all of its input is not our end.
 */
static void
keep_quiet(struct quiet *before)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, fallback = { .sa_handler = SIG_DFL };
	sigset_t all;
	sigaction(SIGPIPE, &ignore, &before->pipe);
	sigfillset(&all);
	/* Blocked, it would wait for us although it is ignored. */
	sigdelset(&all, SIGPIPE);
	sigprocmask(SIG_SETMASK, &all, &before->mask);
	sigaction(SIGCHLD, &fallback, &before->child);
}

static void
end_quiet(const struct quiet *before)
{
	sigaction(SIGPIPE, &before->pipe, NULL);
	sigaction(SIGCHLD, &before->child, NULL);
	/* Ignored again: of those that ended meanwhile nobody will ever hear. */
	while (before->child.sa_handler == SIG_IGN && waitpid(-1, NULL, WNOHANG) > 0)
		;
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static int
not_started(const char *name, const char *path, int sys, struct err *e)
{
	char shown[NAME_BUF];
	err_name(shown, name);
	if (sys == ENOENT && access(path, F_OK) == 0)
		return err_set(e, ERR_FAILED,
			       "starting %s: the interpreter that it names in its first line, or "
			       "its loader, does not exist",
			       shown);
	return err_sys(e, ERR_FAILED, sys, "starting %s", shown);
}

/* --- while it runs ------------------------------------------------------------------------------
 */

static int64_t
now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void
feed(struct run *run)
{
	const struct tool *tool = run->tool;
	if (run->fed < tool->input_len) {
		ssize_t n =
			write(run->child.in, tool->input + run->fed, tool->input_len - run->fed);
		if (n < 0 && again())
			return;
		/* It closed its stdin: whether that matters, its status says. */
		run->fed = n < 0 ? tool->input_len : run->fed + (size_t)n;
	}
	if (run->fed == tool->input_len)
		launch_close_end(&run->child.in);
}

static int
make_room(struct run *run)
{
	struct tool_result *result = run->result;
	size_t room = run->room == 0 ? CHUNK : run->room * 2;
	char *grown;
	if (result->out_len < run->room)
		return 0;
	if (room > run->tool->output_max + 1)
		room = run->tool->output_max + 1;
	grown = room > result->out_len ? realloc(result->out, room + 1) : NULL;
	if (grown == NULL)
		return -1;
	result->out = grown;
	result->out[result->out_len] = '\0';
	run->room = room;
	return 0;
}

/* Everything that is there. -1: more than can be taken. */
static int
take_output(struct run *run)
{
	struct tool_result *result = run->result;
	while (run->child.out >= 0) {
		if (make_room(run) != 0)
			return -1;
		ssize_t n = read(run->child.out, result->out + result->out_len,
				 run->room - result->out_len);
		if (n < 0 && again())
			break;
		if (n <= 0)
			launch_close_end(&run->child.out);
		else
			result->out_len += (size_t)n;
		result->out[result->out_len] = '\0';
		if (result->out_len > run->tool->output_max)
			return -1;
	}
	return 0;
}

/* Keeps the end. */
static void
keep_said(struct run *run, const char *text, size_t len)
{
	const size_t size = sizeof(run->result->said) - 1;
	char *said = run->result->said;
	if (len > size) {
		text += len - size;
		len = size;
	}
	if (run->said + len > size) {
		size_t gone = run->said + len - size;
		memmove(said, said + gone, run->said - gone);
		run->said -= gone;
	}
	memcpy(said + run->said, text, len);
	run->said += len;
}

/* A bounded part of what is there: a program that never stops talking must not keep us here. */
static void
take_said(struct run *run)
{
	char text[4096];
	for (int i = 0; run->child.err >= 0 && i < CHUNK / (int)sizeof(text); i++) {
		ssize_t n = read(run->child.err, text, sizeof(text));
		if (n < 0 && again())
			break;
		if (n <= 0)
			launch_close_end(&run->child.err);
		else
			keep_said(run, text, (size_t)n);
	}
}

/* It is not reaped, so that its process group keeps its number. */
static bool
has_ended(const struct run *run)
{
	siginfo_t info = { 0 };
	return waitid(P_PID, (id_t)run->child.pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       info.si_pid == run->child.pid;
}

/* Until it has ended, or must be. */
static enum tool_end
attend(struct run *run)
{
	const int64_t until = now_ms() + (int64_t)run->tool->deadline_s * 1000;
	while (!has_ended(run)) {
		struct pollfd fds[] = { { .fd = run->child.in, .events = POLLOUT },
					{ .fd = run->child.out, .events = POLLIN },
					{ .fd = run->child.err, .events = POLLIN },
					{ .fd = run->pidfd, .events = POLLIN } };
		int64_t left = until - now_ms();
		if (left <= 0)
			return TOOL_TIMED_OUT;
		if (run->pidfd < 0 && left > LOOK_AGAIN)
			left = LOOK_AGAIN;
		if (poll(fds, sizeof(fds) / sizeof(*fds), (int)left) <= 0)
			continue;
		if (fds[0].revents != 0)
			feed(run);
		take_said(run);
		if (take_output(run) != 0)
			return TOOL_TOO_MUCH;
	}
	return TOOL_EXITED;
}

/* --- afterwards ---------------------------------------------------------------------------------
 */

/* Lines become one, joined by "; ". */
static void
make_line(struct run *run)
{
	char line[2 * TOOL_STDERR_MAX], *said = run->result->said;
	size_t n = 0, gone;
	bool gap = false;
	for (size_t i = 0; i < run->said; i++) {
		if (said[i] == '\n' || said[i] == '\r') {
			gap = n > 0;
			continue;
		}
		if (gap) {
			line[n++] = ';';
			line[n++] = ' ';
		}
		gap = false;
		line[n++] = (char)(said[i] >= 0x20 && said[i] < 0x7f ? said[i] : '?');
	}
	gone = n < TOOL_STDERR_MAX ? 0 : n - (TOOL_STDERR_MAX - 1);
	memcpy(said, line + gone, n - gone);
	said[n - gone] = '\0';
}

static void
finish(struct run *run, enum tool_end end)
{
	struct tool_result *result = run->result;
	kill(-run->child.pid, SIGKILL);
	int status = launch_reap(run->child.pid);
	take_said(run);
	if (end == TOOL_EXITED && take_output(run) != 0)
		end = TOOL_TOO_MUCH;
	make_line(run);
	result->end = end;
	if (end == TOOL_EXITED && WIFSIGNALED(status)) {
		result->end = TOOL_KILLED;
		result->signal = WTERMSIG(status);
	}
	result->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
say(const struct tool *tool, const struct tool_result *result, struct err *e)
{
	const char *colon = result->said[0] != '\0' ? ": " : "";
	char name[NAME_BUF];
	err_name(name, tool->argv[0]);
	switch (result->end) {
	case TOOL_NOT_STARTED:
		return -1;
	case TOOL_EXITED:
		if (result->status == 0)
			return 0;
		return err_set(e, ERR_FAILED, "%s exited with status %d%s%s", name, result->status,
			       colon, result->said);
	case TOOL_KILLED:
		return err_set(e, ERR_FAILED, "%s was killed by signal %d (%s)%s%s", name,
			       result->signal, strsignal(result->signal), colon, result->said);
	case TOOL_TIMED_OUT:
		return err_set(e, ERR_FAILED, "%s had not ended after %u s and was killed%s%s",
			       name, tool->deadline_s, colon, result->said);
	case TOOL_TOO_MUCH:
		break;
	}
	return err_set(e, ERR_FAILED,
		       "%s wrote more to its stdout than the %zu bytes that are taken, or than "
		       "there is memory for, and was killed%s%s",
		       name, tool->output_max, colon, result->said);
}

int
tool_run(const struct tool *tool, struct tool_result *result, struct err *e)
{
	struct run run = { .tool = tool, .result = result, .pidfd = -1 };
	char path[PATH_MAX];
	struct quiet before;
	*result = (struct tool_result){ .end = TOOL_NOT_STARTED, .status = -1 };
	if (launch_find(tool->argv[0], path, e) != 0)
		return -1;
	keep_quiet(&before);
	int sys = launch(tool, path, &run.child);
	if (sys == 0) {
		run.pidfd = (int)syscall(SYS_pidfd_open, run.child.pid, 0);
		finish(&run, attend(&run));
		launch_close_end(&run.pidfd);
		launched_close(&run.child);
	}
	end_quiet(&before);
	return sys != 0 ? not_started(tool->argv[0], path, sys, e) : say(tool, result, e);
}

void
tool_result_fini(struct tool_result *result)
{
	free(result->out);
	*result = (struct tool_result){ .end = TOOL_NOT_STARTED };
}
