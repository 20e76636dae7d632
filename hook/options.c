/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "challenge.h"
#include "command.h"
#include "err.h"
#include "policy.h"

#define LEASE_NAME_MAX 128 /* bytes */
#define LETTERS "hqvV"

enum option_id {
	OPT_POLICY = 256,
	OPT_STATE,
	OPT_JSON,
	OPT_LOG_FORMAT,
	OPT_WINDOW,
	OPT_CHALLENGE,
	OPT_OWNER,
	OPT_LEASE,
	OPT_DRY_RUN,
	OPT_ALL,
	OPT_GUARD,
	OPT_ANYWAY,
	OPT_STOP_CLIENT,
	OPT_STALE,
	OPT_HELP = 'h',
	OPT_QUIET = 'q',
	OPT_VERBOSE = 'v',
	OPT_VERSION = 'V',
};

static const struct known_option {
	const char *name;
	enum option_id id;
	unsigned takes; /* enum command_takes; 0: common */
	const char *argument;
	const char *help;
} known[] = {
	{ "policy", OPT_POLICY, 0, "FILE", "the policy (default " GEOPAUSE_POLICY_FILE ")" },
	{ "state", OPT_STATE, 0, "DIR", "journal and lock (default " GEOPAUSE_STATE_DIR ")" },
	{ "window", OPT_WINDOW, 0, "DURATION",
	  "how long the lease lasts at most: 90s, 10m, 1h30m" },
	{ "challenge", OPT_CHALLENGE, 0, "LIST", "http-01,tls-alpn-01,dns-01" },
	{ "owner", OPT_OWNER, 0, "PID|none", "whose lease it is (default: the client above)" },
	{ "lease", OPT_LEASE, 0, "NAME", "the lease goes by this name" },
	{ "json", OPT_JSON, 0, NULL, "results on stdout as JSON" },
	{ "log-format", OPT_LOG_FORMAT, 0, "text|json", "what stderr looks like" },
	{ "verbose", OPT_VERBOSE, 0, NULL, "say more on stderr" },
	{ "quiet", OPT_QUIET, 0, NULL, "only errors on stderr" },
	{ "help", OPT_HELP, 0, NULL, "this text" },
	{ "version", OPT_VERSION, 0, NULL, "the version" },
	{ "dry-run", OPT_DRY_RUN, TAKES_DRY_RUN, NULL, "as geopause plan" },
	{ "all", OPT_ALL, TAKES_ALL, NULL, "the candidates into the policy, too" },
	{ "guard", OPT_GUARD, TAKES_COMMAND, NULL,
	  "open nothing; close afterwards what COMMAND's hooks opened" },
	{ "stop-client", OPT_STOP_CLIENT, TAKES_DRY_RUN, NULL,
	  "if the lift fails, end the client that owns the lease (SIGTERM)" },
	{ "stale", OPT_STALE, TAKES_STALE, NULL, "only what nobody holds any more" },
	{ "anyway", OPT_ANYWAY, TAKES_COMMAND, NULL, "run COMMAND even if the lift fails" },
};
#define N_KNOWN (sizeof(known) / sizeof(*known))

void
options_help(FILE *out, unsigned takes)
{
	for (size_t i = 0; i < N_KNOWN; i++) {
		if (known[i].takes && !(known[i].takes & takes))
			continue;
		char name[40];
		snprintf(name, sizeof(name), "--%s%s%s", known[i].name,
			 known[i].argument ? " " : "", known[i].argument ? known[i].argument : "");
		const char *letter =
			known[i].id < 256 ? (char[]){ '-', (char)known[i].id, ',', 0 } : "   ";
		fprintf(out, "  %s %-24s %s\n", letter, name, known[i].help);
	}
}

static int
parse_owner(struct options *options, const char *text, struct err *e)
{
	options->owner = 0;
	options->no_owner = !strcmp(text, "none");
	if (options->no_owner)
		return 0;
	char *end;
	errno = 0;
	long pid = strtol(text, &end, 10);
	if (errno || *end || end == text || pid <= 0 || pid > INT_MAX)
		return err_set(e, ERR_USAGE, "neither a process id nor \"none\"");
	options->owner = (pid_t)pid;
	return 0;
}

static int
parse_lease(struct options *options, const char *text, struct err *e)
{
	size_t len = strlen(text);
	if (!len || len > LEASE_NAME_MAX)
		return err_set(e, ERR_USAGE, "a lease's name has 1 to %d characters",
			       LEASE_NAME_MAX);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(e, ERR_USAGE,
				       "a lease's name is printable ASCII without spaces");
	options->lease = text;
	return 0;
}

static int
parse_log_format(struct options *options, const char *text, struct err *e)
{
	options->log_json = !strcmp(text, "json");
	if (!options->log_json && strcmp(text, "text") != 0)
		return err_set(e, ERR_USAGE, "neither text nor json");
	return 0;
}

static int
parse_window(struct options *options, const char *text, struct err *e)
{
	if (duration_parse(text, &options->window_s, e))
		return -1;
	if (!options->window_s || options->window_s > POLICY_MAX_WINDOW_MAX_S)
		return err_set(e, ERR_USAGE, "a window lasts 1s to %us", POLICY_MAX_WINDOW_MAX_S);
	return 0;
}

static int
parse_path(const char **path, const char *text, struct err *e)
{
	if (!*text)
		return err_set(e, ERR_USAGE, "an empty path");
	*path = text;
	return 0;
}

/* Options with an argument. */
static int
take_value(struct options *options, int id, const char *text, struct err *e)
{
	switch (id) {
	case OPT_POLICY:
		return parse_path(&options->policy, text, e);
	case OPT_STATE:
		options->state_given = true;
		return parse_path(&options->state, text, e);
	case OPT_WINDOW:
		return parse_window(options, text, e);
	case OPT_CHALLENGE:
		return challenges_parse(text, &options->challenges, e);
	case OPT_OWNER:
		return parse_owner(options, text, e);
	case OPT_LEASE:
		return parse_lease(options, text, e);
	default:
		return parse_log_format(options, text, e);
	}
}

static void
take_flag(struct options *options, int id)
{
	if (id == OPT_JSON)
		options->json = true;
	else if (id == OPT_VERBOSE)
		options->verbose++;
	else if (id == OPT_QUIET)
		options->quiet = true;
	else if (id == OPT_DRY_RUN)
		options->dry_run = true;
	else if (id == OPT_ALL)
		options->all = true;
	else if (id == OPT_GUARD)
		options->guard = true;
	else if (id == OPT_ANYWAY)
		options->anyway = true;
	else if (id == OPT_STOP_CLIENT)
		options->stop_client = true;
	else if (id == OPT_STALE)
		options->stale = true;
}

static enum parsed
usage_error(const struct command *command, const char *message)
{
	fprintf(stderr, "geopause %s: %s\nTry `geopause %s --help`.\n", command->name, message,
		command->name);
	return PARSED_USAGE;
}

/* A short option that is not known: of "-xq" getopt has not gone on to the next word yet. */
static const char *
refused_word(char letter[3], char **argv)
{
	if (!optopt || optopt >= 256 || strchr(LETTERS, optopt))
		return argv[optind - 1];
	letter[0] = '-';
	letter[1] = (char)optopt;
	letter[2] = '\0';
	return letter;
}

static enum parsed
answer(const struct command *command, int id)
{
	if (id == OPT_VERSION) {
		printf("geopause " GEOPAUSE_VERSION "\n");
		return PARSED_DONE;
	}
	printf("usage: geopause %s [OPTION]...%s%s\n%s.\n\n", command->name,
	       *command->usage ? " " : "", command->usage, command->summary);
	options_help(stdout, command->takes);
	return PARSED_DONE;
}

/* What getopt cannot see: options that exclude each other, and what is left over. */
static enum parsed
check(struct options *options, const struct command *command, int left, char **argv)
{
	bool runs = command->takes & TAKES_COMMAND;
	if (options->lease && options->owner)
		return usage_error(command, "--owner and --lease exclude each other");
	if (runs && (options->lease || options->owner))
		return usage_error(command, "COMMAND owns the lease: no --owner and no --lease");
	if (options->guard && options->anyway)
		return usage_error(command, "--guard lifts nothing: --anyway has no meaning");
	if (runs && !left)
		return usage_error(command, "no COMMAND");
	if (!runs && left) {
		char name[NAME_BUF], message[NAME_BUF + 32];
		snprintf(message, sizeof(message), "too many arguments: %s",
			 err_name(name, argv[0]));
		return usage_error(command, message);
	}
	options->argv = argv;
	return PARSED_OK;
}

static size_t
getopt_table(struct option *table, unsigned takes)
{
	size_t n = 0;
	for (size_t i = 0; i < N_KNOWN; i++)
		if (!known[i].takes || (known[i].takes & takes))
			table[n++] =
				(struct option){ .name = known[i].name,
						 .has_arg = known[i].argument ? required_argument
									      : no_argument,
						 .val = (int)known[i].id };
	return n;
}

enum parsed
options_parse(struct options *options, const struct command *command, int argc, char **argv)
{
	struct option table[N_KNOWN + 1] = { 0 };
	getopt_table(table, command->takes);
	*options = (struct options){ .state = GEOPAUSE_STATE_DIR };
	opterr = 0;
	int id, index = -1;
	/* "+": the first word that is no option begins COMMAND. */
	while ((id = getopt_long(argc, argv, "+:" LETTERS, table, &index)) != -1) {
		char name[NAME_BUF], message[ERR_MESSAGE_MAX + NAME_BUF], letter[3];
		struct err e = ERR_INIT;
		if (id == OPT_HELP || id == OPT_VERSION)
			return answer(command, id);
		if (id == '?' || id == ':') {
			snprintf(message, sizeof(message), "%s %s",
				 id == '?' ? "no such option, or an argument too many:"
					   : "an argument is missing:",
				 err_name(name, refused_word(letter, argv)));
			return usage_error(command, message);
		}
		if (id < 256 || !table[index].has_arg) {
			take_flag(options, id);
		} else if (take_value(options, id, optarg, &e)) {
			snprintf(message, sizeof(message), "--%s %s: %s", table[index].name,
				 err_name(name, optarg), e.msg);
			return usage_error(command, message);
		}
		index = -1;
	}
	return check(options, command, argc - optind, argv + optind);
}
