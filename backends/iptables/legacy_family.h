/* SPDX-License-Identifier: GPL-3.0-or-later */
/* x_tables has tables for each family. */
#ifndef GEOPAUSE_LEGACY_FAMILY_H
#define GEOPAUSE_LEGACY_FAMILY_H

enum family {
	FAMILY_IPV4,
	FAMILY_IPV6,
	FAMILIES,
};

extern const char *const family_names[FAMILIES]; /* "IPv4", "IPv6" */

#endif
