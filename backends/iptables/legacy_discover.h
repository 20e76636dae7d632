/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What decides by the source address in x_tables. */
#ifndef GEOPAUSE_LEGACY_DISCOVER_H
#define GEOPAUSE_LEGACY_DISCOVER_H

#include "legacy_host.h"

int legacy_discover(const struct legacy_host *host, const struct ports *ports,
		    struct observations *found, struct err *e);

#endif
