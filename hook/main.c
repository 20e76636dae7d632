/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "backends.h"
#include "command.h"
#include "err.h"
#include "log.h"
#include "options.h"
#include "output.h"
#include "signals.h"

static const struct command commands[] = {
	{ "pre", cmd_pre, "", "Lift the geo-blocks around the challenge's ports", TAKES_DRY_RUN },
	{ "post", cmd_post, "", "Give the lease back; the last one restores the firewall", 0 },
	{ "run", cmd_run, "-- COMMAND [ARGUMENT]...", "Lift, run COMMAND, restore whatever happens",
	  TAKES_COMMAND },
	{ "plan", cmd_plan, "", "Show what pre would change; changes nothing", 0 },
	{ "status", cmd_status, "", "Show the window, its leases and where the lifts stand", 0 },
	{ "restore", cmd_restore, "", "Close everything now, whoever holds the window",
	  TAKES_STALE },
	{ "check", cmd_check, "", "Validate the policy, by itself and against the firewall", 0 },
	{ "history", cmd_history, "", "Show the windows of the past", 0 },
	{ "discover", cmd_discover, "", "Find geo-blocks and print a policy for them", TAKES_ALL },
};
#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static void
usage(FILE *out)
{
	fprintf(out,
		"usage: geopause VERB [OPTION]...\n"
		"Lifts geo-blocking around the ports that an ACME challenge needs, and puts it "
		"back.\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n");
	options_help(out, 0);
	fprintf(out, "\nExit status: 0 done; 1 failed, nothing is left open; 2 usage;\n"
		     "3 something may still be open; 4 busy; 5 the policy is missing, invalid,\n"
		     "doubtful or unsafe; 6 verification failed, all was rolled back;\n"
		     "run: COMMAND's own, or 125 not run, 126 cannot be run, 127 not found.\n");
}

/* A hook may be called with 0, 1 or 2 closed; the next open() would become one of them. */
static int
open_missing_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	}
	return 0;
}

/* Of the JSON objects' hash tables; by itself the library opens /dev/urandom. */
static void
seed_tables(void)
{
	size_t seed = 0;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed) && seed)
		json_object_seed(seed);
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int
dispatch(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return ERR_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return ERR_NONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("geopause " GEOPAUSE_VERSION "\n");
		return ERR_NONE;
	}
	const struct command *command = find_command(argv[1]);
	if (!command) {
		char name[NAME_BUF];
		fprintf(stderr, "geopause: %s: no such verb\nTry `geopause --help`.\n",
			err_name(name, argv[1]));
		return ERR_USAGE;
	}
	struct options options;
	enum parsed parsed = options_parse(&options, command, argc - 1, argv + 1);
	if (parsed != PARSED_OK)
		return parsed == PARSED_DONE ? ERR_NONE : ERR_USAGE;
	log_init(&options);
	if (log_traces())
		backends_trace(log_trace);
	return command->run(&options);
}

/* clang's way to tell, and gcc's. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#endif

/* The libraries' destructors have nothing to do; only a sanitizer's looks for leaks. */
static int
leave(int status)
{
#ifdef SANITIZED
	return status;
#else
	fflush(NULL);
	_exit(status);
#endif
}

int
main(int argc, char **argv)
{
	if (open_missing_descriptors())
		return ERR_FAILED;
	signals_init();
	seed_tables();
	return leave(output_finish(dispatch(argc, argv)));
}
