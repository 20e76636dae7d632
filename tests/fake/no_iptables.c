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

static const struct backend_ops ops = {
	.abi = BACKEND_ABI,
	.name = "iptables",
	.open = none_open,
	.close = none_close,
};

const struct backend_ops *
iptables_backend(void)
{
	return &ops;
}
