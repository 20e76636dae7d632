/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "checksum.h"

uint64_t
checksum(const char *data, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3u;
	return hash;
}
