/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "alert.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clocks.h"
#include "log.h"
#include "scope.h"
#include "signals.h"

#define MESSAGES_FD 3 /* the only descriptor of the alerter beside 0, 1 and 2 */
#define PROGRAM_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* In the pipe as it is, so that a message is there as a whole or not at all: pipe(7), PIPE_BUF. */
struct message {
	int64_t time; /* seconds since 1970 */
	int status;
	char event[ALERT_EVENT_MAX];
	char text[ALERT_MESSAGE_MAX];
};
static_assert(sizeof(struct message) <= PIPE_BUF, "a message is written at once");

static struct {
	int fd;
	pid_t pid;
} alerter = { .fd = -1 };

/* A variable of the program's environment: "NAME=VALUE". */
#define VARIABLE_MAX (ALERT_MESSAGE_MAX + 32)

static _Noreturn void
be_program(const struct message *message, int input, char **argv)
{
	char event[VARIABLE_MAX], status[VARIABLE_MAX], text[VARIABLE_MAX], path[] = PROGRAM_PATH;
	char *environment[] = { path, event, status, text, NULL };
	snprintf(event, sizeof(event), "GEOPAUSE_EVENT=%s", message->event);
	snprintf(status, sizeof(status), "GEOPAUSE_STATUS=%d", message->status);
	snprintf(text, sizeof(text), "GEOPAUSE_MESSAGE=%s", message->text);
	setpgid(0, 0);
	if (dup2(input, STDIN_FILENO) == STDIN_FILENO) {
		signals_give_back();
		execve(argv[0], argv, environment);
	}
	_exit(127);
}

/* Escaped and all it is smaller than a page, and so than any pipe: it is written at once. */
static char *
document(const struct message *message)
{
	char host[HOST_NAME_MAX + 1] = "";
	if (gethostname(host, sizeof(host) - 1))
		host[0] = '\0';
	json_t *json = json_pack("{s:i,s:s,s:i,s:s,s:s,s:I}", "version", 1, "event", message->event,
				 "status", message->status, "message", message->text, "host", host,
				 "time", (json_int_t)message->time);
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(json);
	return text;
}

static pid_t
start_program(const struct message *message, char **argv)
{
	int input[2];
	char *text = document(message);
	if (!text || pipe2(input, O_CLOEXEC | O_NONBLOCK)) {
		free(text);
		return -1;
	}
	/* A program expects a stdin that waits. */
	fcntl(input[0], F_SETFL, 0);
	(void)!write(input[1], text, strlen(text));
	free(text);
	close(input[1]);
	pid_t pid = fork();
	if (pid == 0)
		be_program(message, input[0], argv);
	close(input[0]);
	return pid;
}

/* Its process group is killed at the deadline; what it left behind before goes on. */
static void
wait_for_program(pid_t pid, const char *path)
{
	char name[NAME_BUF];
	struct pollfd ended = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status = 0;
	bool late = poll(&ended, 1, ALERT_DEADLINE_S * 1000) == 0;
	if (late)
		kill(-pid, SIGKILL);
	if (ended.fd >= 0)
		close(ended.fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (late)
		log_event_take(LOG_WARNING, "alert", NULL, "alert: %s was killed after %u s",
			       err_name(name, path), ALERT_DEADLINE_S);
	else if (status)
		log_event_take(LOG_WARNING, "alert", NULL, "alert: %s ended with %s %d",
			       err_name(name, path), WIFEXITED(status) ? "status" : "signal",
			       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static bool
read_message(struct message *message)
{
	size_t used = 0;
	while (used < sizeof(*message)) {
		ssize_t got = read(MESSAGES_FD, (char *)message + used, sizeof(*message) - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		used += (size_t)got;
	}
	return true;
}

/* Nothing of geopause's is kept: the client waits for the end of our stdout, others for the lock.
 */
static int
detach(int messages)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	if (messages != MESSAGES_FD && dup3(messages, MESSAGES_FD, O_CLOEXEC) < 0)
		return -1;
	closefrom(MESSAGES_FD + 1);
	return chdir("/");
}

/* systemd ends with a unit whatever is in it, and it may be the unit that the news is about. */
static void
leave_the_clients_cgroup(void)
{
	struct err e = ERR_INIT;
	char suffix[24];
	const pid_t self = getpid();
	snprintf(suffix, sizeof(suffix), "alert-%d", (int)self);
	if (scope_enter(suffix, &self, 1, &e) == SCOPE_FAILED)
		log_event_take(LOG_WARNING, "scope", NULL,
			       "the alert's program stays in the client's cgroup: %s", e.msg);
}

static _Noreturn void
be_alerter(int messages, char **argv)
{
	struct message message;
	char name[NAME_BUF];
	signals_hold();
	setsid();
	if (detach(messages))
		_exit(1);
	prctl(PR_SET_NAME, "geopause-alert", 0, 0, 0);
	for (bool first = true; read_message(&message); first = false) {
		if (first)
			leave_the_clients_cgroup();
		pid_t pid = start_program(&message, argv);
		if (pid > 0)
			wait_for_program(pid, argv[0]);
		else
			log_event_take(LOG_WARNING, "alert", NULL, "alert: starting %s: %s",
				       err_name(name, argv[0]), strerror(errno));
	}
	_exit(0);
}

int
alert_prepare(const struct policy *policy, struct err *e)
{
	int ends[2];
	if (!policy->alert || alerter.fd >= 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC))
		return err_sys(e, ERR_FAILED, errno, "making a pipe for alerts");
	pid_t pid = fork();
	if (pid == 0)
		be_alerter(ends[0], policy->alert);
	int sys = errno;
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		return err_sys(e, ERR_FAILED, sys, "forking a process for alerts");
	}
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	alerter.fd = ends[1];
	alerter.pid = pid;
	return 0;
}

/* JSON has no place for what is not UTF-8, and no message should have it. */
static void
copy_printable(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
	for (char *c = to; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

void
alert_send(const char *event, int status, const char *message)
{
	if (alerter.fd < 0)
		return;
	struct message m = { .time = wall_now(), .status = status };
	copy_printable(m.event, sizeof(m.event), event);
	copy_printable(m.text, sizeof(m.text), message);
	if (write(alerter.fd, &m, sizeof(m)) != (ssize_t)sizeof(m))
		log_event_take(LOG_WARNING, "alert", NULL, "alert: the message was lost");
}

pid_t
alert_pid(void)
{
	return alerter.pid;
}

int
alert_descriptor(void)
{
	return alerter.fd;
}
