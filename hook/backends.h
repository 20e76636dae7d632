/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The open backends of this process: those that are part of the program (builtin.h), and modules
 * (module.h). Each is opened when it is first asked for.
 */
#ifndef GEOPAUSE_BACKENDS_H
#define GEOPAUSE_BACKENDS_H

#include <stddef.h>

#include "backend.h"
#include "err.h"

#define BACKENDS_MAX 8

struct backends {
	struct open_backend {
		const struct backend_ops *ops;
		struct backend *backend;
	} v[BACKENDS_MAX];
	size_t n;
};

/*
 * Loads and opens it, once. NULL on errors, module_load's or the backend's own: of both e->sys is
 * ENOENT where there is no such thing.
 */
const struct open_backend *backends_get(struct backends *backends, const char *name, struct err *e);
void backends_close(struct backends *backends);

/* Those that are opened from now on tell what they ask and are answered, a line each. */
typedef void backends_line(const char *line);
void backends_trace(backends_line *line);

#endif
