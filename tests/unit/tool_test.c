/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With real programs: sh, cat and this one, which is called again as the parent that is killed. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

static char dir[] = "/tmp/tool-test-XXXXXX";

struct ran {
	int rc;
	struct tool_result result;
	struct err e;
};

static struct ran
run_tool(const struct tool *tool)
{
	struct ran ran = { .e = ERR_INIT };
	ran.rc = tool_run(tool, &ran.result, &ran.e);
	assert_int_equal(ran.rc == 0, ran.e.code == ERR_NONE);
	return ran;
}

/* A line for sh. */
static struct ran
run_line(const char *line, const char *input, unsigned deadline_s)
{
	const char *argv[] = { "sh", "-c", line, NULL };
	struct tool tool = { .argv = argv,
			     .input = input,
			     .input_len = input ? strlen(input) : 0,
			     .output_max = 1 << 20,
			     .deadline_s = deadline_s,
			     .hold = -1 };
	return run_tool(&tool);
}

static void
assert_out(struct ran *ran, const char *out)
{
	assert_int_equal(ran->rc, 0);
	assert_string_equal(ran->result.out, out);
	assert_int_equal(ran->result.out_len, strlen(out));
	tool_result_fini(&ran->result);
}

static pid_t
number(const char *text)
{
	return (pid_t)strtol(text, NULL, 10);
}

static double
seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
test_statuses(void **state)
{
	(void)state;
	struct ran ran = run_line("echo out; echo first >&2; echo last >&2", NULL, 10);
	assert_string_equal(ran.result.said, "first; last");
	assert_out(&ran, "out\n");
	ran = run_line("printf 'a\\n\\nb \\303\\244\\033c' >&2; exit 3", NULL, 10);
	assert_int_equal(ran.result.end, TOOL_EXITED);
	assert_int_equal(ran.result.status, 3);
	assert_string_equal(ran.e.msg, "sh exited with status 3: a; b ???c");
	tool_result_fini(&ran.result);
	ran = run_line("exit 127", NULL, 10);
	assert_int_equal(ran.result.end, TOOL_EXITED);
	assert_string_equal(ran.e.msg, "sh exited with status 127");
	tool_result_fini(&ran.result);
}

static void
test_killed(void **state)
{
	(void)state;
	struct ran ran = run_line("kill -SEGV $$", NULL, 10);
	assert_int_equal(ran.result.end, TOOL_KILLED);
	assert_int_equal(ran.result.signal, SIGSEGV);
	assert_non_null(strstr(ran.e.msg, "sh was killed by signal 11"));
	tool_result_fini(&ran.result);
}

static void
test_the_environment_is_clean(void **state)
{
	(void)state;
	setenv("SECRET", "1", 1);
	struct ran ran = run_line("exec env", NULL, 10);
	char *out = ran.result.out;
	assert_non_null(strstr(out, "LC_ALL=C\n"));
	assert_non_null(strstr(out, "PATH=" TOOL_PATH "\n"));
	assert_null(strstr(out, "SECRET"));
	tool_result_fini(&ran.result);
	ran = run_line("pwd; cat", NULL, 10);
	assert_out(&ran, "/\n");
}

static void
test_hanging(void **state)
{
	(void)state;
	double begin = seconds();
	struct ran ran = run_line("echo begun; echo why >&2; sleep 60; :", NULL, 2);
	assert_int_equal(ran.result.end, TOOL_TIMED_OUT);
	assert_string_equal(ran.result.out, "begun\n");
	assert_string_equal(ran.e.msg, "sh had not ended after 2 s and was killed: why");
	assert_true(seconds() - begin < 10);
	tool_result_fini(&ran.result);
	ran = run_line("trap '' TERM INT HUP; while :; do sleep 60; done", NULL, 1);
	assert_int_equal(ran.result.end, TOOL_TIMED_OUT);
	tool_result_fini(&ran.result);
	ran = run_line("while :; do echo never ends >&2; done", NULL, 1);
	assert_int_equal(ran.result.end, TOOL_TIMED_OUT);
	tool_result_fini(&ran.result);
}

/* Is there such a process, and not just its remains? */
static bool
lives(pid_t pid)
{
	char path[64], line[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	const char *end = strrchr(line, ')');
	return end && end[2] != 'Z' && end[2] != 'X';
}

static void
assert_dies(pid_t pid)
{
	for (int i = 0; i < 500 && lives(pid); i++)
		poll(NULL, 0, 10);
	assert_false(lives(pid));
}

/* It keeps the pipe open: its end is not waited for, and it does nothing later. */
static void
test_grandchildren(void **state)
{
	(void)state;
	double begin = seconds();
	struct ran ran = run_line("sleep 60 & echo $!", NULL, 30);
	assert_int_equal(ran.rc, 0);
	assert_true(seconds() - begin < 10);
	assert_dies(number(ran.result.out));
	tool_result_fini(&ran.result);
	ran = run_line("sleep 60 & echo $!; wait", NULL, 2);
	assert_int_equal(ran.result.end, TOOL_TIMED_OUT);
	assert_dies(number(ran.result.out));
	tool_result_fini(&ran.result);
	begin = seconds();
	ran = run_line("setsid sh -c 'echo $$; exec sleep 60' & sleep 1", NULL, 30);
	assert_int_equal(ran.rc, 0);
	assert_true(seconds() - begin < 10);
	kill(number(ran.result.out), SIGKILL);
	tool_result_fini(&ran.result);
}

/* A session of its own: no terminal to ask at, and its leader cannot leave its process group. */
static void
test_no_terminal(void **state)
{
	(void)state;
	struct ran ran =
		run_line("cut -d' ' -f5-7 /proc/$$/stat | tr ' ' '\\n'; echo $$", NULL, 10);
	assert_int_equal(ran.rc, 0);
	int group, session, terminal, pid;
	assert_int_equal(sscanf(ran.result.out, "%d %d %d %d", &group, &session, &terminal, &pid),
			 4);
	assert_int_equal(group, pid);
	assert_int_equal(session, pid);
	assert_int_equal(terminal, 0);
	tool_result_fini(&ran.result);
}

static void
test_much_output(void **state)
{
	(void)state;
	const char *argv[] = { "head", "-c", "1000000", "/dev/zero", NULL };
	struct tool tool = { .argv = argv, .output_max = 1000000, .deadline_s = 30, .hold = -1 };
	struct ran ran = run_tool(&tool);
	assert_int_equal(ran.rc, 0);
	assert_int_equal(ran.result.out_len, 1000000);
	tool_result_fini(&ran.result);
	tool.output_max = 999999;
	ran = run_tool(&tool);
	assert_int_equal(ran.result.end, TOOL_TOO_MUCH);
	assert_non_null(strstr(ran.e.msg, "more to its stdout than the 999999 bytes"));
	tool_result_fini(&ran.result);
	ran = run_line("exec cat /dev/zero", NULL, 30);
	assert_int_equal(ran.result.end, TOOL_TOO_MUCH);
	tool_result_fini(&ran.result);
	ran = run_line("i=0; while [ $i -lt 200 ]; do echo line $i >&2; i=$((i + 1)); done", NULL,
		       30);
	assert_true(strlen(ran.result.said) < TOOL_STDERR_MAX);
	assert_string_equal(ran.result.said + strlen(ran.result.said) - 8, "line 199");
	tool_result_fini(&ran.result);
}

static void
test_much_input(void **state)
{
	(void)state;
	const size_t len = 8 << 20;
	const char *argv[] = { "cat", NULL };
	char *input = malloc(len);
	assert_non_null(input);
	for (size_t i = 0; i < len; i++)
		input[i] = (char)('a' + i % 26);
	struct tool tool = { .argv = argv,
			     .input = input,
			     .input_len = len,
			     .output_max = len,
			     .deadline_s = 30,
			     .hold = -1 };
	struct ran ran = run_tool(&tool);
	assert_int_equal(ran.rc, 0);
	assert_int_equal(ran.result.out_len, len);
	assert_memory_equal(ran.result.out, input, len);
	tool_result_fini(&ran.result);
	/* Not read at all, with SIGPIPE as it comes. */
	signal(SIGPIPE, SIG_DFL);
	argv[0] = "true";
	ran = run_tool(&tool);
	assert_int_equal(ran.rc, 0);
	tool_result_fini(&ran.result);
	const char *sleeping[] = { "sleep", "60", NULL };
	tool.argv = sleeping;
	tool.deadline_s = 1;
	ran = run_tool(&tool);
	assert_int_equal(ran.result.end, TOOL_TIMED_OUT);
	tool_result_fini(&ran.result);
	tool.argv = argv;
	argv[0] = "cat";
	tool.input_len = 0;
	ran = run_tool(&tool);
	assert_out(&ran, "");
	free(input);
}

static struct ran
run_program(const char *program)
{
	const char *argv[] = { program, NULL };
	struct tool tool = { .argv = argv, .output_max = 4096, .deadline_s = 10, .hold = -1 };
	return run_tool(&tool);
}

static void
make_file(char path[64], const char *name, const char *text, mode_t mode)
{
	snprintf(path, 64, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, mode);
	close(fd);
}

static void
test_no_program(void **state)
{
	(void)state;
	char path[64];
	struct ran ran = run_program("no-such-program-at-all");
	assert_int_equal(ran.result.end, TOOL_NOT_STARTED);
	assert_int_equal(ran.e.sys, ENOENT);
	ran = run_program("/no/such/program");
	assert_int_equal(ran.result.end, TOOL_NOT_STARTED);
	assert_int_equal(ran.e.sys, ENOENT);
	make_file(path, "plain", "#!/bin/sh\n", 0644);
	assert_false(tool_exists(path));
	ran = run_program(path);
	assert_int_equal(ran.result.end, TOOL_NOT_STARTED);
	assert_int_equal(ran.e.sys, EACCES);
	make_file(path, "no-interpreter", "#!/no/such/interpreter\n", 0755);
	assert_true(tool_exists(path));
	ran = run_program(path);
	assert_int_equal(ran.result.end, TOOL_NOT_STARTED);
	assert_int_equal(ran.e.sys, 0);
	assert_non_null(strstr(ran.e.msg, "the interpreter that it names"));
	assert_true(tool_exists("sh"));
	assert_true(tool_exists("/bin/sh"));
	assert_false(tool_exists("no-such-program-at-all"));
	assert_false(tool_exists("/etc"));
}

static void
test_descriptors(void **state)
{
	(void)state;
	char path[64];
	/* Without CLOEXEC: whatever we have is not handed on. */
	int leak = open("/dev/null", O_RDONLY), far = fcntl(leak, F_DUPFD, 700);
	assert_true(leak >= 0 && far >= 0);
	const char *argv[] = { "sh", "-c", "ls /proc/$$/fd; :", NULL };
	struct tool tool = { .argv = argv, .output_max = 4096, .deadline_s = 10, .hold = -1 };
	struct ran ran = run_tool(&tool);
	assert_string_equal(ran.result.out, "0\n1\n2\n");
	tool_result_fini(&ran.result);
	make_file(path, "lock", "", 0600);
	tool.hold = open(path, O_RDWR | O_CLOEXEC);
	assert_true(tool.hold >= 0);
	const char *locked[] = { "sh", "-c", "readlink /proc/$$/fd/3", NULL };
	tool.argv = locked;
	ran = run_tool(&tool);
	assert_int_equal(ran.rc, 0);
	ran.result.out[ran.result.out_len - 1] = '\0';
	assert_string_equal(ran.result.out, path);
	tool_result_fini(&ran.result);
	close(tool.hold);
	close(leak);
	close(far);
}

/* As a daemon that has closed 0, 1 and 2: the pipes get these numbers. */
static void
test_without_descriptors(void **state)
{
	(void)state;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		closefrom(0);
		struct err e = ERR_INIT;
		struct tool_result result;
		const char *argv[] = { "sh", "-c", "cat; echo said >&2", NULL };
		struct tool tool = { .argv = argv,
				     .input = "fed",
				     .input_len = 3,
				     .output_max = 4096,
				     .deadline_s = 10,
				     .hold = -1 };
		int rc = tool_run(&tool, &result, &e);
		_exit(rc == 0 && strcmp(result.out, "fed") == 0 && strcmp(result.said, "said") == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_signals_are_set_right(void **state)
{
	(void)state;
	sigset_t some, before;
	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGCHLD);
	sigprocmask(SIG_BLOCK, &some, &before);
	signal(SIGHUP, SIG_IGN);
	struct ran ran =
		run_line("grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status | tr -d '\\n'", NULL, 10);
	assert_non_null(strstr(ran.result.out, "SigBlk:\t0000000000000000"));
	assert_non_null(strstr(ran.result.out, "SigIgn:\t0000000000000000"));
	tool_result_fini(&ran.result);
	signal(SIGHUP, SIG_DFL);
	sigset_t now;
	sigprocmask(SIG_SETMASK, NULL, &now);
	assert_int_equal(sigismember(&now, SIGTERM), 1);
	assert_int_equal(sigismember(&now, SIGINT), 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static int taken;

static void
take_all(int sig)
{
	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		taken++;
}

static void
test_whatever_happens_to_sigchld(void **state)
{
	(void)state;
	struct ran ran;
	signal(SIGCHLD, SIG_IGN);
	ran = run_line("exit 5", NULL, 10);
	assert_int_equal(ran.result.status, 5);
	tool_result_fini(&ran.result);
	struct sigaction now;
	sigaction(SIGCHLD, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	signal(SIGCHLD, take_all);
	ran = run_line("exit 6", NULL, 10);
	assert_int_equal(ran.result.status, 6);
	tool_result_fini(&ran.result);
	assert_int_equal(taken, 0);
	signal(SIGCHLD, SIG_DFL);
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &before);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	ran = run_line("exit 7", NULL, 10);
	assert_int_equal(ran.result.status, 7);
	close(fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	tool_result_fini(&ran.result);
}

/* Others' children stay theirs. */
static void
test_reaps_its_own_child(void **state)
{
	(void)state;
	int status;
	pid_t other = fork();
	if (other == 0)
		_exit(9);
	struct ran ran = run_line("exit 0", NULL, 10);
	assert_int_equal(ran.rc, 0);
	tool_result_fini(&ran.result);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(WEXITSTATUS(status), 9);
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
}

/* SIGTERM comes while it runs: the program goes on, and the signal waits for its end. */
static void
test_signals_wait(void **state)
{
	(void)state;
	char path[64], line[256];
	int status;
	snprintf(path, sizeof(path), "%s/went-on", dir);
	snprintf(line, sizeof(line), "kill -TERM $PPID; sleep 1; echo > %s", path);
	pid_t pid = fork();
	if (pid == 0) {
		struct ran ran = run_line(line, NULL, 10);
		_exit(ran.rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(access(path, F_OK), 0);
}

/* The child is killed with its parent, and the lock is free when it is gone. */
static void
test_dies_with_its_parent(void **state)
{
	(void)state;
	char path[64], pid_path[64], line[256], text[32] = "";
	make_file(path, "held", "", 0600);
	snprintf(pid_path, sizeof(pid_path), "%s/pid", dir);
	snprintf(line, sizeof(line), "echo $$ > %s.new; mv %s.new %s; exec sleep 60", pid_path,
		 pid_path, pid_path);
	pid_t pid = fork();
	if (pid == 0) {
		const char *argv[] = { "sh", "-c", line, NULL };
		int fd = open(path, O_RDWR | O_CLOEXEC);
		struct tool tool = {
			.argv = argv, .output_max = 4096, .deadline_s = 60, .hold = fd
		};
		flock(fd, LOCK_EX);
		run_tool(&tool);
		_exit(0);
	}
	for (int i = 0; i < 1000 && access(pid_path, F_OK) != 0; i++)
		poll(NULL, 0, 10);
	FILE *file = fopen(pid_path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_true(lives(number(text)));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_dies(number(text));
	assert_int_equal(flock(fd, LOCK_EX), 0);
	close(fd);
}

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "plain",   "no-interpreter", "lock",
					     "went-on", "held",           "pid",
					     NULL };
	char path[64];
	(void)state;
	for (size_t i = 0; names[i] != NULL; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_the_environment_is_clean),
		cmocka_unit_test(test_hanging),
		cmocka_unit_test(test_grandchildren),
		cmocka_unit_test(test_no_terminal),
		cmocka_unit_test(test_much_output),
		cmocka_unit_test(test_much_input),
		cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_without_descriptors),
		cmocka_unit_test(test_signals_are_set_right),
		cmocka_unit_test(test_whatever_happens_to_sigchld),
		cmocka_unit_test(test_reaps_its_own_child),
		cmocka_unit_test(test_signals_wait),
		cmocka_unit_test(test_dies_with_its_parent),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
