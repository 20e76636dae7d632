/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The iptables backend on a host that has no tables: nothing is found, and there are no marks. */
#include <stddef.h>

#include "builtin.h"

struct backend {
	char nothing;
};

static struct backend the_backend;

static int
none_open(struct backend **backend, struct err *e)
{
	(void)e;
	*backend = &the_backend;
	return 0;
}

static void
none_close(struct backend *backend)
{
	(void)backend;
}

static int
none_discover(struct backend *backend, const struct ports *ports, struct observations *found,
	      struct err *e)
{
	(void)backend;
	(void)ports;
	(void)found;
	(void)e;
	return 0;
}

static enum outcome
none_sweep(struct backend *backend, bool look_only, struct names *found, struct err *e)
{
	(void)backend;
	(void)look_only;
	(void)found;
	(void)e;
	return OUTCOME_DONE;
}

static const struct backend_ops ops = {
	.abi = BACKEND_ABI,
	.name = "iptables",
	.open = none_open,
	.close = none_close,
	.discover = none_discover,
	.sweep = none_sweep,
};

const struct backend_ops *
iptables_backend(void)
{
	return &ops;
}
