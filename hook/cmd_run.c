/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * COMMAND is forked first and waits on a pipe, so that the lease can be its own: killing `run`
 * closes nothing early. It stays in our process group, because prompts need the terminal; INT and
 * QUIT therefore reach it from the terminal and are ignored here, TERM and HUP are forwarded.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alert.h"
#include "command.h"
#include "fate.h"
#include "history.h"
#include "lasting.h"
#include "log.h"
#include "opening.h"
#include "options.h"
#include "output.h"
#include "privileges.h"
#include "request.h"
#include "session.h"
#include "signals.h"

enum {
	EXIT_NOT_RUN = 125, /* as env(1) */
	EXIT_CANNOT_EXEC = 126,
	EXIT_NOT_FOUND = 127,
};

/* What COMMAND waits for. */
enum {
	GO = 'g',
	STAY = 's'
};

struct run {
	const struct options *options;
	struct backends backends;
	struct request request;
	struct lease lease; /* COMMAND's; kind LEASE_TIMED until it is taken */
	bool lifted;
	char window[TXN_BUF]; /* that it is in, if lifted */
	pid_t pid;
	int go;     /* GO lets COMMAND start, all else ends it */
	int failed; /* the errno of its exec, or the end of file */
};

static _Noreturn void
be_command(int go, int failed, char **argv)
{
	char byte;
	signals_give_back();
	if (read(go, &byte, 1) != 1 || byte != GO)
		_exit(EXIT_NOT_RUN);
	execvp(argv[0], argv);
	int sys = errno;
	(void)!write(failed, &sys, sizeof(sys));
	_exit(sys == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC);
}

static int
fork_command(struct run *run, struct err *e)
{
	int go[2], failed[2];
	if (pipe2(go, O_CLOEXEC))
		return err_sys(e, ERR_FAILED, errno, "making a pipe");
	if (pipe2(failed, O_CLOEXEC)) {
		int sys = errno;
		close(go[0]);
		close(go[1]);
		return err_sys(e, ERR_FAILED, sys, "making a pipe");
	}
	fflush(NULL);
	run->pid = fork();
	int sys = errno;
	if (run->pid == 0) {
		close(go[1]);
		be_command(go[0], failed[1], run->options->argv);
	}
	close(go[0]);
	close(failed[1]);
	run->go = go[1];
	run->failed = failed[0];
	return run->pid < 0 ? err_sys(e, ERR_FAILED, sys, "fork") : 0;
}

static void
name_command(struct lease *lease, const char *command)
{
	char name[NAME_BUF];
	const char *base = strrchr(command, '/');
	err_name(name, base ? base + 1 : command);
	snprintf(lease->owner_name, sizeof(lease->owner_name), "%.*s",
		 (int)sizeof(lease->owner_name) - 1, name);
}

static int
lift(struct run *run, struct err *e)
{
	struct opening opening;
	const struct ancestry above = ancestry_read();
	struct lease lease = { .kind = LEASE_OWNER, .guard = above.guard };
	unsigned keep = KEEP_NET_ADMIN | KEEP_SYS_RESOURCE | KEEP_KILL |
			lasting_rights(history_directory(run->options));
	if (process_find(&lease.owner, run->pid, e) || process_find(&lease.keeper, getpid(), e) ||
	    request_load(&run->request, run->options, keep, &run->backends, e)) {
		fate_add(e, "nothing was changed");
		return -1;
	}
	name_command(&lease, run->options->argv[0]);
	run->lease = lease;
	run->lifted = !opening_take(&opening, run->options, &run->backends, &run->request,
				    &run->lease, e);
	memcpy(run->window, opening.session.window.journal.window, sizeof(run->window));
	opening_end(&opening, &run->backends, false);
	return run->lifted ? 0 : -1;
}

/* The lease and those that COMMAND's own hooks took and did not give back. */
static int
give_back(struct run *run, struct err *e)
{
	struct session session;
	struct process self;
	if (process_find(&self, getpid(), e))
		return -1;
	if (session_begin_closing(&session, run->options, &run->backends, LOCK_WAIT_RESTORE_S, e))
		/* There is not even a place for a window: told, and no reason to be wary. */
		return e->code == ERR_FAILED && !run->lifted ? 0 : -1;
	session.window.known = run->lifted ? run->window : NULL;
	int failed = session_give_back(&session, run->lifted ? &run->lease : NULL, &self, e);
	session_end(&session);
	return failed;
}

static sigset_t
wanted_signals(void)
{
	static const int wanted[] = { SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		sigaddset(&set, wanted[i]);
	return set;
}

/* Has COMMAND ended? Others of ours, as a watchdog that was killed, are not left as zombies. */
static bool
reap(const struct run *run, int *status)
{
	pid_t pid;
	int ended;
	while ((pid = waitpid(-1, &ended, WNOHANG)) > 0)
		if (pid == run->pid) {
			*status = ended;
			return true;
		}
	return false;
}

/* COMMAND's wait status. */
static int
wait_for_command(const struct run *run)
{
	const sigset_t set = wanted_signals();
	int status;
	while (!reap(run, &status)) {
		siginfo_t info;
		int sig = sigwaitinfo(&set, &info);
		if (sig == SIGTERM || sig == SIGHUP)
			kill(run->pid, sig);
	}
	return status;
}

/* Those that COMMAND got from the terminal, too, and that we ignored. */
static void
drop_interrupts(void)
{
	const struct timespec now = { 0 };
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	while (sigtimedwait(&set, NULL, &now) > 0)
		;
}

static int
end_as_command(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return signals_die_of(WTERMSIG(status));
}

/* After COMMAND: closes, and says with which status all of it ends. */
static int
finish(struct run *run, int status, int exec_errno)
{
	struct err e = ERR_INIT;
	char name[NAME_BUF];
	if (exec_errno)
		log_event_take(LOG_ERR, "exec", NULL, "%s: %s",
			       err_name(name, run->options->argv[0]), strerror(exec_errno));
	if (give_back(run, &e)) {
		if (e.code != ERR_OPEN)
			fate_add(&e, "the window stays open until it expires");
		fate_add(&e, "COMMAND ended with %s %d", WIFEXITED(status) ? "status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		alert_send("run", ERR_OPEN, e.msg);
		log_failure(&e);
		drop_interrupts();
		return ERR_OPEN;
	}
	if (e.code)
		log_failure(&e);
	drop_interrupts();
	return end_as_command(status);
}

static int
read_exec_errno(const struct run *run)
{
	int sys = 0;
	ssize_t got = read(run->failed, &sys, sizeof(sys));
	return got == (ssize_t)sizeof(sys) ? sys : 0;
}

static int
let_go(struct run *run)
{
	(void)!write(run->go, (char[]){ GO }, 1);
	close(run->go);
	run->go = -1;
	int exec_errno = read_exec_errno(run);
	return finish(run, wait_for_command(run), exec_errno);
}

/* The lift failed: COMMAND is not run. */
static int
refuse(struct run *run, struct err *e)
{
	int status;
	/* Not by the close alone: another process may have the pipe open for a moment. */
	(void)!write(run->go, (char[]){ STAY }, 1);
	close(run->go);
	run->go = -1;
	while (run->pid > 0 && waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	fate_add(e, "COMMAND was not run");
	alert_send("run", (int)e->code, e->msg);
	log_failure(e);
	return e->code == ERR_OPEN ? ERR_OPEN : EXIT_NOT_RUN;
}

static int
run_command(struct run *run)
{
	struct err e = ERR_INIT;
	const struct options *options = run->options;
	if (fork_command(run, &e))
		return refuse(run, &e);
	if (!options->guard && lift(run, &e)) {
		if (!options->anyway || signals_waiting())
			return refuse(run, &e);
		fate_add(&e, "running COMMAND all the same");
		alert_send("run", (int)e.code, e.msg);
		log_failure(&e);
	}
	return let_go(run);
}

int
cmd_run(const struct options *options)
{
	struct run run = { .options = options, .go = -1, .failed = -1 };
	const sigset_t set = wanted_signals();
	sigprocmask(SIG_BLOCK, &set, NULL);
	int status = run_command(&run);
	request_fini(&run.request);
	backends_close(&run.backends);
	signals_release();
	return status;
}
