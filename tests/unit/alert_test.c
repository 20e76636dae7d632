/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Built with a deadline of one second. Each case runs as a hook would, in a child whose orphans
 * come back to us: a case is over when the hook, its alerter and the programs are gone.
 *
 * The program that is alerted is this one: called with a file's name it appends to it what it got.
 */
#include "alert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"
#include "unit.h"

extern char **environ;

static char self[4096];
static char dir[] = "/tmp/alert-test-XXXXXX";
static char out[64];

/* --- the program that is alerted ----------------------------------------------------------------
 */

static json_t *
own_environment(void)
{
	json_t *all = json_array();
	for (char **one = environ; *one; one++)
		json_array_append_new(all, json_string(*one));
	return all;
}

/* Without the one of the directory itself. */
static size_t
open_descriptors(void)
{
	size_t n = 0;
	DIR *fds = opendir("/proc/self/fd");
	while (fds && readdir(fds))
		n++;
	if (fds)
		closedir(fds);
	return n - 3;
}

static bool
goes_to_null(int fd)
{
	struct stat st, null;
	return !fstat(fd, &st) && !stat("/dev/null", &null) && st.st_rdev == null.st_rdev &&
	       S_ISCHR(st.st_mode);
}

static int
be_alerted(const char *file)
{
	char cwd[256] = "";
	struct sigaction pipe_now;
	sigset_t mask;
	size_t n = open_descriptors();
	bool silent = goes_to_null(1) && goes_to_null(2);
	json_t *input = json_loadf(stdin, 0, NULL);
	sigaction(SIGPIPE, NULL, &pipe_now);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	mode_t mode = umask(0);
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
	json_t *got =
		json_pack("{s:o?,s:o,s:s,s:b,s:i,s:b,s:b,s:i,s:b}", "input", input, "environment",
			  own_environment(), "cwd", getcwd(cwd, sizeof(cwd)), "silent", silent,
			  "descriptors", (int)n, "pipe_default", pipe_now.sa_handler == SIG_DFL,
			  "term_blocked", sigismember(&mask, SIGTERM) == 1, "umask", (int)mode,
			  "leads", getpgrp() == getpid());
	char *text = json_dumps(got, JSON_COMPACT);
	dprintf(fd, "%s\n", text);
	free(text);
	json_decref(got);
	return 0;
}

/* Hangs, and its child, too. */
static _Noreturn void
be_endless(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dprintf(fd, "%d\n", (int)getpid());
	pid_t pid = fork();
	if (pid > 0)
		dprintf(fd, "%d\n", (int)pid);
	for (;;)
		pause();
}

/* --- the cases ----------------------------------------------------------------------------------
 */

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,        \
				strerror(errno));                                                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static char words[2][16] = { "--dump", "--hang" };
static char *dump[] = { self, words[0], out, NULL };
static char *hang[] = { self, words[1], out, NULL };

static void
prepare(char **argv)
{
	struct err e = ERR_INIT;
	const struct policy policy = { .alert = argv };
	MUST(alert_prepare(&policy, &e) == 0);
}

/* Runs it as a hook, then waits for everything that it left behind. */
static void
as_hook(void (*hook)(void))
{
	int status, hooks = 0;
	unlink(out);
	pid_t pid = fork(), gone;
	if (pid == 0) {
		alarm(10);
		umask(027);
		signals_init();
		hook();
		_exit(0);
	}
	assert_true(pid > 0);
	while ((gone = waitpid(-1, &status, 0)) > 0)
		if (gone == pid) {
			assert_int_equal(status, 0);
			hooks++;
		}
	assert_int_equal(hooks, 1);
}

/* The lines that the program wrote, as an array. */
static json_t *
all_alerts(void)
{
	json_t *all = json_array(), *one;
	FILE *file = fopen(out, "re");
	while (file && (one = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL)))
		json_array_append_new(all, one);
	if (file)
		fclose(file);
	return all;
}

static const char *
text_at(json_t *alert, const char *key)
{
	return json_string_value(json_object_get(json_object_get(alert, "input"), key));
}

static bool
has_variable(json_t *alert, const char *variable)
{
	json_t *environment = json_object_get(alert, "environment"), *one;
	size_t i;
	json_array_foreach (environment, i, one)
		if (!strcmp(json_string_value(one), variable))
			return true;
	return false;
}

static void
hook_without(void)
{
	prepare(NULL);
	MUST(alert_pid() == 0 && alert_descriptor() == -1);
	alert_send("failed", 3, "nobody hears it");
}

static void
test_no_alert(void **state)
{
	(void)state;
	as_hook(hook_without);
	assert_int_equal(access(out, F_OK), -1);
}

static void
hook_tells(void)
{
	MUST(open(self, O_RDONLY) >= 0); /* not CLOEXEC: the alerter closes it */
	signals_hold();
	prepare(dump);
	prepare(dump);
	MUST(alert_pid() > 0);
	alert_send("failed", 3, "tcp 80 may still be open; \"quoted\"");
}

static void
test_what_the_program_gets(void **state)
{
	char host[256] = "";
	(void)state;
	as_hook(hook_tells);
	json_t *all = all_alerts(), *alert = json_array_get(all, 0);
	assert_int_equal(json_array_size(all), 1);
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(text_at(alert, "event"), "failed");
	assert_string_equal(text_at(alert, "message"), "tcp 80 may still be open; \"quoted\"");
	assert_string_equal(text_at(alert, "host"), host);
	json_t *input = json_object_get(alert, "input");
	assert_int_equal(json_integer_value(json_object_get(input, "version")), 1);
	assert_int_equal(json_integer_value(json_object_get(input, "status")), 3);
	assert_true(json_integer_value(json_object_get(input, "time")) > 1700000000);
	assert_int_equal(json_array_size(json_object_get(alert, "environment")), 4);
	assert_true(has_variable(alert, "GEOPAUSE_EVENT=failed"));
	assert_true(has_variable(alert, "GEOPAUSE_STATUS=3"));
	assert_true(has_variable(alert, "GEOPAUSE_MESSAGE=tcp 80 may still be open; \"quoted\""));
	assert_string_equal(json_string_value(json_object_get(alert, "cwd")), "/");
	assert_true(json_is_true(json_object_get(alert, "silent")));
	assert_true(json_is_true(json_object_get(alert, "pipe_default")));
	assert_true(json_is_false(json_object_get(alert, "term_blocked")));
	assert_true(json_is_true(json_object_get(alert, "leads")));
	assert_int_equal(json_integer_value(json_object_get(alert, "descriptors")), 3);
	assert_int_equal(json_integer_value(json_object_get(alert, "umask")), 027);
	json_decref(all);
}

static void
hook_tells_much(void)
{
	char name[16];
	prepare(dump);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "event-%d", i);
		alert_send(name, i, "one after the other");
	}
}

static void
test_several_messages(void **state)
{
	(void)state;
	as_hook(hook_tells_much);
	json_t *all = all_alerts();
	assert_int_equal(json_array_size(all), 5);
	for (int i = 0; i < 5; i++) {
		char name[16];
		snprintf(name, sizeof(name), "event-%d", i);
		assert_string_equal(text_at(json_array_get(all, (size_t)i), "event"), name);
	}
	json_decref(all);
}

static void
hook_tells_long(void)
{
	static char text[3 * ALERT_MESSAGE_MAX];
	memset(text, '"', sizeof(text) - 1);
	text[0] = '\xff';
	text[1] = '\n';
	prepare(dump);
	alert_send("an-event-with-a-name-that-is-much-too-long-for-the-place-where-it-goes", 1,
		   text);
}

static void
test_a_long_message_is_cut(void **state)
{
	(void)state;
	as_hook(hook_tells_long);
	json_t *all = all_alerts(), *alert = json_array_get(all, 0);
	assert_int_equal(json_array_size(all), 1);
	assert_int_equal(strlen(text_at(alert, "message")), ALERT_MESSAGE_MAX - 1);
	assert_memory_equal(text_at(alert, "message"), "??\"", 3);
	assert_int_equal(strlen(text_at(alert, "event")), ALERT_EVENT_MAX - 1);
	json_decref(all);
}

/* What certbot does with its hooks: it reads until nobody has their stdout any more. */
static void
hook_holds_nothing(void)
{
	int ends[2], lock = open(out, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char byte;
	MUST(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0);
	MUST(pipe(ends) == 0);
	MUST(dup2(ends[1], 1) == 1);
	close(ends[1]);
	prepare(dump);
	close(1);
	MUST(read(ends[0], &byte, 1) == 0);
	close(lock);
	/* The alerter may be about to close its copy. */
	for (int i = 0; i < 100; i++) {
		lock = open(out, O_RDWR | O_CLOEXEC);
		if (flock(lock, LOCK_EX | LOCK_NB) == 0)
			break;
		close(lock);
		lock = -1;
		poll(NULL, 0, 10);
	}
	MUST(lock >= 0);
	MUST(kill(alert_pid(), 0) == 0);
	MUST(getsid(alert_pid()) == alert_pid());
}

static void
test_nothing_of_the_hook_is_held(void **state)
{
	(void)state;
	as_hook(hook_holds_nothing);
}

static void
hook_floods(void)
{
	prepare(dump);
	MUST(freopen("/dev/null", "w", stderr)); /* which says for each that it was lost */
	MUST(kill(alert_pid(), SIGSTOP) == 0);
	for (int i = 0; i < 200; i++)
		alert_send("flood", 1, "does not block");
	kill(alert_pid(), SIGKILL);
	poll(NULL, 0, 50);
	alert_send("flood", 1, "nor does it end us");
}

static void
test_sending_never_blocks(void **state)
{
	(void)state;
	as_hook(hook_floods);
}

static void
hook_is_stopped(void)
{
	static const int ending[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	prepare(dump);
	while (getsid(alert_pid()) != alert_pid())
		poll(NULL, 0, 10);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		kill(alert_pid(), ending[i]);
	alert_send("failed", 1, "the unit was stopped");
}

static void
test_signals_do_not_stop_an_alert(void **state)
{
	(void)state;
	as_hook(hook_is_stopped);
	json_t *all = all_alerts();
	assert_int_equal(json_array_size(all), 1);
	json_decref(all);
}

static void
hook_leaves_a_watchdog(void)
{
	prepare(dump);
	if (fork() == 0) {
		setsid();
		poll(NULL, 0, 200);
		alert_send("closed", 0, "after the hook");
		_exit(0);
	}
}

static void
test_a_fork_sends_later(void **state)
{
	(void)state;
	as_hook(hook_leaves_a_watchdog);
	json_t *all = all_alerts();
	assert_int_equal(json_array_size(all), 1);
	assert_string_equal(text_at(json_array_get(all, 0), "event"), "closed");
	json_decref(all);
}

static void
hook_with_an_endless_program(void)
{
	prepare(hang);
	alert_send("failed", 1, "never read");
}

/* as_hook waits for all of its descendants: they have to be killed. */
static void
test_the_deadline(void **state)
{
	int first = 0, second = 0;
	(void)state;
	as_hook(hook_with_an_endless_program);
	FILE *file = fopen(out, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d %d", &first, &second), 2);
	fclose(file);
	assert_int_equal(kill(first, 0), -1);
	assert_int_equal(kill(second, 0), -1);
}

static void
hook_without_a_program(void)
{
	static char missing[] = "/nonexistent/program";
	static char *argv[] = { missing, NULL };
	prepare(argv);
	alert_send("failed", 1, "to nobody");
	alert_send("failed", 1, "to nobody");
}

static void
test_a_program_that_is_missing(void **state)
{
	(void)state;
	as_hook(hook_without_a_program);
}

static int
make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return -1;
	snprintf(out, sizeof(out), "%s/out", dir);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(out);
	return rmdir(dir);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_alert),
		cmocka_unit_test(test_what_the_program_gets),
		cmocka_unit_test(test_several_messages),
		cmocka_unit_test(test_a_long_message_is_cut),
		cmocka_unit_test(test_nothing_of_the_hook_is_held),
		cmocka_unit_test(test_sending_never_blocks),
		cmocka_unit_test(test_signals_do_not_stop_an_alert),
		cmocka_unit_test(test_a_fork_sends_later),
		cmocka_unit_test(test_the_deadline),
		cmocka_unit_test(test_a_program_that_is_missing),
	};
	if (argc == 3 && !strcmp(argv[1], words[0]))
		return be_alerted(argv[2]);
	if (argc == 3)
		be_endless(argv[2]);
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
