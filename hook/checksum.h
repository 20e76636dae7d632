/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against bytes that were lost or changed by accident; no protection against anybody's intent. */
#ifndef GEOPAUSE_CHECKSUM_H
#define GEOPAUSE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* 64-bit FNV-1a; both files that have one write it as 16 lower-case hexadecimal digits. */
uint64_t checksum(const char *data, size_t len);

#endif
