/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GEOPAUSE_FILES_H
#define GEOPAUSE_FILES_H

#include <stddef.h>

/* All of it, whatever write(2) takes at a time. 0, or -1 with errno. */
int files_write(int fd, const char *data, size_t len);

#endif
