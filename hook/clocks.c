/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clocks.h"

#include <limits.h>
#include <stdbool.h>
#include <time.h>

int64_t
boottime_now(void)
{
	struct timespec ts = { 0 };
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec;
}

int64_t
boottime_ms(void)
{
	struct timespec ts = { 0 };
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
wall_now(void)
{
	return (int64_t)time(NULL);
}

unsigned
boottime_left(int64_t then)
{
	int64_t left = then - boottime_now();
	return left <= 0 ? 0 : left > INT_MAX ? (unsigned)INT_MAX : (unsigned)left;
}

static time_t
on_the_wall(int64_t boottime)
{
	return time(NULL) + (time_t)(boottime - boottime_now());
}

const char *
clock_text(char *buf, int64_t boottime)
{
	time_t then = on_the_wall(boottime), now = time(NULL);
	struct tm tm, today;
	buf[0] = '\0';
	if (!localtime_r(&then, &tm) || !localtime_r(&now, &today))
		return buf;
	bool same_day = tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year;
	if (!strftime(buf, CLOCK_TEXT_MAX, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm))
		buf[0] = '\0';
	return buf;
}

const char *
clock_utc(char *buf, int64_t boottime)
{
	time_t then = on_the_wall(boottime);
	struct tm tm;
	if (!gmtime_r(&then, &tm) || !strftime(buf, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf[0] = '\0';
	return buf;
}
