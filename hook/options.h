/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line after the verb, as values. Strings are borrowed from argv. */
#ifndef GEOPAUSE_OPTIONS_H
#define GEOPAUSE_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct command;

struct options {
	const char *policy; /* NULL: the default place, where it may be missing */
	const char *state;
	bool state_given;
	const char *lease; /* --lease NAME, or NULL */
	pid_t owner;       /* --owner PID, 0: none given */
	bool no_owner;     /* --owner none */
	unsigned window_s; /* 0: as the policy says */
	unsigned challenges;
	bool json;
	bool log_json;
	unsigned verbose; /* how often */
	bool quiet;
	bool dry_run;
	bool all;
	bool guard;
	bool anyway;
	bool stop_client;
	bool stale;
	char **argv; /* run's command, NULL-terminated */
};

enum parsed {
	PARSED_OK,
	PARSED_DONE, /* --help or --version was answered: exit 0 */
	PARSED_USAGE /* said what is wrong on stderr: exit 2 */
};

/* argv[0] is the verb. */
enum parsed options_parse(struct options *options, const struct command *command, int argc,
			  char **argv);
/* The options that every verb takes, for --help. */
void options_help(FILE *out, unsigned takes);

#endif
