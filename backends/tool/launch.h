/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tool.c's: finding a program, and starting it in a child that has nothing else of ours. */
#ifndef GEOPAUSE_TOOL_LAUNCH_H
#define GEOPAUSE_TOOL_LAUNCH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tool.h"

struct launched {
	pid_t pid;
	int in, out, err; /* our ends, non-blocking; -1: closed */
};

/* The path of what argv[0] names. e->sys is ENOENT if it is in none of TOOL_PATH. */
int launch_find(const char *name, char path[PATH_MAX], struct err *e);
bool launch_is_program(const char *path);
/* 0, or errno: then nothing was run, and *child is empty. SIGCHLD must be as by default. */
int launch(const struct tool *tool, const char *path, struct launched *child);
/* Waits for its end; what waitpid(2) says, or -1. */
int launch_reap(pid_t pid);
void launch_close_end(int *fd);
void launched_close(struct launched *child);

#endif
