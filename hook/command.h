/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs. One verb is one file, cmd_NAME.c, and one line in main.c's table, which also prints
 * the usage. A verb returns the exit status (enum err_code, or 125 to 127 of `run`).
 */
#ifndef GEOPAUSE_COMMAND_H
#define GEOPAUSE_COMMAND_H

struct options;

/* Which options of its own a verb takes, beside the common ones. */
enum command_takes {
	TAKES_DRY_RUN = 1 << 0, /* and --stop-client */
	TAKES_ALL = 1 << 1,
	TAKES_COMMAND = 1 << 2, /* --guard, --anyway and a command to run */
	TAKES_STALE = 1 << 3,
};

struct command {
	const char *name;
	int (*run)(const struct options *options);
	const char *usage; /* what follows the name */
	const char *summary;
	unsigned takes;
};

int cmd_pre(const struct options *options);
int cmd_post(const struct options *options);
int cmd_run(const struct options *options);
int cmd_plan(const struct options *options);
int cmd_status(const struct options *options);
int cmd_restore(const struct options *options);
int cmd_check(const struct options *options);
int cmd_discover(const struct options *options);
int cmd_history(const struct options *options);

#endif
