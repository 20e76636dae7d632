/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIDNS_UNKNOWN UINT64_MAX

struct stat_line {
	char state;
	pid_t parent;
	uint64_t start;
};

static const char *
skip_fields(const char *text, unsigned n)
{
	while (n && (text = strchr(text, ' '))) {
		text++;
		n--;
	}
	return text;
}

static bool
is_number(const char *text)
{
	return text && *text >= '0' && *text <= '9';
}

/* proc(5): "pid (comm) state ppid ..."; comm may hold anything, so count from the last ')'. */
static bool
parse_stat(struct stat_line *line, const char *text)
{
	const char *after = strrchr(text, ')');
	const char *state = after ? skip_fields(after, 1) : NULL;
	const char *parent = state ? skip_fields(state, 1) : NULL;
	const char *start = parent ? skip_fields(parent, 18) : NULL;
	if (!is_number(parent) || !is_number(start))
		return false;
	line->state = *state;
	line->parent = (pid_t)strtol(parent, NULL, 10);
	line->start = strtoull(start, NULL, 10);
	return true;
}

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
	if (!parse_stat(line, text)) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

/* A /proc of another pid namespace, as in `unshare --pid`, tells of strangers. */
static bool
proc_is_ours(void)
{
	char self[16] = "";
	ssize_t len = readlink("/proc/self", self, sizeof(self) - 1);
	return len > 0 && strtol(self, NULL, 10) == getpid();
}

static uint64_t
read_pidns(void)
{
	/* The link's text: to look behind it makes the kernel build an inode. */
	static const char before[] = "pid:[";
	char text[32] = "";
	if (readlink("/proc/self/ns/pid", text, sizeof(text) - 1) <= 0)
		return errno == ENOENT ? 0 : PIDNS_UNKNOWN; /* a kernel without them has none */
	if (!strncmp(text, before, strlen(before)))
		return strtoull(text + strlen(before), NULL, 10);
	errno = EPROTO;
	return PIDNS_UNKNOWN;
}

/* Read once: no process leaves its pid namespace, nor do its forks. But /proc may be covered. */
static uint64_t
own_pidns(void)
{
	static uint64_t pidns = PIDNS_UNKNOWN;
	if (!proc_is_ours())
		return PIDNS_UNKNOWN;
	if (pidns == PIDNS_UNKNOWN)
		pidns = read_pidns();
	return pidns;
}

static bool
is_dead(const struct stat_line *line)
{
	return line->state == 'Z' || line->state == 'X' || line->state == 'x';
}

struct process_self
process_self(void)
{
	struct process_self self = { .pidns = own_pidns() };
	struct stat st;
	if (stat("/proc/self/exe", &st))
		return self;
	self.exe_dev = st.st_dev;
	self.exe_ino = st.st_ino;
	/* A second hard link would be a second name. */
	ssize_t len = st.st_nlink == 1 ? readlink("/proc/self/exe", self.exe, sizeof(self.exe)) : 0;
	if (len > 0 && (size_t)len < sizeof(self.exe))
		self.exe[len] = '\0';
	else
		self.exe[0] = '\0';
	return self;
}

int
process_read(struct process *process, pid_t *parent, pid_t pid, const struct process_self *self)
{
	struct stat_line line;
	/* Whoever is recorded with that would never be known to have ended. */
	if (self->pidns == PIDNS_UNKNOWN) {
		errno = EIO;
		return -1;
	}
	if (read_stat(&line, pid))
		return -1;
	if (is_dead(&line)) {
		errno = ESRCH;
		return -1;
	}
	*process = (struct process){ .pid = pid, .start = line.start, .pidns = self->pidns };
	*parent = line.parent;
	return 0;
}

int
process_find(struct process *process, pid_t pid, struct err *e)
{
	const struct process_self self = { .pidns = own_pidns() };
	pid_t parent;
	if (self.pidns == PIDNS_UNKNOWN)
		return err_sys(
			e, ERR_FAILED, errno,
			"looking at /proc/self/ns/pid (is /proc that of this pid namespace?)");
	if (!process_read(process, &parent, pid, &self))
		return 0;
	if (errno == ENOENT)
		return err_set(e, ERR_USAGE, "there is no process %d", (int)pid);
	if (errno == ESRCH)
		return err_set(e, ERR_USAGE, "process %d has ended", (int)pid);
	return err_sys(e, ERR_FAILED, errno, "reading /proc/%d/stat", (int)pid);
}

bool
process_is_here(const struct process *process)
{
	return process->pidns == own_pidns();
}

/* A /proc mounted with hidepid hides what pidfd_open(2) still knows; zombies are readable. */
static bool
may_run(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) /* ESRCH, or a kernel or a container that does not know it */
		return errno != ESRCH && (!kill(pid, 0) || errno != ESRCH);
	struct pollfd ended = { .fd = fd, .events = POLLIN };
	bool runs = poll(&ended, 1, 0) == 0;
	close(fd);
	return runs;
}

bool
process_may_live(const struct process *process)
{
	struct stat_line line;
	if (process->pidns != own_pidns())
		return true;
	if (read_stat(&line, process->pid))
		return may_run(process->pid);
	return line.start == process->start && !is_dead(&line);
}

bool
process_same(const struct process *a, const struct process *b)
{
	return a->pid == b->pid && a->start == b->start && a->pidns == b->pidns;
}

/*
 * One file has one name, under whatever path another mount namespace has it; unless the file itself
 * is mounted under another name.
 */
static bool
has_our_name(const char *exe, const struct process_self *self)
{
	const char *ours = strrchr(self->exe, '/'), *its = strrchr(exe, '/');
	return !ours || !its || !strcmp(ours, its);
}

bool
process_is_ours(pid_t pid, const char *exe, const struct process_self *self)
{
	char path[48];
	struct stat st;
	if (!has_our_name(exe, self))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return self->exe_ino && !stat(path, &st) && st.st_dev == self->exe_dev &&
	       st.st_ino == self->exe_ino;
}
