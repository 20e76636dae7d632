/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Durations as the policy and the command line write them; declared in policy.h. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"

static const struct {
	char letter;
	unsigned seconds;
} units[] = { { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
#define N_UNITS (sizeof(units) / sizeof(units[0]))

/* Digits to a number; returns what follows, or NULL without digits or on overflow. */
static const char *
number_parse(const char *p, unsigned *number)
{
	unsigned n = 0;

	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (n > (UINT_MAX - digit) / 10)
			return NULL;
		n = n * 10 + digit;
	}
	*number = n;
	return p;
}

/* Hours before minutes before seconds, each at most once. */
static int
parts_parse(const char *p, unsigned *seconds)
{
	unsigned sum = 0;
	unsigned n;

	for (size_t unit = 0; *p != '\0'; unit++) {
		p = number_parse(p, &n);
		if (p == NULL)
			return -1;
		while (unit < N_UNITS && units[unit].letter != *p)
			unit++;
		if (unit == N_UNITS || n > (UINT_MAX - sum) / units[unit].seconds)
			return -1;
		sum += n * units[unit].seconds;
		p++;
	}
	*seconds = sum;
	return 0;
}

int
duration_parse(const char *text, unsigned *seconds, struct err *e)
{
	char name[NAME_BUF];
	const char *rest = number_parse(text, seconds);

	if (rest != NULL && *rest == '\0')
		return 0;
	if (text[0] != '\0' && parts_parse(text, seconds) == 0)
		return 0;
	return err_set(e, ERR_USAGE,
		       "\"%s\" is not a duration: give 90s, 10m, 1h, 1h30m or plain seconds",
		       err_name(name, text));
}

static void
parts_text(char *buf, unsigned seconds)
{
	size_t used = 0;

	for (size_t i = 0; i < N_UNITS; i++) {
		unsigned n = seconds / units[i].seconds;
		int len;

		seconds %= units[i].seconds;
		if (n == 0)
			continue;
		len = snprintf(buf + used, DURATION_TEXT_MAX - used, "%u%c", n, units[i].letter);
		used += len > 0 ? (size_t)len : 0;
	}
}

const char *
duration_text(char *buf, unsigned seconds)
{
	char one[DURATION_TEXT_MAX];

	snprintf(buf, DURATION_TEXT_MAX, "%us", seconds);
	if (seconds == 0)
		return buf;
	if (seconds % 60 == 0)
		snprintf(buf, DURATION_TEXT_MAX, "%um", seconds / 60);
	parts_text(one, seconds);
	if (strlen(one) <= strlen(buf))
		memcpy(buf, one, sizeof(one));
	return buf;
}
