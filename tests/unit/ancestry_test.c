/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ancestry.h"

#define OTHER PROGRAM_OTHER
#define PASSED PROGRAM_PASSED
#define CLIENT PROGRAM_CLIENT
#define END PROGRAM_END

/* Arguments with their NULs, as the kernel gives them; the last one's is the literal's own. */
#define ARGS(text) text, sizeof(text)

struct shape {
	const char *exe;
	const char *args;
	size_t len;
	enum program_role role;
	const char *name;
};

/* In a block of just that size, so that valgrind and AddressSanitizer see a byte too much. */
static struct program
read_exactly(const char *exe, const char *args, size_t len)
{
	char *copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy, args, len);
	copy[len] = '\0';
	struct program program = program_read(exe, copy, len);
	free(copy);
	return program;
}

static void
check(const struct shape *shapes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct shape *s = &shapes[i];
		struct program program = read_exactly(s->exe, s->args, s->len);
		if (program.role != s->role || strcmp(program.name, s->name))
			print_error("%zu: %s %s: role %d, \"%s\"\n", i, s->exe, s->args,
				    (int)program.role, program.name);
		assert_int_equal(program.role, s->role);
		assert_string_equal(program.name, s->name);
	}
}

#define CHECK(shapes) check(shapes, sizeof(shapes) / sizeof((shapes)[0]))

static void
clients_are_known(void **state)
{
	static const struct shape shapes[] = {
		{ "/usr/bin/python3.11", ARGS("/usr/bin/python3\0/usr/bin/certbot\0-q\0renew"),
		  CLIENT, "certbot" },
		{ "/usr/bin/python3.11 (deleted)", ARGS("/usr/bin/python3\0/usr/bin/certbot"),
		  CLIENT, "certbot" },
		{ "/snap/certbot/4193/usr/bin/python3.12",
		  ARGS("/snap/certbot/4193/bin/python3\0-s\0/snap/certbot/4193/bin/certbot\0renew"),
		  CLIENT, "certbot" },
		{ "/opt/certbot/bin/python3", ARGS("python3\0-m\0certbot\0renew"), CLIENT,
		  "certbot" },
		{ "/usr/bin/python3", ARGS("python3\0-Im\0certbot.main"), CLIENT, "certbot" },
		{ "/usr/bin/python3", ARGS("python3\0-mcertbot.main"), CLIENT, "certbot" },
		{ "/usr/bin/python3", ARGS("python3\0-W\0ignore\0-X\0dev\0-Wall\0/x/certbot"),
		  CLIENT, "certbot" },
		{ "/usr/bin/python3", ARGS("python3\0--check-hash-based-pycs\0always\0certbot"),
		  CLIENT, "certbot" },
		{ "", ARGS("certbot: renewing"), CLIENT, "certbot" },
		{ "/usr/bin/python3", ARGS("certbot: renewing"), CLIENT, "certbot" },
		{ "/usr/bin/dash", ARGS("sh\0/root/.acme.sh/acme.sh\0--cron"), CLIENT, "acme.sh" },
		{ "/usr/bin/bash", ARGS("/bin/bash\0-e\0/usr/bin/dehydrated\0-c"), CLIENT,
		  "dehydrated" },
		{ "/usr/bin/bash", ARGS("bash\0-euo\0pipefail\0--\0/opt/getssl\0-a"), CLIENT,
		  "getssl" },
		{ "/usr/bin/bash", ARGS("bash\0+O\0extglob\0acme.sh"), CLIENT, "acme.sh" },
		{ "/bin/busybox", ARGS("/bin/sh\0/root/.acme.sh/acme.sh"), CLIENT, "acme.sh" },
		{ "/bin/busybox", ARGS("busybox\0ash\0acme.sh"), CLIENT, "acme.sh" },
		{ "/usr/bin/lego", ARGS("lego\0--email\0a@example.org\0renew"), CLIENT, "lego" },
		{ "/usr/bin/lego", ARGS("something else"), CLIENT, "lego" },
		{ "", ARGS("/usr/bin/uacme\0issue"), CLIENT, "uacme" },
		{ "/usr/bin/perl", ARGS("perl\0-Ilib\0-MStrict\0/usr/bin/le.pl"), CLIENT, "le.pl" },
		{ "/usr/bin/php8.2", ARGS("php\0-d\0a=b\0-f\0acmephp.phar"), CLIENT,
		  "acmephp.phar" },
	};
	(void)state;
	CHECK(shapes);
}

static void
shells_are_passed_unless_interactive(void **state)
{
	static const struct shape shapes[] = {
		{ "/usr/bin/dash", ARGS("/bin/sh\0-c\0certbot renew"), PASSED, "dash" },
		{ "/usr/bin/dash", ARGS("sh\0-ec\0x"), PASSED, "dash" },
		{ "/usr/bin/bash", ARGS("-bash\0-c\0geopause pre"), PASSED, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0-lc\0x"), PASSED, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0-o\0pipefail\0-c\0x"), PASSED, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0-oec\0pipefail\0x"), PASSED, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0--norc\0-c\0x"), PASSED, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0-s\0operand"), PASSED, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0/root/renew.sh"), PASSED, "renew.sh" },
		{ "/usr/bin/bash", ARGS("bash\0-\0/root/renew.sh"), PASSED, "renew.sh" },
		{ "/usr/bin/bash", ARGS("bash\0/etc/init.d/init"), PASSED, "init" },
		{ "/usr/bin/fish", ARGS("fish\0--command=x"), PASSED, "fish" },
		{ "/usr/bin/tcsh", ARGS("tcsh\0-c\0x"), PASSED, "tcsh" },
		{ "/bin/busybox.static", ARGS("busybox.static\0sh\0-c\0x"), PASSED, "sh" },
		{ "", ARGS("/bin/ksh93\0script"), PASSED, "script" },
		{ "/usr/bin/bash", ARGS("-bash"), OTHER, "bash" },
		{ "/usr/bin/bash", ARGS("bash"), OTHER, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0--rcfile\0/root/rc\0-i"), OTHER, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0--init-file\0/root/rc"), OTHER, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0-o\0vi"), OTHER, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0-o"), OTHER, "bash" },
		{ "/usr/bin/bash", ARGS("bash\0+c"), OTHER, "bash" },
		{ "/usr/bin/zsh", ARGS("-zsh\0-l"), OTHER, "zsh" },
		{ "/bin/busybox", ARGS("-sh"), OTHER, "sh" },
		{ "/usr/bin/bash", ARGS("bash\0"), OTHER, "bash" },
	};
	(void)state;
	CHECK(shapes);
}

static void
wrappers_are_passed(void **state)
{
	static const struct shape shapes[] = {
		{ "/usr/bin/sudo", ARGS("sudo\0geopause\0pre"), PASSED, "sudo" },
		{ "", ARGS("sudo\0geopause\0pre"), PASSED, "sudo" },
		{ "/usr/lib/cargo/bin/sudo", ARGS("sudo\0x"), PASSED, "sudo" },
		{ "/usr/bin/timeout",
		  ARGS("timeout\0"
		       "60\0x"),
		  PASSED, "timeout" },
		{ "/bin/busybox",
		  ARGS("timeout\0"
		       "60\0x"),
		  PASSED, "timeout" },
		{ "/bin/busybox", ARGS("busybox\0timeout\0x"), PASSED, "timeout" },
		{ "/usr/bin/coreutils", ARGS("/usr/bin/env\0x"), PASSED, "env" },
		{ "/usr/bin/flock", ARGS("flock\0/run/l\0x"), PASSED, "flock" },
		{ "/usr/bin/run-parts", ARGS("run-parts\0/etc/cron.daily"), PASSED, "run-parts" },
		{ "/usr/bin/perl", ARGS("perl\0/usr/bin/chronic\0x"), PASSED, "chronic" },
		{ "/usr/bin/python3", ARGS("python3\0/root/.ansible/tmp/1/AnsiballZ_command.py"),
		  PASSED, "AnsiballZ_command.py" },
	};
	(void)state;
	CHECK(shapes);
}

static void
what_runs_for_ever_ends_the_climb(void **state)
{
	static const struct shape shapes[] = {
		{ "/usr/sbin/cron", ARGS("/usr/sbin/CRON\0-f"), END, "cron" },
		{ "", ARGS("/usr/sbin/CRON\0-f"), END, "CRON" },
		{ "/bin/busybox", ARGS("crond\0-f"), END, "crond" },
		{ "/bin/busybox", ARGS("busybox\0crond"), END, "crond" },
		{ "/usr/sbin/sshd", ARGS("sshd: root@pts/0"), END, "sshd" },
		{ "", ARGS("sshd: root@pts/0"), END, "sshd" },
		{ "", ARGS("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"), END,
		  "sshd" },
		{ "/usr/lib/systemd/systemd", ARGS("/lib/systemd/systemd\0--user"), END,
		  "systemd" },
		{ "/usr/sbin/nginx (deleted)", ARGS("nginx: master process nginx"), END, "nginx" },
		{ "/usr/bin/caddy", ARGS("/usr/bin/caddy\0run"), END, "caddy" },
		{ "/usr/sbin/php-fpm8.2", ARGS("php-fpm: master process (x)"), END, "php-fpm8.2" },
		{ "/usr/bin/python3", ARGS("python3\0/usr/bin/supervisord\0-n"), END,
		  "supervisord" },
		{ "/usr/bin/tmux", ARGS("tmux: server"), END, "tmux" },
	};
	(void)state;
	CHECK(shapes);
}

static void
others_may_own(void **state)
{
	static const struct shape shapes[] = {
		{ "/usr/bin/python3", ARGS("python3"), OTHER, "python3" },
		{ "/usr/bin/python3", ARGS("python3\0-"), OTHER, "python3" },
		{ "/usr/bin/python3", ARGS("python3\0-c\0certbot"), OTHER, "python3" },
		{ "/usr/bin/python3", ARGS("python3\0-m"), OTHER, "python3" },
		{ "/usr/bin/python3", ARGS("python3\0-m\0http.server"), OTHER, "http" },
		{ "/usr/bin/python3", ARGS("python3\0renew.py\0certbot"), OTHER, "renew.py" },
		{ "/usr/bin/perl", ARGS("perl\0-e\0certbot"), OTHER, "perl" },
		{ "/usr/bin/make", ARGS("make\0certbot"), OTHER, "make" },
		{ "/usr/bin/my-certbot", ARGS("my-certbot"), OTHER, "my-certbot" },
		{ "/usr/bin/cronjob", ARGS("cronjob"), OTHER, "cronjob" },
		{ "/bin/busybox", ARGS("busybox"), OTHER, "busybox" },
	};
	(void)state;
	CHECK(shapes);
}

static void
anything_may_stand_there(void **state)
{
	static const struct shape shapes[] = {
		{ "", "", 0, OTHER, "?" },
		{ "", ARGS(""), OTHER, "?" },
		{ "", ARGS("\0\0\0\0"), OTHER, "?" },
		{ "/", ARGS("/"), OTHER, "?" },
		{ " (deleted)", ARGS("-"), OTHER, " (deleted)" },
		{ "", ARGS(": "), OTHER, "?" },
		{ "", ARGS("-: "), OTHER, "?" },
		{ "/bin/x (deleted) (deleted)", ARGS("x"), OTHER, "x (deleted)" },
		{ "/bin/\xc3\xa9\n\x1b[2J", ARGS("x"), OTHER, "????[2J" },
		{ "/bin/bash", "bash\0acme.shell", 12, CLIENT, "acme.sh" },
		{ "/bin/bash", "bash", 4, OTHER, "bash" },
		{ "/bin/bash", ARGS("bash\0\0\0"), OTHER, "bash" },
		{ "/bin/bash", "", 0, OTHER, "bash" },
		{ "/bin/bash", ARGS("bash\0/"), OTHER, "bash" },
		{ "/bin/bash", ARGS("bash\0--"), OTHER, "bash" },
		{ "/bin/bash", ARGS("bash\0-"), OTHER, "bash" },
		{ "/bin/busybox", "", 0, OTHER, "?" },
		{ "/usr/bin/python3", ARGS("python3\0-m\0."), OTHER, "python3" },
		/* 31 bytes of a longer name */
		{ "/bin/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ARGS("x"), OTHER,
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	};
	(void)state;
	CHECK(shapes);
}

/* Every byte somewhere, words of every length, for each way of reading them. */
static void
noise_does_no_harm(void **state)
{
	static const char *const exes[] = { "", "/bin/sh", "/usr/bin/python3", "/bin/busybox" };
	static const char bytes[] = "\0\0\0--+/: cosmWX.a\xff\n";
	char args[4096];
	(void)state;
	srandom(1);
	for (size_t round = 0; round < 4000; round++) {
		size_t len = (size_t)random() % (round % 50 ? 64 : sizeof(args));
		for (size_t i = 0; i < len; i++)
			args[i] = bytes[(size_t)random() % (sizeof(bytes) - 1)];
		struct program program = read_exactly(exes[round % 4], args, len);
		size_t n = strlen(program.name);
		assert_in_range(n, 1, PROGRAM_NAME_MAX - 1);
		for (size_t i = 0; i < n; i++)
			assert_in_range(program.name[i], ' ', '~');
	}
}

/* Whoever runs the tests: what is found lives, and is above us. */
static void
a_climb_finds_the_living(void **state)
{
	struct ancestry ancestry = ancestry_read();
	(void)state;
	assert_int_equal(ancestry.guard.pid, 0);
	if (ancestry.owner.pid) {
		assert_true(process_may_live(&ancestry.owner));
		assert_true(ancestry.via.pid > 0 && process_may_live(&ancestry.via));
		assert_true(ancestry.owner.start >= ancestry.via.start);
		assert_true(*ancestry.name);
	}
	assert_int_not_equal(ancestry.owner.pid, getpid());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_known),
		cmocka_unit_test(shells_are_passed_unless_interactive),
		cmocka_unit_test(wrappers_are_passed),
		cmocka_unit_test(what_runs_for_ever_ends_the_climb),
		cmocka_unit_test(others_may_own),
		cmocka_unit_test(anything_may_stand_there),
		cmocka_unit_test(noise_does_no_harm),
		cmocka_unit_test(a_climb_finds_the_living),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
