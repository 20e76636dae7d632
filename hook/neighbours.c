/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neighbours.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clocks.h"
#include "fate.h"
#include "lasting.h"
#include "privileges.h"

static bool
not_expired(const struct journal *journal)
{
	for (size_t i = 0; i < journal->lifts.n; i++)
		if (!journal->lifts.v[i].expires_itself)
			return true;
	return journal->lifts.n > 0 && boottime_left(journal->expiry) > 0;
}

static void
describe(struct neighbour *one, const struct journal *journal, const struct identity *own)
{
	one->counts = identity_is_same_boot(&journal->id, own);
	one->state =
		one->counts ? journal_state_name(journal->state) : "of another boot or machine";
	one->may_be_open = one->counts && not_expired(journal);
	one->held = one->counts && journal->state == JOURNAL_OPEN && leases_held(&journal->leases);
}

static int
add(struct neighbours *all, const struct state *state, const char *file, uint64_t netns,
    const struct identity *own)
{
	struct neighbour *v = reallocarray(all->v, all->n + 1, sizeof(*v));
	struct journal journal;
	struct err why = ERR_INIT;
	if (!v)
		return -1;
	all->v = v;
	struct neighbour *one = &v[all->n++];
	*one = (struct neighbour){
		.netns = netns, .state = "not readable", .may_be_open = true, .counts = true
	};
	snprintf(one->file, sizeof(one->file), "%s", file);
	if (journal_read(state->dir, file, &journal, &why) != JOURNAL_GOOD)
		return 0;
	describe(one, &journal, own);
	journal_fini(&journal);
	return 0;
}

int
neighbours_read(struct neighbours *all, const struct state *state, const struct identity *own,
		struct err *e)
{
	const struct dirent *entry;
	uint64_t netns;
	int failed = 0;
	*all = (struct neighbours){ 0 };
	int fd = openat(state->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		err_sys(e, ERR_FAILED, errno, "reading the state directory");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (!failed && (entry = readdir(dir)))
		if (journal_name_parse(entry->d_name, &netns) && netns != own->netns)
			failed = add(all, state, entry->d_name, netns, own);
	closedir(dir);
	return failed ? err_set(e, ERR_FAILED, "out of memory") : 0;
}

void
neighbours_fini(struct neighbours *all)
{
	free(all->v);
	*all = (struct neighbours){ 0 };
}

static int
check_lease(const struct state *state, const struct neighbour *one, const struct lease *lease,
	    struct err *e)
{
	struct journal journal;
	struct err unread = ERR_INIT;
	if (journal_read(state->dir, one->file, &journal, &unread) != JOURNAL_GOOD)
		return 0;
	bool there = one->may_be_open && leases_find_own(&journal.leases, lease);
	if (there) {
		err_set(e, ERR_OPEN,
			"the lease was not given back: it is in window %s of another network "
			"namespace (%s); run `geopause post` inside it",
			journal.window, one->file);
		fate_may_be_open(e, &journal);
	}
	journal_fini(&journal);
	return there ? -1 : 0;
}

int
neighbours_check_lease(const struct state *state, const struct identity *own,
		       const struct lease *lease, struct err *e)
{
	struct neighbours all;
	int failed = neighbours_read(&all, state, own, e);
	for (size_t i = 0; !failed && i < all.n; i++)
		failed = check_lease(state, &all.v[i], lease, e);
	neighbours_fini(&all);
	return failed;
}

struct search {
	uint64_t netns;
	ino_t last; /* the namespace that was tried last: most processes share one */
	int refused;
};

/* Goes there. The cookie decides, so that it does not matter how the path was found. */
static bool
try_path(struct search *search, const char *path)
{
	struct stat st;
	struct statfs fs;
	struct err e = ERR_INIT;
	uint64_t netns;
	bool found = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		search->refused |= errno == EACCES || errno == EPERM;
		return false;
	}
	if (!fstatfs(fd, &fs) && fs.f_type == NSFS_MAGIC && !fstat(fd, &st) &&
	    st.st_ino != search->last) {
		search->last = st.st_ino;
		if (!setns(fd, CLONE_NEWNET))
			found = !identity_netns(&netns, &e) && netns == search->netns;
		else
			search->refused |= errno == EPERM;
	}
	close(fd);
	return found;
}

/* Entries that lead nowhere (/proc/tty) cost nothing. */
static bool
try_directory(struct search *search, const char *directory, const char *suffix)
{
	char path[NAME_MAX + 32];
	const struct dirent *entry;
	bool found = false;
	DIR *dir = opendir(directory);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s%s", directory, entry->d_name, suffix);
		found = try_path(search, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int
enter(uint64_t netns, struct err *e)
{
	struct search search = { .netns = netns };
	if (try_directory(&search, "/run/netns", "") || try_directory(&search, "/proc", "/ns/net"))
		return 0;
	return err_set(e, ERR_FAILED, "%s",
		       search.refused ? "it was not found, but not every one could be looked into"
				      : "it has neither a process nor a name in /run/netns");
}

static int
restore_here(const struct session *there, bool stale, struct err *e)
{
	/* A fork has the descriptors, and the lock. */
	struct session here = { .state = there->state };
	struct window *w = &here.window;
	struct backends backends = { 0 };
	const struct names *sweeps = &there->window.sweeps;
	const char *history = there->window.history;
	int failed = privileges_reduce(
			     KEEP_NET_ADMIN | KEEP_DAC_READ_SEARCH | lasting_rights(history), e) ||
		     window_init(w, &here.state, &backends, history, e);
	for (size_t i = 0; !failed && i < sweeps->n; i++)
		failed = window_add_sweep(w, sweeps->v[i], e);
	w->waits = true;
	failed = failed || session_restore(&here, stale, e);
	if (failed)
		e->code = ERR_OPEN;
	return failed;
}

static _Noreturn void
be_visitor(int reply, pid_t parent, const struct neighbour *one, const struct session *here,
	   bool stale)
{
	struct err e = ERR_INIT;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() == parent && !enter(one->netns, &e))
		(void)restore_here(here, stale, &e);
	(void)!write(reply, &e, sizeof(e));
	_exit(0);
}

/* The child has our lock, or has taken its own: it must have ended before we go on. */
static int
wait_for_visitor(pid_t pid, int reply, struct err *e)
{
	struct err theirs = ERR_INIT;
	struct pollfd told = { .fd = reply, .events = POLLIN };
	int ready = poll(&told, 1, NEIGHBOUR_DEADLINE_S * 1000);
	ssize_t got = ready > 0 ? read(reply, &theirs, sizeof(theirs)) : 0;
	if (ready <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (ready <= 0)
		return err_set(e, ERR_OPEN, "restoring it took more than %u s",
			       NEIGHBOUR_DEADLINE_S);
	if (got != (ssize_t)sizeof(theirs))
		return err_set(e, ERR_OPEN, "the process that restored it was killed");
	if (theirs.code != ERR_NONE)
		*e = theirs;
	return theirs.code == ERR_NONE ? 0 : -1;
}

int
neighbour_restore(const struct neighbour *one, struct session *here, bool stale, struct err *e)
{
	int reply[2];
	pid_t parent = getpid();
	struct err unlocked = ERR_INIT;
	if (pipe2(reply, O_CLOEXEC))
		return err_sys(e, ERR_FAILED, errno, "making a pipe");
	pid_t pid = fork();
	if (pid == 0)
		be_visitor(reply[1], parent, one, here, stale);
	int sys = errno;
	close(reply[1]);
	int failed =
		pid < 0 ? err_sys(e, ERR_FAILED, sys, "fork") : wait_for_visitor(pid, reply[0], e);
	close(reply[0]);
	/* It may have given the lock away, to wait. */
	state_unlock(&here->state);
	if (!state_lock(&here->state, LOCK_WAIT_RESTORE_S, &unlocked))
		return failed;
	*e = unlocked;
	e->code = ERR_OPEN;
	return -1;
}
