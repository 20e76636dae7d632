/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clocks.h"

#define LOCK_FILE "lock"
#define POLL_MS 10
#define PID_SIZE 16
#define TURNS 6 /* of other holders, each as long as one may take */

static int
check_directory(const struct state *state, struct err *e)
{
	char name[NAME_BUF];
	struct stat st;
	err_name(name, state->path);
	if (fstat(state->dir, &st))
		return err_sys(e, ERR_FAILED, errno, "state directory %s", name);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, ERR_FAILED,
			       "state directory %s belongs to user %u; it must be root's or ours",
			       name, (unsigned)st.st_uid);
	if (st.st_mode & 022)
		return err_set(e, ERR_FAILED,
			       "state directory %s has mode %04o: others can write it (chmod 0700)",
			       name, (unsigned)(st.st_mode & 07777));
	return 0;
}

int
state_open(struct state *state, const char *path, bool create, struct err *e)
{
	char name[NAME_BUF];
	*state = STATE_CLOSED;
	state->path = path;
	state->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (state->dir < 0 && create) {
		if (mkdir(path, 0700) && errno != EEXIST)
			return err_sys(e, ERR_FAILED, errno, "creating the state directory %s",
				       err_name(name, path));
		state->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (state->dir < 0) {
		if (errno == ENOENT && !create)
			return 0;
		return err_sys(e, ERR_FAILED, errno, "opening the state directory %s",
			       err_name(name, path));
	}
	return check_directory(state, e);
}

/* Whoever has the lock writes his pid into it: "" is unknown. */
static void
read_holder(int fd, char pid[static PID_SIZE])
{
	memset(pid, 0, PID_SIZE);
	ssize_t len = pread(fd, pid, PID_SIZE - 1, 0);
	pid[len > 0 ? strspn(pid, "0123456789") : 0] = '\0';
}

enum lock_wait {
	LOCK_FAILED, /* errno */
	LOCK_OURS,
	LOCK_HELD,    /* by one for too long */
	LOCK_IN_TURN, /* by several */
};

static enum lock_wait
wait_for_lock(int fd, unsigned wait_s, char holder[static PID_SIZE])
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	const int64_t wait_ms = 1000 * (int64_t)wait_s, end = boottime_ms() + TURNS * wait_ms;
	int64_t turn_ends = 0;
	char now_holds[PID_SIZE];
	*holder = '\0';
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return LOCK_FAILED;
		int64_t now = boottime_ms();
		read_holder(fd, now_holds);
		if (!turn_ends || strcmp(now_holds, holder) != 0) {
			memcpy(holder, now_holds, PID_SIZE);
			turn_ends = now + wait_ms;
		}
		if (now >= turn_ends)
			return LOCK_HELD;
		if (now >= end)
			return LOCK_IN_TURN;
		nanosleep(&pause, NULL);
	}
	return LOCK_OURS;
}

int
state_lock(struct state *state, unsigned wait_s, struct err *e)
{
	char name[NAME_BUF], pid[PID_SIZE];
	int fd = openat(state->dir, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* A file system that became read-only must not keep a window from being closed. */
	if (fd < 0 && errno == EROFS) {
		fd = openat(state->dir, LOCK_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			errno = EROFS;
	}
	err_name(name, state->path);
	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "opening the lock %s/" LOCK_FILE, name);
	switch (wait_for_lock(fd, wait_s, pid)) {
	case LOCK_OURS:
		break;
	case LOCK_FAILED:
		err_sys(e, ERR_FAILED, errno, "locking %s/" LOCK_FILE, name);
		goto fail;
	case LOCK_HELD:
		err_set(e, ERR_BUSY,
			"busy: process %s has held the lock %s/" LOCK_FILE
			" for more than %u s; nothing was changed",
			*pid ? pid : "(unknown)", name, wait_s);
		goto fail;
	case LOCK_IN_TURN:
		err_set(e, ERR_BUSY,
			"busy: others have held the lock %s/" LOCK_FILE
			" in turn for more than %u s, process %s last; nothing was changed",
			name, TURNS * wait_s, *pid ? pid : "(unknown)");
		goto fail;
	}
	/* Only for who waits, who reads one line: a full disk does no harm. */
	int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (pwrite(fd, pid, (size_t)len, 0) != len)
		errno = 0;
	state->lock = fd;
	return 0;

fail:
	close(fd);
	return -1;
}

void
state_unlock(struct state *state)
{
	if (state->lock < 0)
		return;
	/* Explicitly: a fork that lives on may not have closed its copy yet. */
	(void)flock(state->lock, LOCK_UN);
	close(state->lock);
	state->lock = -1;
}

void
state_close(struct state *state)
{
	state_unlock(state);
	if (state->dir >= 0)
		close(state->dir);
	*state = STATE_CLOSED;
}
