/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel tells of the network namespace in short files of /proc. */
#ifndef GEOPAUSE_PROC_H
#define GEOPAUSE_PROC_H

#include <stdbool.h>
#include <stdint.h>

#define PROC_MAX 512u /* bytes; longer files are cut */

/* All of it as text; what hangs on it is worth asking again. False: errno, ENOENT or EIO. */
bool proc_read(const char *path, char text[PROC_MAX]);

/*
 * Does x_tables hold this table (NULL: any) for NFPROTO_IPV4 or NFPROTO_IPV6? Asking makes it
 * neither load a module nor make the table. What cannot be asked may be there.
 */
bool proc_has_xt_table(uint8_t family, const char *table);

#endif
