/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flows that a lift in x_tables let in: those to its ports whose first packet these tables would
 * stop without it. They are asked as they were when the cover was read, ipsets as they are now;
 * what cannot be told (a hardware address, a country of xt_geoip) is not covered: such a flow lives
 * on.
 */
#ifndef GEOPAUSE_LEGACY_COVER_H
#define GEOPAUSE_LEGACY_COVER_H

#include "legacy_host.h"

int legacy_cover(const struct legacy_host *host, const json_t *record, struct cover **cover,
		 struct err *e);
int legacy_flows(const struct cover *cover, struct names *flows, struct err *e);
enum outcome legacy_cut(const struct cover *cover, const struct names *spared, size_t *n,
			struct err *e);
void legacy_cover_free(struct cover *cover);

#endif
