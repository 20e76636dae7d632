/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ancestry.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LEVELS_MAX 64
/* Options and the path of a script; what follows does not matter. */
#define ARGS_MAX 4096

/* A process on the way up. */
struct level {
	struct process process;
	pid_t parent;
	const char *exe;  /* "" if it cannot be read, as root's for others */
	const char *args; /* as in /proc/PID/cmdline */
	size_t args_len;
	char text[PATH_MAX + ARGS_MAX + 1]; /* of both, one behind the other */
};

static size_t
read_exe(char *text, pid_t pid)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	ssize_t len = readlink(path, text, PATH_MAX - 1);
	text[len > 0 ? len : 0] = '\0';
	return len > 0 ? (size_t)len : 0;
}

static size_t
read_args(char *text, pid_t pid)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	ssize_t len = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, ARGS_MAX);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	return len > 0 ? (size_t)len : 0;
}

/* A child is never older than its parent: then the parent is gone, and its pid is used again. */
static bool
read_level(struct level *level, pid_t pid, const struct level *below,
	   const struct process_self *self)
{
	if (process_read(&level->process, &level->parent, pid, self) ||
	    (below->process.pid && level->process.start > below->process.start))
		return false;
	level->exe = level->text;
	char *args = level->text + read_exe(level->text, pid) + 1;
	level->args = args;
	level->args_len = read_args(args, pid);
	/* Neither: a kernel thread, or nothing that could be recognised. */
	return *level->exe || level->args_len;
}

/* A subshell, or another worker of one program. */
static bool
is_fork_of(const struct level *child, const struct level *level)
{
	return child->args_len == level->args_len && !strcmp(child->exe, level->exe) &&
	       !memcmp(child->args, level->args, level->args_len);
}

static void
own(struct ancestry *ancestry, const struct process *owner, const struct program *program)
{
	ancestry->owner = *owner;
	memcpy(ancestry->name, program->name, sizeof(ancestry->name));
}

/* The topmost client; for want of one, the nearest that is not passed. */
static void
consider(struct ancestry *ancestry, bool *client, const struct level *level,
	 const struct level *below, const struct program *program)
{
	bool is_client = program->role == PROGRAM_CLIENT;
	bool is_fallback =
		program->role == PROGRAM_OTHER && !*client &&
		(!ancestry->owner.pid ||
		 (process_same(&ancestry->owner, &below->process) && is_fork_of(below, level)));
	if (is_client || is_fallback)
		own(ancestry, &level->process, program);
	*client |= is_client;
}

struct ancestry
ancestry_read(void)
{
	const struct process_self self = process_self();
	struct ancestry ancestry = { 0 };
	struct program program = { 0 }, via = { 0 };
	struct level levels[2];
	struct level *level = &levels[0], *below = &levels[1];
	bool client = false;
	pid_t pid = getppid();
	below->process.pid = 0;
	for (int i = 0; i < LEVELS_MAX && pid > 1 && read_level(level, pid, below, &self); i++) {
		if (process_is_ours(pid, level->exe, &self)) {
			ancestry.guard = level->process;
			break;
		}
		program = program_read(level->exe, level->args, level->args_len);
		if (program.role == PROGRAM_END)
			break;
		consider(&ancestry, &client, level, below, &program);
		ancestry.via = level->process;
		via = program;
		pid = level->parent;
		struct level *swap = below;
		below = level;
		level = swap;
	}
	if (ancestry.guard.pid && ancestry.via.pid && !ancestry.owner.pid)
		own(&ancestry, &ancestry.via, &via);
	return ancestry;
}
