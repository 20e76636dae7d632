/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Modules, geopause-NAME.so: the backends, and what speaks to systemd for scope.h. They are found
 * in modules/ beside the executable if that directory exists (the build tree), else in
 * GEOPAUSE_MODULE_DIR; no environment variable changes the place. The file and every directory
 * above it belong to root or to the owner of the running executable and can be written by nobody
 * else (a directory above may be root's with the sticky bit). It is loaded through the descriptor
 * that was checked, and only when somebody asks for it.
 */
#ifndef GEOPAUSE_MODULE_H
#define GEOPAUSE_MODULE_H

#include "backend.h"
#include "err.h"

/*
 * The address of a symbol of a module, which is never unloaded. NULL on errors: ERR_POLICY with
 * e->sys == ENOENT if there is no such module, ERR_FAILED for one that is unsafe or does not load.
 */
void *module_symbol(const char *name, const char *symbol, struct err *e);

/* A backend. As above, and ERR_POLICY for a name that cannot be one. */
const struct backend_ops *module_load(const char *name, struct err *e);

/* Backends that are opened from now on tell what they ask and are answered, a line each. */
typedef void module_line(const char *line);
void module_trace(module_line *line);

/* A descriptor that a module was loaded through: it stays open for as long as the process lives. */
bool module_holds(int fd);

/* The open backends of this process. */
#define BACKENDS_MAX 8

struct backends {
	struct open_backend {
		const struct backend_ops *ops;
		struct backend *backend;
	} v[BACKENDS_MAX];
	size_t n;
};

/* Loads and opens it, once. NULL on errors: module_load's or the backend's own. */
const struct open_backend *backends_get(struct backends *backends, const char *name, struct err *e);
void backends_close(struct backends *backends);
/* As backends_close, where a fork holds the same descriptors for longer. */
void backends_leave(struct backends *backends);

#endif
