/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many entries the tables have and how long they are, asked cheaply: what changes them changes
 * these numbers, but for a rule that is replaced by one of the same length.
 */
#ifndef GEOPAUSE_LEGACY_INFO_H
#define GEOPAUSE_LEGACY_INFO_H

#include <stdint.h>

#include "legacy_host.h"

struct legacy_info {
	int fd[FAMILIES]; /* raw sockets (CAP_NET_RAW); -1: not allowed */
};

void legacy_info_open(struct legacy_info *info);
void legacy_info_close(struct legacy_info *info);
/* No table has rules; false also if that cannot be told. */
bool legacy_info_empty(const struct legacy_info *info);
uint64_t legacy_info_hash(const struct legacy_info *info);

#endif
