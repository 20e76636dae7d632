/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the policy's file; declared in policy.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy.h"
#include "trusted.h"

#define LINKS_MAX 40 /* as the kernel follows */

/* A file or directory on the way to a program, links included. */
static int
check_step(const char *path, struct err *e)
{
	char name[NAME_BUF];
	struct stat st;
	bool sticky;

	err_name(name, path);
	if (lstat(path, &st) != 0)
		return err_sys(e, ERR_POLICY, errno, "%s", name);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, ERR_POLICY,
			       "%s: belongs to user %u, who could run anything with the rights of "
			       "geopause; put the program where root alone can write",
			       name, (unsigned)st.st_uid);
	sticky = S_ISDIR(st.st_mode) && st.st_uid == 0 && (st.st_mode & S_ISVTX) != 0;
	if (!S_ISLNK(st.st_mode) && !sticky && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_POLICY,
			       "%s: others than its owner can write it (mode %04o), and so run "
			       "anything with the rights of geopause; look through it, then run: "
			       "chmod go-w '%s'",
			       name, (unsigned)(st.st_mode & 07777), name);
	return 0;
}

/* Checks the absolute path and all directories above it; the path is cut on the way. */
static int
check_steps(char *path, struct err *e)
{
	while (check_step(path, e) == 0) {
		char *slash = strrchr(path, '/');

		if (slash == NULL || path[1] == '\0')
			return 0;
		while (slash > path && slash[-1] == '/')
			slash--;
		slash[slash == path ? 1 : 0] = '\0';
	}
	return -1;
}

/* Replaces the link that ends at path + n by what it says. 0, or -1 with errno. */
static int
follow(char *path, size_t n)
{
	char target[PATH_MAX];
	char rest[PATH_MAX];
	char link[PATH_MAX];
	size_t dir = n;
	ssize_t len;

	memcpy(link, path, n);
	link[n] = '\0';
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return -1;
	target[len] = '\0';
	while (dir > 0 && path[dir - 1] != '/')
		dir--;
	if (target[0] == '/')
		dir = 0;
	snprintf(rest, sizeof(rest), "%s", path + n);
	len = snprintf(path + dir, PATH_MAX - dir, "%s%s", target, rest);
	if (len < 0 || (size_t)len >= PATH_MAX - dir) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* Follows the first link on the absolute path. 1: there was one; 0: none; -1 with errno. */
static int
follow_first_link(char *path)
{
	for (size_t n = 1; path[n - 1] != '\0'; n++) {
		char end = path[n];
		struct stat st;

		if (end != '/' && end != '\0')
			continue;
		path[n] = '\0';
		int failed = lstat(path, &st);

		path[n] = end;
		if (failed)
			return -1;
		if (S_ISLNK(st.st_mode))
			return follow(path, n) == 0 ? 1 : -1;
		if (end == '\0')
			break;
	}
	return 0;
}

/* The path as it stands and each one on the way of its links: whoever can exchange one decides. */
static int
check_way(const char *program, struct err *e)
{
	char path[PATH_MAX];
	char walked[PATH_MAX];
	char name[NAME_BUF];
	int more = 1;

	if (strlen(program) >= sizeof(path))
		return err_sys(e, ERR_POLICY, ENAMETOOLONG, "%s", err_name(name, program));
	memcpy(path, program, strlen(program) + 1);
	for (int links = 0; more > 0 && links <= LINKS_MAX; links++) {
		memcpy(walked, path, sizeof(path));
		if (check_steps(walked, e) != 0)
			return -1;
		more = follow_first_link(path);
	}
	if (more == 0)
		return 0;
	return err_sys(e, ERR_POLICY, more < 0 ? errno : ELOOP, "%s", err_name(name, program));
}

int
policy_check_program(const char *path, struct err *e)
{
	char name[NAME_BUF];
	struct stat st;

	err_name(name, path);
	if (stat(path, &st) != 0)
		return err_sys(e, ERR_POLICY, errno, "the program %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_POLICY, "%s: is not a regular file", name);
	if (check_way(path, e) != 0)
		return -1;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
		return err_sys(e, ERR_POLICY, errno, "%s: cannot be executed (mode %04o)", name,
			       (unsigned)(st.st_mode & 07777));
	return 0;
}

/* These programs run with full rights, so they must be as safe as the policy itself. */
static int
check_alert(const struct policy *policy, struct err *e)
{
	char name[NAME_BUF];

	if (policy->alert == NULL || policy_check_program(policy->alert[0], e) == 0)
		return 0;
	return err_wrap(e, "%s:%u: alert[0]", err_name(name, policy->file), policy->alert_line);
}

static int
check_commands(const struct policy *policy, struct err *e)
{
	char name[NAME_BUF];

	for (size_t i = 0; i < policy->n_targets; i++) {
		const struct target *target = &policy->targets[i];

		if (target->command != NULL && policy_check_program(target->command[0], e) != 0)
			return err_wrap(e, "%s:%u: targets[%zu].command[0]",
					err_name(name, policy->file), target->command_line, i);
	}
	return 0;
}

/* A recipe of the administrator's own says what is opened, a CA who may answer for the provider. */
static int
check_files(const struct policy *policy, struct err *e)
{
	char name[NAME_BUF];

	for (size_t i = 0; i < policy->n_targets; i++) {
		const struct target *target = &policy->targets[i];
		const char *recipe = target->recipe;

		if (recipe != NULL && recipe[0] == '/' && trusted_check(recipe, e) != 0)
			return err_wrap(e, "%s:%u: targets[%zu].recipe",
					err_name(name, policy->file), target->recipe_line, i);
		if (target->ca_file != NULL && trusted_check(target->ca_file, e) != 0)
			return err_wrap(e, "%s:%u: targets[%zu].ca_file",
					err_name(name, policy->file), target->line, i);
	}
	return 0;
}

/* The text, or NULL; *missing without an error: there is no such file. */
static char *
read_file(const char *path, size_t *len, bool *missing, struct err *e)
{
	struct err why = ERR_INIT;
	char *text = trusted_read(path, "a policy", POLICY_FILE_MAX, len, &why);
	char name[NAME_BUF];
	struct stat st;

	if (text != NULL)
		return text;
	*missing = why.sys == ENOENT && lstat(path, &st) != 0;
	if (why.sys == ENOENT && !*missing)
		err_set(e, ERR_POLICY, "%s: is a symbolic link to nothing", err_name(name, path));
	else if (!*missing)
		*e = why;
	return NULL;
}

int
policy_load(struct policy *policy, const char *path, struct err *e)
{
	bool missing = false;
	size_t len = 0;
	char *text;
	int rc;

	policy_init(policy);
	text = read_file(path, &len, &missing, e);
	if (text == NULL)
		return missing ? 0 : -1;
	rc = policy_parse(policy, path, text, len, e);
	free(text);
	if (rc == 0 && (check_alert(policy, e) != 0 || check_commands(policy, e) != 0 ||
			check_files(policy, e) != 0)) {
		policy_fini(policy);
		rc = -1;
	}
	return rc;
}
