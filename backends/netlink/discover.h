/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GEOPAUSE_DISCOVER_H
#define GEOPAUSE_DISCOVER_H

#include <stdbool.h>

#include "challenge.h"
#include "nlsock.h"
#include "observation.h"
#include "reach.h"

/*
 * An observation for each rule that decides by the source, and each set of ports to be filled: of
 * the tables that iptables made, or of all others. What concerns none of these ports has no effect.
 * backend: whose they are; static. unseen: of these ports.
 */
int discover(struct nl *nl, const struct ports *ports, const char *backend, bool iptables,
	     const struct unseen_nat *unseen, struct observations *found, struct err *e);

#endif
