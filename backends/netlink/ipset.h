/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of ipset(8), as iptables' extension `set` looks addresses up in them. */
#ifndef GEOPAUSE_IPSET_H
#define GEOPAUSE_IPSET_H

#include "eval.h"
#include "expr.h"

/*
 * Asks the kernel whether an xt match `set` matches the packet, which is addressed. TRUTH_MAYBE:
 * it tests more than an address, or the set cannot be asked.
 */
enum truth ipset_match(struct nl *nl, const struct expr *x, const struct packet *packet);

#endif
