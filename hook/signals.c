/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signals.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define N_ENDING (sizeof(ending) / sizeof(*ending))

static sigset_t mask_before;
static struct sigaction pipe_before, size_before, child_before;
static mode_t umask_before;

void
signals_init(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, fallback = { .sa_handler = SIG_DFL };
	sigaction(SIGPIPE, &ignore, &pipe_before);
	sigaction(SIGXFSZ, &ignore, &size_before);
	sigaction(SIGCHLD, &fallback, &child_before);
	sigprocmask(SIG_SETMASK, NULL, &mask_before);
	umask_before = umask(077);
}

void
signals_give_back(void)
{
	sigaction(SIGPIPE, &pipe_before, NULL);
	sigaction(SIGXFSZ, &size_before, NULL);
	sigaction(SIGCHLD, &child_before, NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
	umask(umask_before);
}

static sigset_t
ending_set(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < N_ENDING; i++)
		sigaddset(&set, ending[i]);
	return set;
}

void
signals_hold(void)
{
	sigset_t set = ending_set();
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void
signals_release(void)
{
	fflush(NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

int
signals_waiting(void)
{
	sigset_t pending;
	sigpending(&pending);
	for (size_t i = 0; i < N_ENDING; i++) {
		struct sigaction now;
		sigaction(ending[i], NULL, &now);
		if (sigismember(&pending, ending[i]) == 1 && now.sa_handler != SIG_IGN &&
		    sigismember(&mask_before, ending[i]) == 0)
			return ending[i];
	}
	return 0;
}

int
signals_check(struct err *e)
{
	int sig = signals_waiting();
	return sig ? err_set(e, ERR_FAILED, "interrupted by signal %d (%s)", sig, strsignal(sig))
		   : 0;
}

int
signals_die_of(int sig)
{
	struct rlimit none = { 0, 0 };
	struct sigaction fallback = { .sa_handler = SIG_DFL };
	sigset_t set;
	fflush(NULL);
	setrlimit(RLIMIT_CORE, &none);
	sigaction(sig, &fallback, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 128 + sig;
}
