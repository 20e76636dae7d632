/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where traces of requests and replies go (-v): a line each, redacted by the caller. Set once,
 * before any thread is started; the function may be called by several threads at once.
 */
#ifndef GEOPAUSE_REST_TRACE_H
#define GEOPAUSE_REST_TRACE_H

#include <stdbool.h>

typedef void trace_line(const char *line);

void trace_to(trace_line *line);
bool trace_is_on(void);
void trace_text(const char *line);

#endif
