/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define LOCK_FILE "/run/xtables.lock"
#define LOCK_DEADLINE_MS 5000
#define TOOL_DEADLINE_S 15u
/*
 * A file that is the program's alone, so that nobody else can keep it waiting, and nothing is left
 * behind.
 */
#define OWN_LOCK "XTABLES_LOCKFILE=/proc/self/environ"

const char *const family_names[FAMILIES] = { [FAMILY_IPV4] = "IPv4", [FAMILY_IPV6] = "IPv6" };

static const struct {
	const char *tables; /* their names, of this thread's network namespace */
	const char *save, *restore;
} families[FAMILIES] = {
	[FAMILY_IPV4] = { "/proc/thread-self/net/ip_tables_names", "iptables-legacy-save",
			  "iptables-legacy-restore" },
	[FAMILY_IPV6] = { "/proc/thread-self/net/ip6_tables_names", "ip6tables-legacy-save",
			  "ip6tables-legacy-restore" },
};

bool
host_has(enum family family, const char *table)
{
	char names[256];
	bool found = false;
	FILE *f = fopen(families[family].tables, "re");

	if (!f)
		return false;
	while (!found && fgets(names, sizeof(names), f)) {
		names[strcspn(names, "\n")] = '\0';
		found = names[0] && (!table || !strcmp(names, table));
	}
	fclose(f);
	return found;
}

int
host_check_tools(struct err *e)
{
	for (enum family i = 0; i < FAMILIES; i++) {
		if (!host_has(i, NULL))
			continue;
		if (!tool_exists(families[i].save) || !tool_exists(families[i].restore))
			return err_set(e, ERR_FAILED,
				       "this host has %s tables of iptables-legacy, but %s or %s "
				       "is not in %s: install iptables with its legacy programs, "
				       "without which nobody can see or change these tables",
				       family_names[i], families[i].save, families[i].restore,
				       TOOL_PATH);
	}
	return 0;
}

bool
host_tracks(enum family family)
{
	unsigned long count = 0;
	FILE *f = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "re");

	if (f) {
		if (fscanf(f, "%lu", &count) != 1)
			count = 0;
		fclose(f);
	}
	return count > 0 || host_has(family, "nat");
}

/* --- the lock --- */

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

int
host_lock(struct legacy_host *host, struct err *e)
{
	int fd = open(LOCK_FILE, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

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
	if (host->lock >= 0)
		close(host->lock);
	host->lock = -1;
}

/* --- the programs --- */

int
host_save(const struct legacy_host *host, enum family family, const char *table, struct save *save,
	  struct err *e)
{
	const char *argv[] = { families[family].save, "-c", "-t", table, NULL };
	const struct tool tool = {
		.argv = argv,
		.output_max = TOOL_OUTPUT_MAX,
		.deadline_s = TOOL_DEADLINE_S,
		.hold = host->hold,
	};
	struct tool_result result = { 0 };
	int rc = tool_run(&tool, &result, e);

	if (rc == 0 && save_parse(save, result.out ? result.out : "", result.out_len, table, e) < 0)
		rc = err_wrap(e, "reading what %s says", families[family].save);
	tool_result_fini(&result);
	return rc;
}

static enum outcome
restore_failed(const char *name, const struct tool_result *result, const struct err *why,
	       struct err *e)
{
	const char *said = result->said[0] ? result->said : "it did not say why";

	if (result->end == TOOL_NOT_STARTED) {
		err_set(e, ERR_FAILED, "%s: %s", name, why->msg);
		return OUTCOME_NOT_DONE;
	}
	if (result->end != TOOL_EXITED) {
		err_set(e, ERR_FAILED, "%s was ended before it was done (%s): %s", name, why->msg,
			said);
		return OUTCOME_UNKNOWN;
	}
	if (result->status == 4)
		err_set(e, ERR_FAILED,
			"%s exited with status 4: %s (the lock, or a version before 1.8.6, which "
			"knows no other lock than the one that is held for it)",
			name, said);
	else
		err_set(e, ERR_FAILED, "%s exited with status %d: %s", name, result->status, said);
	return OUTCOME_NOT_DONE;
}

enum outcome
host_restore(const struct legacy_host *host, enum family family, const char *script, size_t len,
	     struct err *e)
{
	const char *argv[] = { "env",       OWN_LOCK,     families[family].restore,
			       "--noflush", "--counters", "-w",
			       "5",         NULL };
	const struct tool tool = {
		.argv = argv,
		.input = script,
		.input_len = len,
		.output_max = TOOL_OUTPUT_MAX,
		.deadline_s = TOOL_DEADLINE_S,
		.hold = host->hold,
	};
	struct tool_result result = { 0 };
	struct err why = ERR_INIT;
	enum outcome outcome = OUTCOME_DONE;

	if (tool_run(&tool, &result, &why) < 0)
		outcome = restore_failed(families[family].restore, &result, &why, e);
	tool_result_fini(&result);
	return outcome;
}
