/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting the watchdog, from both sides of the fork; what it does then is watchdog_loop.c. */
#include "watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alert.h"
#include "backend.h"
#include "clocks.h"
#include "descriptors.h"
#include "log.h"
#include "privileges.h"
#include "request.h"
#include "scope.h"
#include "watchdog_loop.h"

#define READY_TIMEOUT_MS 3000
#define LOCK_TRIES 500
#define WATCHDOG_COMM "geopause-watch" /* at most 15 characters, prctl(2) */
#define OOM_SCORE_ADJ "-900"           /* it is small, and what it closes is not */

/* --- who lives --- */

static const char *
lock_name(char *buf, uint64_t netns)
{
	/* The journal's version, because a watchdog of another one does not watch over it. */
	snprintf(buf, JOURNAL_NAME_MAX, "watchdog-%" PRIu64 "-v%d", netns, JOURNAL_VERSION);
	return buf;
}

static pid_t
read_pid(int fd)
{
	char text[16] = "";
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	long pid = strtol(text, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

enum watchdog_state
watchdog_look(const struct state *state, uint64_t netns, pid_t *pid)
{
	char name[JOURNAL_NAME_MAX];
	*pid = 0;
	int fd = openat(state->dir, lock_name(name, netns),
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return WATCHDOG_ABSENT;
	*pid = read_pid(fd);
	bool dead = !flock(fd, LOCK_SH | LOCK_NB);
	close(fd);
	/* Empty: it never began. */
	return !dead ? WATCHDOG_LIVES : *pid ? WATCHDOG_DEAD : WATCHDOG_ABSENT;
}

void
watchdog_tidy(const struct state *state, uint64_t netns)
{
	char name[JOURNAL_NAME_MAX];
	pid_t pid;
	enum watchdog_state was = watchdog_look(state, netns, &pid);
	if (was == WATCHDOG_DEAD)
		log_event_take(LOG_NOTICE, "watchdog-dead", NULL,
			       "the watchdog (process %d) was killed before the window was closed",
			       (int)pid);
	if (was != WATCHDOG_LIVES)
		(void)unlinkat(state->dir, lock_name(name, netns), 0);
}

/* Whoever looks holds it, too, for a moment. */
static int
lock_exclusively(int fd)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -1;
}

/*
 * Locked by the opener, who holds the state's lock, and inherited by the watchdog: between the two
 * nobody can take it for dead, or start another.
 */
static int
open_lock(const struct state *state, uint64_t netns)
{
	char name[JOURNAL_NAME_MAX];
	int fd = openat(state->dir, lock_name(name, netns),
			O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (!lock_exclusively(fd))
		return fd;
	int sys = errno;
	close(fd);
	errno = sys;
	return -1;
}

/* Only for people, and for restore in other namespaces. */
static void
write_pid(int lock)
{
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(lock, 0) || pwrite(lock, pid, (size_t)len, 0) != len)
		errno = 0;
}

/* --- the watchdog's side --- */

/* Who calls the hook waits for the end of its pipes: without this there must be no watchdog. */
static int
replace_standard_descriptors(struct err *e)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool failed = null < 0;
	for (int fd = 0; !failed && fd < 3; fd++)
		failed = dup2(null, fd) < 0;
	if (failed)
		err_sys(e, ERR_FAILED, errno, "putting /dev/null in the place of stdin to stderr");
	if (null > 2)
		close(null);
	return failed ? -1 : 0;
}

static void
fear_not_the_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, OOM_SCORE_ADJ, strlen(OOM_SCORE_ADJ)) < 0)
		errno = 0; /* a container may not allow it */
	close(fd);
}

/* Sockets of our own. The modules stay loaded, whatever becomes of their files. */
static int
open_backends(struct backends *backends, struct err *e)
{
	for (size_t i = 0; i < backends->n; i++)
		if (backends->v[i].ops->open(&backends->v[i].backend, e))
			return -1;
	return 0;
}

/* A process of its own, because systemd may take its time. */
static void
leave_the_clients_cgroup(void)
{
	struct stat st;
	char suffix[24];
	const pid_t pids[2] = { getpid(), alert_pid() };
	if (lstat("/run/systemd/system", &st) || fork() != 0)
		return;
	struct err e = ERR_INIT;
	/* Nothing of the watchdog's is to wait for systemd. */
	descriptors_close_but(NULL, 0);
	snprintf(suffix, sizeof(suffix), "%d", (int)pids[0]);
	if (scope_enter(suffix, pids, pids[1] ? 2 : 1, &e) == SCOPE_FAILED)
		log_event_take(LOG_WARNING, "scope", NULL,
			       "the watchdog stays in the client's cgroup: %s", e.msg);
	_exit(0);
}

static int
detach(struct window *w, struct err *e)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t all;
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigaction(SIGCHLD, &ignore, NULL);
	if (replace_standard_descriptors(e))
		return -1;
	(void)prctl(PR_SET_NAME, WATCHDOG_COMM);
	/* Relative to a directory that must not be kept busy. */
	if (w->history && *w->history != '/')
		w->history = realpath(w->history, NULL);
	if (chdir("/"))
		errno = 0;
	fear_not_the_oom_killer();
	return 0;
}

/*
 * Whoever opens the window is done, or dead: nobody has the pipe's other end. Returns whether
 * something was lifted. The byte alone wakes nobody.
 */
static bool
wait_for_release(int hold)
{
	struct pollfd end = { .fd = hold, .events = 0 };
	char byte;
	ssize_t got;
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	while ((got = read(hold, &byte, 1)) < 0 && errno == EINTR)
		;
	close(hold);
	return got == 1;
}

static _Noreturn void
be_watchdog(struct window *w, const struct watchdog *dog)
{
	static struct state state;
	struct err e = ERR_INIT;
	/* What the client had open, and the opener. */
	const int kept[] = { w->state->dir, dog->ready, dog->hold, dog->lock, alert_descriptor() };
	descriptors_close_but(kept, sizeof(kept) / sizeof(*kept));
	state = (struct state){ .path = w->state->path, .dir = w->state->dir, .lock = -1 };
	w->journal = (struct journal){ 0 };
	w->there = false;
	w->yields = true;
	w->state = &state;
	if (!detach(w, &e))
		leave_the_clients_cgroup();
	write_pid(dog->lock);
	if (e.code || open_backends(w->backends, &e) ||
	    privileges_reduce(KEEP_NET_ADMIN | request_rights(w->backends), &e)) {
		log_event_take(LOG_ERR, "watchdog", NULL, "the watchdog cannot start: %s", e.msg);
		/* Nobody is to say that it was killed. */
		if (ftruncate(dog->lock, 0))
			errno = 0;
		_exit(1);
	}
	/* Who opens the window may be dead already: then we are needed the more. */
	if (write(dog->ready, "", 1) < 0)
		errno = 0;
	close(dog->ready);
	bool lifted = wait_for_release(dog->hold);
	char name[JOURNAL_NAME_MAX];
	watchdog_loop(w, &state, lock_name(name, w->id.netns), lifted);
	backends_close(w->backends); /* what they have begun outside, as a session, ends */
	_exit(0);
}

/* --- the opener's side --- */

static int
make_pipes(struct watchdog *dog, struct watchdog *its, int lock)
{
	int ready[2], hold[2];
	if (pipe2(ready, O_CLOEXEC))
		return -1;
	if (pipe2(hold, O_CLOEXEC)) {
		close(ready[0]);
		close(ready[1]);
		return -1;
	}
	*dog = (struct watchdog){ .ready = ready[0], .hold = hold[1], .lock = -1 };
	*its = (struct watchdog){ .ready = ready[1], .hold = hold[0], .lock = lock };
	return 0;
}

static void
forget_pipes(struct watchdog *dog)
{
	if (dog->ready >= 0)
		close(dog->ready);
	if (dog->hold >= 0)
		close(dog->hold);
	dog->ready = dog->hold = -1;
}

/* Both sides, before the fork. */
static int
prepare(struct watchdog *dog, struct watchdog *its, const struct window *w)
{
	int lock = open_lock(w->state, w->id.netns);
	if (lock >= 0 && !make_pipes(dog, its, lock))
		return 0;
	log_event_take(LOG_WARNING, "watchdog", NULL, "cannot make %s for a watchdog: %s",
		       lock < 0 ? "a lock" : "a pipe", strerror(errno));
	if (lock >= 0)
		close(lock);
	return -1;
}

/* What is lifted already, in a window whose watchdog is dead, may need other rights and modules. */
static void
load_backends(struct window *w)
{
	struct journal read = { 0 };
	struct err e = ERR_INIT;
	if (!w->there)
		(void)journal_read(w->state->dir, w->file, &read, &e);
	const struct lifts *lifts = w->there ? &w->journal.lifts : &read.lifts;
	for (size_t i = 0; i < lifts->n; i++)
		(void)backends_get(w->backends, lifts->v[i].backend, &e);
	journal_fini(&read);
}

/*
 * That of an opener which has just failed may not be a process of its own yet, and who it is
 * decides whether it sees our client.
 */
static enum watchdog_state
look_once_begun(const struct window *w, pid_t *pid)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	enum watchdog_state state = watchdog_look(w->state, w->id.netns, pid);
	for (int i = 0; i < LOCK_TRIES && state == WATCHDOG_LIVES && !*pid; i++) {
		nanosleep(&pause, NULL);
		state = watchdog_look(w->state, w->id.netns, pid);
	}
	return state;
}

bool
watchdog_start(struct watchdog *dog, struct window *w)
{
	struct watchdog its;
	pid_t pid;
	*dog = WATCHDOG_NONE;
	enum watchdog_state before = look_once_begun(w, &pid);
	if (before == WATCHDOG_LIVES)
		return true;
	if (before == WATCHDOG_DEAD)
		log_event_take(LOG_NOTICE, "watchdog-dead", NULL,
			       "the last watchdog (process %d) was killed; starting another",
			       (int)pid);
	load_backends(w);
	if (prepare(dog, &its, w))
		return false;
	fflush(NULL);
	dog->pid = fork();
	if (dog->pid == 0) {
		forget_pipes(dog);
		be_watchdog(w, &its);
	}
	int sys = errno;
	close(its.lock);
	forget_pipes(&its);
	if (dog->pid > 0)
		return true;
	dog->pid = 0;
	forget_pipes(dog);
	log_event_take(LOG_WARNING, "watchdog", NULL, "cannot fork a watchdog: %s", strerror(sys));
	return false;
}

bool
watchdog_ready(struct watchdog *dog)
{
	struct pollfd fd = { .fd = dog->ready, .events = POLLIN };
	char byte;
	if (!dog->pid)
		return true;
	while (poll(&fd, 1, READY_TIMEOUT_MS) < 0 && errno == EINTR)
		;
	return (fd.revents & POLLIN) && read(dog->ready, &byte, 1) == 1;
}

bool
watchdog_sees_us(const struct watchdog *dog, const struct window *w)
{
	char path[48], name[sizeof(WATCHDOG_COMM) + 1] = "";
	pid_t pid = dog->pid;
	if (pid || watchdog_look(w->state, w->id.netns, &pid) != WATCHDOG_LIVES)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool seen = fd >= 0 &&
		    read(fd, name, sizeof(name) - 1) == (ssize_t)strlen(WATCHDOG_COMM) + 1 &&
		    !strncmp(name, WATCHDOG_COMM, strlen(WATCHDOG_COMM));
	if (fd >= 0)
		close(fd);
	return seen;
}

void
watchdog_release_at_exit(const struct watchdog *dog, bool lifted)
{
	if (lifted && dog->hold >= 0 && write(dog->hold, "", 1) < 0)
		errno = 0;
}

void
watchdog_release(struct watchdog *dog, bool lifted)
{
	watchdog_release_at_exit(dog, lifted);
	forget_pipes(dog);
}

void
watchdog_ensure(struct window *w)
{
	struct watchdog dog;
	pid_t pid;
	if (!w->there || !w->journal.heartbeat_s ||
	    watchdog_look(w->state, w->id.netns, &pid) == WATCHDOG_LIVES)
		return;
	if (!watchdog_start(&dog, w) || !watchdog_ready(&dog))
		log_event_take(LOG_WARNING, "unwatched", NULL,
			       "there is no watchdog: window %s closes within %u s, also under a "
			       "client that lives",
			       w->journal.window, boottime_left(w->journal.expiry));
	watchdog_release(&dog, w->journal.lifts.n > 0);
}
