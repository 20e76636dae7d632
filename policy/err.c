/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What does not fit is cut; a message that could not be formatted at all is left empty. */
static void __attribute__((format(printf, 3, 0)))
print(char *buf, size_t size, const char *fmt, va_list args)
{
	if (vsnprintf(buf, size, fmt, args) < 0)
		buf[0] = '\0';
}

static void
append(char *buf, size_t size, const char *more)
{
	size_t used = strlen(buf);
	size_t n = strnlen(more, size - 1 - used);

	memcpy(buf + used, more, n);
	buf[used + n] = '\0';
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list args;

	if (e->code != ERR_NONE)
		return -1;
	e->code = code;
	e->sys = 0;
	va_start(args, fmt);
	print(e->msg, sizeof(e->msg), fmt, args);
	va_end(args);
	return -1;
}

int
err_sys(struct err *e, enum err_code code, int sys, const char *fmt, ...)
{
	va_list args;

	if (e->code != ERR_NONE)
		return -1;
	e->code = code;
	e->sys = sys;
	va_start(args, fmt);
	print(e->msg, sizeof(e->msg), fmt, args);
	va_end(args);
	append(e->msg, sizeof(e->msg), ": ");
	append(e->msg, sizeof(e->msg), strerror(sys));
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[ERR_MESSAGE_MAX];
	va_list args;

	if (e->code == ERR_NONE)
		return -1;
	memcpy(inner, e->msg, sizeof(inner));
	va_start(args, fmt);
	print(e->msg, sizeof(e->msg), fmt, args);
	va_end(args);
	append(e->msg, sizeof(e->msg), ": ");
	append(e->msg, sizeof(e->msg), inner);
	return -1;
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\'' && c != '\\' && c != '`';
}

const char *
err_name(char *buf, const char *name)
{
	static const char digits[] = "0123456789abcdef";
	/* Room for one \xNN, "..." and the terminator is kept until the end is known. */
	const size_t room = NAME_BUF - sizeof("\\xNN...");
	size_t n = 0;

	if (name == NULL)
		name = "(none)";
	for (; *name != '\0' && n <= room; name++) {
		unsigned char c = (unsigned char)*name;

		if (is_plain(c)) {
			buf[n++] = (char)c;
			continue;
		}
		buf[n++] = '\\';
		buf[n++] = 'x';
		buf[n++] = digits[c >> 4];
		buf[n++] = digits[c & 15];
	}
	memcpy(buf + n, *name == '\0' ? "" : "...", *name == '\0' ? 1 : sizeof("..."));
	return buf;
}
