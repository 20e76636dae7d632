/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One event a line: to stderr for people (or as JSON objects), and to the system log for the
 * record. Neither may block or fail the program: a log that cannot be written is lost.
 */
#ifndef GEOPAUSE_LOG_H
#define GEOPAUSE_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <syslog.h>

#include "err.h"

struct options;

void log_init(const struct options *options);

/*
 * priority is syslog's: LOG_ERR is said even with -q, LOG_DEBUG only with -v, and LOG_DEBUG is not
 * recorded. fields (may be NULL) is stolen; with --log-format json its members join "event",
 * "level", "time" and "message".
 */
void log_event_take(int priority, const char *event, json_t *fields, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* For what is asked and answered, shown with -vv; any thread may call it. */
void log_trace(const char *line);
bool log_traces(void);
void log_failure(const struct err *e);

#endif
