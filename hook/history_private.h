/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What history.c, which writes the file, and history_read.c share. */
#ifndef GEOPAUSE_HISTORY_PRIVATE_H
#define GEOPAUSE_HISTORY_PRIVATE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "err.h"

#define HISTORY_FILE "history"
#define HISTORY_PREFIX "geopause-history 1 "
#define HISTORY_FILE_MAX (4u << 20) /* bytes; a larger one is rewritten */
#define HISTORY_LINE_MAX 8192u      /* bytes; longer ones are not ours */
#define HISTORY_WALL_MAX (INT64_C(1) << 40)

/* Regular, root's or ours, and others cannot write it. */
int history_check_file(const struct stat *st, struct err *e);
/* The whole file, or its end if it is far too long. A missing one is success and *text NULL. */
int history_text(int dir, char **text, size_t *len, struct err *e);
/* The event of a line (without its newline), a new reference; NULL if it is none. */
json_t *history_line_event(const char *line, size_t len);

#endif
