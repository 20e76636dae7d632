/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "backends.h"

#include <string.h>

#include "builtin.h"
#include "module.h"

static backends_line *tracer;

void
backends_trace(backends_line *line)
{
	tracer = line;
}

static const struct backend_ops *
find(const char *name, struct err *e)
{
	if (!strcmp(name, "nftables"))
		return nftables_backend();
	if (!strcmp(name, "iptables"))
		return iptables_backend();
	return module_load(name, e);
}

const struct open_backend *
backends_get(struct backends *backends, const char *name, struct err *e)
{
	for (size_t i = 0; i < backends->n; i++)
		if (!strcmp(backends->v[i].ops->name, name))
			return &backends->v[i];
	if (backends->n == BACKENDS_MAX) {
		err_set(e, ERR_FAILED, "more than %d backends", BACKENDS_MAX);
		return NULL;
	}
	struct open_backend *open = &backends->v[backends->n];
	if (!(open->ops = find(name, e)))
		return NULL;
	if (open->ops->open(&open->backend, e)) {
		err_wrap(e, "backend %s", name);
		return NULL;
	}
	if (open->ops->trace && tracer)
		open->ops->trace(open->backend, tracer);
	backends->n++;
	return open;
}

void
backends_close(struct backends *backends)
{
	while (backends->n > 0) {
		const struct open_backend *open = &backends->v[--backends->n];
		open->ops->close(open->backend);
	}
}
