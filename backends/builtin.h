/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backends that are part of the program: this kernel's firewalls, which are looked at in every
 * window without a policy. To load modules for them would take longer than to read their rules.
 */
#ifndef GEOPAUSE_BUILTIN_H
#define GEOPAUSE_BUILTIN_H

#include "backend.h"

/* Static; backend.h says what they do. */
const struct backend_ops *nftables_backend(void);
/* Of both kinds of iptables. */
const struct backend_ops *iptables_backend(void);

#endif
