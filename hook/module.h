/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Modules, geopause-NAME.so: backends, and what speaks to systemd for scope.h. They are found
 * in modules/ beside the executable if that directory exists (the build tree), else in
 * GEOPAUSE_MODULE_DIR; no environment variable changes the place. The file and every directory
 * above it belong to root or to the owner of the running executable and can be written by nobody
 * else (a directory above may be root's with the sticky bit). It is loaded through the descriptor
 * that was checked, and only when somebody asks for it.
 */
#ifndef GEOPAUSE_MODULE_H
#define GEOPAUSE_MODULE_H

#include <stddef.h>

#include "backend.h"
#include "err.h"

/*
 * The address of a symbol of a module, which is never unloaded. NULL on errors: ERR_POLICY with
 * e->sys == ENOENT if there is no such module, ERR_FAILED for one that is unsafe or does not load.
 */
void *module_symbol(const char *name, const char *symbol, struct err *e);

/* A backend. As above, and ERR_POLICY for a name that cannot be one. */
const struct backend_ops *module_load(const char *name, struct err *e);

#define MODULES_MAX 8

/*
 * The descriptors that modules were loaded through, at most MODULES_MAX: they stay open for as long
 * as the process lives. Borrowed; returns how many.
 */
size_t module_descriptors(const int **fds);

#endif
