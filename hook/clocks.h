/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two clocks: CLOCK_BOOTTIME decides (it goes on in suspend and nobody sets it), the wall clock is
 * for people.
 */
#ifndef GEOPAUSE_CLOCKS_H
#define GEOPAUSE_CLOCKS_H

#include <stdint.h>

/* Whole seconds of CLOCK_BOOTTIME. */
int64_t boottime_now(void);
int64_t boottime_ms(void);
/* Seconds since 1970, for people only. */
int64_t wall_now(void);
/* Seconds from now until that time of CLOCK_BOOTTIME, 0 if it has passed. */
unsigned boottime_left(int64_t then);

#define CLOCK_TEXT_MAX 40
/* That time of CLOCK_BOOTTIME on the wall: "12:34:56", with the date if it is not today. */
const char *clock_text(char *buf, int64_t boottime);
/* The same as RFC 3339 in UTC. */
const char *clock_utc(char *buf, int64_t boottime);

#endif
