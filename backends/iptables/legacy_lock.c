/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iptables' lock. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "legacy_host.h"

#define LOCK_FILE "/run/xtables.lock"
#define LOCK_DEADLINE_MS 5000

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Whoever only tries again and again may never get it from those who wait in the kernel's queue. A
 * child waits there, for the one open file that is also ours: what it gets is ours.
 */
static pid_t
start_waiting(int fd)
{
	const pid_t self = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	signal(SIGTERM, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == self)
		while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
			;
	_exit(0);
}

static bool
has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

static bool
wait_for_lock(int fd)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	const int64_t end = now_ms() + LOCK_DEADLINE_MS;
	pid_t pid = start_waiting(fd);

	if (pid < 0)
		return false;
	while (!has_ended(pid)) {
		if (now_ms() >= end) {
			kill(pid, SIGKILL);
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
			break;
		}
		nanosleep(&moment, NULL);
	}
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static int
open_lock(void)
{
	return open(LOCK_FILE, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void
host_try_lock(struct legacy_host *host)
{
	int fd = host->lock < 0 ? open_lock() : -1;

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		host->lock = fd;
	else
		close(fd);
}

int
host_lock(struct legacy_host *host, struct err *e)
{
	int fd;

	if (host->lock >= 0)
		return 0;
	fd = open_lock();
	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "opening iptables' lock " LOCK_FILE);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && !wait_for_lock(fd)) {
		close(fd);
		return err_set(e, ERR_BUSY,
			       "iptables' lock " LOCK_FILE
			       " is held by somebody else for more than %d seconds (see "
			       "lslocks(8)): try again when that is done",
			       LOCK_DEADLINE_MS / 1000);
	}
	host->lock = fd;
	return 0;
}

void
host_unlock(struct legacy_host *host)
{
	if (host->lock >= 0) {
		/* Free even if the close fails: whoever waits for it may be this process. */
		(void)flock(host->lock, LOCK_UN);
		close(host->lock);
	}
	host->lock = -1;
	host_doubt(host);
}
