/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANCESTORS_MAX 64

struct stat_line {
	char state;
	pid_t parent;
	uint64_t start;
};

/* proc(5): "pid (comm) state ppid ..."; comm may hold anything, so count from the last ')'. */
static int
read_stat(struct stat_line *line, pid_t pid)
{
	char path[48], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	int sys = errno;
	close(fd);
	if (len <= 0) {
		errno = len ? sys : ESRCH;
		return -1;
	}
	text[len] = '\0';
	int parent;
	const char *after = strrchr(text, ')');
	if (!after || sscanf(after + 1,
			     " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			     "%*s %*s %*s %" SCNu64,
			     &line->state, &parent, &line->start) != 3) {
		errno = EPROTO;
		return -1;
	}
	line->parent = (pid_t)parent;
	return 0;
}

static uint64_t
own_pidns(void)
{
	struct stat st;
	return stat("/proc/self/ns/pid", &st) ? 0 : (uint64_t)st.st_ino;
}

static bool
is_dead(const struct stat_line *line)
{
	return line->state == 'Z' || line->state == 'X' || line->state == 'x';
}

int
process_find(struct process *process, pid_t pid, struct err *e)
{
	struct stat_line line;
	if (read_stat(&line, pid))
		return errno == ENOENT || errno == ESRCH
			       ? err_set(e, ERR_USAGE, "there is no process %d", (int)pid)
			       : err_sys(e, ERR_FAILED, errno, "reading /proc/%d/stat", (int)pid);
	if (is_dead(&line))
		return err_set(e, ERR_USAGE, "process %d has ended", (int)pid);
	*process = (struct process){ .pid = pid, .start = line.start, .pidns = own_pidns() };
	return 0;
}

bool
process_may_live(const struct process *process)
{
	struct stat_line line;
	if (process->pidns != own_pidns())
		return true;
	/* A /proc mounted with hidepid does not show what kill(2) still knows. */
	if (read_stat(&line, process->pid))
		return kill(process->pid, 0) == 0 || errno != ESRCH;
	return line.start == process->start && !is_dead(&line);
}

bool
process_same(const struct process *a, const struct process *b)
{
	return a->pid == b->pid && a->start == b->start && a->pidns == b->pidns;
}

static bool
runs_our_executable(pid_t pid, const struct stat *ours)
{
	char path[48];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return !stat(path, &st) && st.st_dev == ours->st_dev && st.st_ino == ours->st_ino;
}

struct process
process_guard(void)
{
	struct process nobody = { 0 };
	struct stat ours;
	pid_t pid = getppid();
	if (stat("/proc/self/exe", &ours))
		return nobody;
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		struct stat_line line;
		if (read_stat(&line, pid))
			return nobody;
		if (runs_our_executable(pid, &ours))
			return (struct process){ .pid = pid,
						 .start = line.start,
						 .pidns = own_pidns() };
		pid = line.parent;
	}
	return nobody;
}
