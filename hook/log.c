/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

#define SYSLOG_SOCKET "/dev/log"
#define LINE_MAX_BYTES 2048

static bool as_json;
static int worst_shown = LOG_INFO;
static bool traces;

void
log_init(const struct options *options)
{
	as_json = options->log_json;
	worst_shown = options->quiet ? LOG_ERR : options->verbose ? LOG_DEBUG : LOG_INFO;
	traces = options->verbose > 1 && !options->quiet;
}

/* syslog(3) waits when the daemon's queue is full; a restore must not. RFC 3164 datagrams. */
static void
record(int priority, const char *message)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = SYSLOG_SOCKET };
	char stamp[32] = "", line[LINE_MAX_BYTES];
	struct tm tm;
	time_t now = time(NULL);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	int len = snprintf(line, sizeof(line), "<%d>%s geopause[%d]: %s", LOG_DAEMON | priority,
			   stamp, (int)getpid(), message);
	if (len >= (int)sizeof(line))
		len = (int)sizeof(line) - 1;
	if (len > 0)
		(void)sendto(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)&to, sizeof(to));
	close(fd);
}

static const char *
level_name(int priority)
{
	static const char *const names[] = {
		[LOG_EMERG] = "emergency", [LOG_ALERT] = "alert",     [LOG_CRIT] = "critical",
		[LOG_ERR] = "error",       [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
		[LOG_INFO] = "info",       [LOG_DEBUG] = "debug",
	};
	return names[priority & LOG_PRIMASK];
}

static void
say_json(int priority, const char *event, json_t *fields, const char *message)
{
	char stamp[32] = "";
	struct tm tm;
	time_t now = time(NULL);
	if (gmtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_t *object = json_pack("{s:s,s:s,s:s,s:s}", "time", stamp, "level",
				   level_name(priority), "event", event, "message", message);
	if (fields)
		json_object_update(object, fields);
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text)
		fprintf(stderr, "%s\n", text);
	free(text);
	json_decref(object);
}

/* Everything that is not printable ASCII, so that one event stays one line. */
static void
make_printable(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = *c == '\n' || *c == '\t' ? ' ' : '?';
}

void
log_event_take(int priority, const char *event, json_t *fields, const char *fmt, ...)
{
	char message[LINE_MAX_BYTES - 128];
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = '\0';
	va_end(ap);
	make_printable(message);
	if (priority != LOG_DEBUG)
		record(priority, message);
	if (priority <= worst_shown) {
		if (as_json)
			say_json(priority, event, fields, message);
		else
			fprintf(stderr, "geopause: %s%s\n",
				priority == LOG_WARNING ? "warning: " : "", message);
	}
	json_decref(fields);
}

void
log_trace(const char *line)
{
	log_event_take(LOG_DEBUG, "trace", NULL, "%s", line);
}

bool
log_traces(void)
{
	return traces;
}

void
log_failure(const struct err *e)
{
	json_t *fields = json_pack("{s:i,s:i}", "status", (int)e->code, "errno", e->sys);
	log_event_take(LOG_ERR, "failed", fields, "%s", e->msg);
}
