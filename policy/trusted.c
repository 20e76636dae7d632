/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int
check_file(int fd, const char *path, size_t *size, struct err *e)
{
	char name[NAME_BUF];
	struct stat st;

	err_name(name, path);
	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_POLICY, errno, "%s: fstat", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_POLICY, "%s: is not a regular file", name);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, ERR_POLICY,
			       "%s: belongs to user %u, who could open this firewall with it; look "
			       "through it, then run: chown root:root '%s'",
			       name, (unsigned)st.st_uid, name);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_POLICY,
			       "%s: others than its owner can write it (mode %04o); look through "
			       "it, then run: chmod go-w '%s'",
			       name, (unsigned)(st.st_mode & 07777), name);
	*size = (size_t)st.st_size;
	return 0;
}

/* Up to size bytes; the number read, or -1. */
static ssize_t
read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, buf + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* An open descriptor, or -1. */
static int
open_checked(const char *path, size_t *size, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char name[NAME_BUF];

	if (fd < 0) {
		int sys = errno;

		err_sys(e, ERR_POLICY, sys, "%s: open", err_name(name, path));
		return -1;
	}
	if (check_file(fd, path, size, e) == 0)
		return fd;
	close(fd);
	return -1;
}

int
trusted_check(const char *path, struct err *e)
{
	size_t size = 0;
	int fd = open_checked(path, &size, e);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static char *
read_text(int fd, const char *path, size_t size, size_t *len, struct err *e)
{
	char *text = malloc(size + 1); /* more comes when somebody writes it just now */
	char name[NAME_BUF];
	ssize_t n;

	if (text == NULL) {
		err_set(e, ERR_FAILED, "%s: out of memory", err_name(name, path));
		return NULL;
	}
	n = read_all(fd, text, size + 1);
	if (n >= 0 && (size_t)n <= size) {
		*len = (size_t)n;
		return text;
	}
	if (n < 0)
		err_sys(e, ERR_POLICY, errno, "%s: read", err_name(name, path));
	else
		err_set(e, ERR_POLICY, "%s: somebody is writing it: try again",
			err_name(name, path));
	free(text);
	return NULL;
}

char *
trusted_read(const char *path, const char *what, size_t max, size_t *len, struct err *e)
{
	size_t size = 0;
	int fd = open_checked(path, &size, e);
	char name[NAME_BUF];
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (size > max)
		err_set(e, ERR_POLICY, "%s: more than %zu bytes: this is not %s",
			err_name(name, path), max, what);
	else
		text = read_text(fd, path, size, len, e);
	close(fd);
	return text;
}
