/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODULE_NAME_MAX 32

static bool
valid_name(const char *name)
{
	size_t len = strlen(name);
	return len && len <= MODULE_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* The directory's real path, and who may own what we load. */
static int
find_directory(char *path, uid_t *owner, struct err *e)
{
	char exe[PATH_MAX], beside[PATH_MAX + 16];
	struct stat st;
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (len < 0 || stat("/proc/self/exe", &st))
		return err_sys(e, ERR_FAILED, errno, "reading /proc/self/exe (is /proc mounted?)");
	*owner = st.st_uid;
	exe[len] = '\0';
	char *slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	snprintf(beside, sizeof(beside), "%s/modules", exe);
	bool there = !stat(beside, &st);
	if (!there && errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, ERR_FAILED, errno, "the directory of the backends, %s", beside);
	const char *dir = there && S_ISDIR(st.st_mode) ? beside : GEOPAUSE_MODULE_DIR;
	if (realpath(dir, path))
		return 0;
	if (errno == ENOENT) {
		err_sys(e, ERR_POLICY, ENOENT,
			"the directory of the backends, %s (part of the geopause package)", dir);
		e->sys = ENOENT;
		return -1;
	}
	return err_sys(e, ERR_FAILED, errno, "the directory of the backends, %s", dir);
}

/* above: a directory above the module's own, where the sticky bit of root's protects our entry. */
static int
check_owner(const struct stat *st, uid_t owner, bool above, const char *path, struct err *e)
{
	char name[NAME_BUF];
	if (st->st_uid != 0 && st->st_uid != owner)
		return err_set(e, ERR_FAILED,
			       "unsafe: %s belongs to user %u; it must be root's or the "
			       "executable's owner's",
			       err_name(name, path), (unsigned)st->st_uid);
	bool sticky = above && st->st_uid == 0 && (st->st_mode & S_ISVTX);
	if ((st->st_mode & 022) && !sticky)
		return err_set(e, ERR_FAILED,
			       "unsafe: %s has mode %04o: others can write it (chmod go-w)",
			       err_name(name, path), (unsigned)(st->st_mode & 07777));
	return 0;
}

/* Opens and checks one step of the walk; takes dir. */
static int
step_into_take(int dir, const char *component, uid_t owner, bool above, struct err *e)
{
	struct stat st;
	int next = openat(dir, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int sys = errno;
	if (dir >= 0)
		close(dir);
	if (next < 0)
		return err_sys(e, ERR_FAILED, sys, "opening the directory %s", component);
	if (fstat(next, &st)) {
		err_sys(e, ERR_FAILED, errno, "looking at the directory %s", component);
	} else if (!check_owner(&st, owner, above, component, e)) {
		return next;
	}
	close(next);
	return -1;
}

/* Walks the real path from the root, so that no directory can be exchanged behind our back. */
static int
open_directory(const char *path, uid_t owner, struct err *e)
{
	char component[NAME_MAX + 1];
	int dir = step_into_take(AT_FDCWD, "/", owner, true, e);
	while (dir >= 0 && *path) {
		path += strspn(path, "/");
		size_t len = strcspn(path, "/");
		if (!len || len > NAME_MAX)
			break;
		memcpy(component, path, len);
		component[len] = '\0';
		path += len;
		dir = step_into_take(dir, component, owner, *path != '\0', e);
	}
	return dir;
}

static int kept[MODULES_MAX];
static size_t n_kept;

static int
keep(int fd)
{
	if (n_kept == MODULES_MAX)
		return -1;
	kept[n_kept++] = fd;
	return 0;
}

size_t
module_descriptors(const int **fds)
{
	*fds = kept;
	return n_kept;
}

static void *
load_descriptor(int fd, const char *symbol, struct err *e)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	void *found = handle ? dlsym(handle, symbol) : NULL;
	if (!found) {
		const char *why = dlerror();
		err_set(e, ERR_FAILED, "loading it failed: %s", why ? why : "no entry point");
		if (handle)
			dlclose(handle);
	}
	return found;
}

static void *
load_from(int dir, uid_t owner, const char *file, const char *symbol, struct err *e)
{
	void *found = NULL;
	struct stat st;
	int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT) {
		err_set(e, ERR_POLICY, "it is not installed (part of the geopause package)");
		e->sys = ENOENT;
	} else if (fd < 0 || fstat(fd, &st)) {
		err_sys(e, ERR_FAILED, errno, "opening it");
	} else if (!S_ISREG(st.st_mode)) {
		err_set(e, ERR_FAILED, "unsafe: it is not a regular file");
	} else if (!check_owner(&st, owner, false, file, e)) {
		found = load_descriptor(fd, symbol, e);
	}
	/*
	 * Once loaded it stays open: glibc knows libraries by their names, and the next one's
	 * /proc/self/fd/N must be another.
	 */
	if (fd >= 0 && (!found || keep(fd)))
		close(fd);
	return found;
}

void *
module_symbol(const char *name, const char *symbol, struct err *e)
{
	char path[PATH_MAX] = "", file[MODULE_NAME_MAX + 32];
	uid_t owner = 0;
	if (find_directory(path, &owner, e))
		return NULL;
	snprintf(file, sizeof(file), "geopause-%s.so", name);
	void *found = NULL;
	int dir = open_directory(path, owner, e);
	if (dir >= 0) {
		found = load_from(dir, owner, file, symbol, e);
		close(dir);
	}
	if (!found)
		err_wrap(e, "module %s/%s", path, file);
	return found;
}

const struct backend_ops *
module_load(const char *name, struct err *e)
{
	char escaped[NAME_BUF];
	union {
		void *symbol;
		const struct backend_ops *(*function)(void);
	} entry;
	if (!valid_name(name)) {
		err_set(e, ERR_POLICY, "\"%s\" cannot be a backend's name",
			err_name(escaped, name));
		return NULL;
	}
	if (!(entry.symbol = module_symbol(name, BACKEND_SYMBOL, e))) {
		err_wrap(e, "backend %s", name);
		return NULL;
	}
	const struct backend_ops *ops = entry.function();
	if (ops && ops->abi == BACKEND_ABI && !strcmp(ops->name, name))
		return ops;
	err_set(e, ERR_FAILED,
		"backend %s: module geopause-%s.so: it has ABI %u, this geopause needs %u: "
		"install both from one version",
		name, name, ops ? ops->abi : 0, BACKEND_ABI);
	return NULL;
}
