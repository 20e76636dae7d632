/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GEOPAUSE_DISCOVER_H
#define GEOPAUSE_DISCOVER_H

#include <stdbool.h>

#include "nlsock.h"
#include "observation.h"

/*
 * An observation for each rule that decides by the source, and each set of ports to be filled: of
 * the tables that iptables made, or of all others. backend: whose they are; static.
 */
int discover(struct nl *nl, const char *backend, bool iptables, struct observations *found,
	     struct err *e);

#endif
