/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "program.h"

#include <stdbool.h>
#include <string.h>

/* A * at the end of a name stands for anything. */
static const char *const ends[] = {
	/* of time */
	"cron", "CRON", "crond", "anacron", "fcron", "atd", "supercronic",
	/* of logins */
	"sshd", "sshd-session", "dropbear", "login", "tmux", "screen",
	/* of services */
	"systemd", "init", "openrc-init", "runit", "runsv", "runsvdir", "s6-supervise", "s6-svscan",
	"svscan", "supervise", "dinit", "procd", "monit", "tini", "docker-init", "dumb-init",
	"catatonit",
	/* servers; some get certificates themselves */
	"caddy", "apache2", "httpd", "lighttpd", "nginx", "traefik", "haproxy", "acmed", "php-fpm*",
	NULL
};

/* Service managers that are scripts; of a shell's scripts none is. */
static const char *const script_ends[] = { "supervisord", "supervisord.py", NULL };

static const char *const wrappers[] = {
	/* as somebody else */
	"sudo", "sudo-rs", "doas", "su", "runuser", "setpriv", "capsh", "pkexec", "gosu", "su-exec",
	"setuidgid", "s6-setuidgid", "chpst",
	/* somewhere else */
	"env", "chroot", "unshare", "nsenter", "setsid", "setarch", "cgexec",
	/* with limits and locks */
	"nice", "ionice", "chrt", "taskset", "prlimit", "choom", "timeout", "flock", "setlock",
	"softlimit", "systemd-inhibit",
	/* with other input and output */
	"nohup", "stdbuf", "script", "unbuffer", "chronic", "time", "strace", "ltrace",
	/* one for each */
	"run-parts", "xargs", "parallel",
	/* A task of Ansible ends with its command, not with the issuance. */
	"AnsiballZ_*", NULL
};

static const char *const clients[] = {
	/* the EFF's, under all its names */
	"certbot", "certbot.py", "certbot-auto", "letsencrypt", "letsencrypt-auto",
	/* shell scripts */
	"acme.sh", "dehydrated", "dehydrated.sh", "letsencrypt.sh", "getssl", "bacme",
	/* programs */
	"lego", "uacme", "acmetool", "acme-client",
	/* scripts of others */
	"acme-tiny", "acme_tiny", "acme_tiny.py", "simp_le", "simp_le.py", "le.pl", "acmephp",
	"acmephp.phar", NULL
};

/* Many programs in one executable: argv[0] or the first argument tells which. */
static const char *const multi_call[] = { "busybox*", "toybox*", "coreutils", NULL };

/* Options are letters; several may stand in one word. */
struct interpreter {
	const char *name;
	bool shell;
	const char *code; /* after these comes text to run, or it comes from the input: no script */
	const char *module;   /* after these comes a module's name */
	const char *argument; /* these take the rest of the word, or the next word */
};

#define SHELL .shell = true, .code = "cs", .argument = "oO"
static const struct interpreter interpreters[] = {
	{ "sh", SHELL },
	{ "dash*", SHELL },
	{ "bash*", SHELL },
	{ "rbash", SHELL },
	{ "ash", SHELL },
	{ "hush", SHELL },
	{ "ksh*", SHELL },
	{ "mksh*", SHELL },
	{ "lksh", SHELL },
	{ "zsh*", SHELL },
	{ "yash", SHELL },
	{ "fish", .shell = true, .code = "c", .argument = "CdD" },
	{ "csh", .shell = true, .code = "cs" },
	{ "tcsh", .shell = true, .code = "cs" },
	{ "python*", .code = "c", .module = "m", .argument = "WX" },
	{ "pypy*", .code = "c", .module = "m", .argument = "WX" },
	{ "perl*", .code = "eE", .argument = "IMm" },
	{ "php*", .code = "rRBE", .argument = "cdz" },
	{ "ruby*", .code = "e", .argument = "CEIr" },
	{ "node", .code = "ep", .argument = "r" },
	{ "nodejs", .code = "ep", .argument = "r" },
	{ "expect", .code = "c" },
};
#undef SHELL

/* Of all interpreters: the next word is not the script. */
static const char *const long_arguments[] = { "--rcfile",  "--init-file", "--init-command",
					      "--require", "--import",    "--check-hash-based-pycs",
					      NULL };

static bool
matches(const char *name, const char *pattern)
{
	for (; *pattern; pattern++, name++) {
		if (*pattern == '*' && !pattern[1])
			return true;
		if (*pattern != *name)
			return false;
	}
	return !*name;
}

static bool
is_listed(const char *name, const char *const *list)
{
	for (; *list; list++) {
		if (matches(name, *list))
			return true;
	}
	return false;
}

static const struct interpreter *
find_interpreter(const char *name)
{
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++) {
		if (matches(name, interpreters[i].name))
			return &interpreters[i];
	}
	return NULL;
}

/* --- names ------------------------------------------------------------------------------------ */

/* Cut and cleaned at once; no name in the lists is so long that a cut one could be taken for it. */
struct name {
	char text[PROGRAM_NAME_MAX];
};

static struct name
base_name(const char *path, size_t len)
{
	struct name name = { 0 };
	const char *slash = memrchr(path, '/', len);
	const char *base = slash ? slash + 1 : path;
	len -= (size_t)(base - path);
	for (size_t i = 0; i < len && i < sizeof(name.text) - 1; i++)
		name.text[i] = base[i] >= ' ' && base[i] <= '~' ? base[i] : '?';
	return name;
}

static struct name
name_of_executable(const char *exe)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(exe), cut = sizeof(deleted) - 1;
	if (len > cut && !strcmp(exe + len - cut, deleted))
		len -= cut;
	return base_name(exe, len);
}

/* Login shells have a '-' in front; "sshd: root@pts/0" is a title that the program gave itself. */
static struct name
name_of_argv0(const char *argv0)
{
	if (*argv0 == '-')
		argv0++;
	const char *title = strstr(argv0, ": ");
	return base_name(argv0, title ? (size_t)(title - argv0) : strlen(argv0));
}

/* python -m certbot.main */
static struct name
name_of_module(const char *module)
{
	return base_name(module, strcspn(module, "."));
}

/* --- arguments -------------------------------------------------------------------------------- */

struct arguments {
	const char *at;
	const char *end; /* there is a NUL */
};

static const char *
next(struct arguments *args)
{
	const char *word = args->at;
	if (word >= args->end)
		return NULL;
	args->at += strlen(word) + 1;
	return word;
}

/* What an interpreter was started for. */
struct errand {
	bool code;          /* text, from its arguments or its input */
	struct name script; /* or module */
};

static struct errand
run_script(const char *path)
{
	struct errand errand = { 0 };
	if (path)
		errand.script = base_name(path, strlen(path));
	return errand;
}

/* One word of short options. True if it tells the errand. */
static bool
read_options(struct errand *errand, const struct interpreter *in, const char *word,
	     struct arguments *args)
{
	for (const char *at = word + 1; *at; at++) {
		if (*word == '-' && in->code && strchr(in->code, *at)) {
			errand->code = true;
			return true;
		}
		if (in->module && strchr(in->module, *at)) {
			const char *module = at[1] ? at + 1 : next(args);
			if (module)
				errand->script = name_of_module(module);
			return true;
		}
		if (!in->argument || !strchr(in->argument, *at))
			continue;
		if (in->shell || !at[1])
			next(args);
		/* A shell goes on with the letters: -oe pipefail. */
		if (!in->shell)
			return false;
	}
	return false;
}

static struct errand
read_errand(const struct interpreter *in, struct arguments args)
{
	struct errand errand = { 0 };
	const char *word;
	while ((word = next(&args))) {
		if (*word != '-' && !(in->shell && *word == '+'))
			return run_script(word);
		if (!strcmp(word, "--") || (!strcmp(word, "-") && in->shell))
			return run_script(next(&args));
		if (!strcmp(word, "-"))
			return errand;
		if (!strncmp(word, "--command", strlen("--command")) && in->shell) {
			errand.code = true;
			return errand;
		}
		if (is_listed(word, long_arguments))
			next(&args);
		else if (word[1] != '-' && read_options(&errand, in, word, &args))
			return errand;
	}
	return errand;
}

/* --- judgement -------------------------------------------------------------------------------- */

static struct program
program(enum program_role role, const struct name *name)
{
	struct program program = { .role = role };
	memcpy(program.name, *name->text ? name->text : "?", *name->text ? sizeof(name->text) : 2);
	return program;
}

/*
 * A shell's script may be named after anything, "init" or "time"; only clients are known by it. An
 * interactive shell is somebody's terminal, who may well be the owner.
 */
static struct program
interpreted(const struct interpreter *in, const struct name *itself, struct arguments args)
{
	const struct errand errand = read_errand(in, args);
	const struct name *name = *errand.script.text ? &errand.script : itself;
	if (is_listed(name->text, clients))
		return program(PROGRAM_CLIENT, name);
	if (in->shell)
		return program(errand.code || name != itself ? PROGRAM_PASSED : PROGRAM_OTHER,
			       name);
	if (is_listed(name->text, script_ends))
		return program(PROGRAM_END, name);
	return program(is_listed(name->text, wrappers) ? PROGRAM_PASSED : PROGRAM_OTHER, name);
}

struct program
program_read(const char *exe, const char *args, size_t len)
{
	struct arguments rest = { .at = args, .end = args + len };
	const char *word = next(&rest);
	struct name argv0 = name_of_argv0(word ? word : "");
	struct name name = name_of_executable(exe);
	if (is_listed(name.text, multi_call)) {
		if (!strcmp(argv0.text, name.text) && (word = next(&rest)))
			argv0 = base_name(word, strlen(word));
		name = argv0;
	} else if (!*name.text) {
		name = argv0;
	}

	if (is_listed(name.text, ends))
		return program(PROGRAM_END, &name);
	if (is_listed(argv0.text, clients))
		return program(PROGRAM_CLIENT, &argv0);
	const struct interpreter *in = find_interpreter(name.text);
	if (in)
		return interpreted(in, &name, rest);
	if (is_listed(name.text, clients))
		return program(PROGRAM_CLIENT, &name);
	return program(is_listed(name.text, wrappers) ? PROGRAM_PASSED : PROGRAM_OTHER, &name);
}
