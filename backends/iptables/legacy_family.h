/* SPDX-License-Identifier: GPL-3.0-or-later */
/* x_tables has tables for each family. */
#ifndef GEOPAUSE_LEGACY_FAMILY_H
#define GEOPAUSE_LEGACY_FAMILY_H

#include <stdint.h>

enum family {
	FAMILY_IPV4,
	FAMILY_IPV6,
	FAMILIES,
};

extern const char *const family_names[FAMILIES]; /* "IPv4", "IPv6" */
extern const uint8_t family_protos[FAMILIES];    /* NFPROTO_IPV4, NFPROTO_IPV6 */

#endif
