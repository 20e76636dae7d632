/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "filter.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EPOCH_MAX 253402300799ll /* the last second of the year 9999 */

/* --- encodings ----------------------------------------------------------------------------------
 */

char *
filter_base64(const void *data, size_t len)
{
	char *out = malloc((len + 2) / 3 * 4 + 1);

	if (out != NULL)
		EVP_EncodeBlock((unsigned char *)out, data, (int)len);
	return out;
}

static char *
base64(const char *text, const char **why)
{
	(void)why;
	return filter_base64(text, strlen(text));
}

char *
filter_urlenc(const char *text)
{
	static const char unreserved[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	static const char hex[] = "0123456789ABCDEF";
	char *out = malloc(3 * strlen(text) + 1);
	size_t n = 0;

	for (; out != NULL && *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (strchr(unreserved, c) != NULL) {
			out[n++] = *text;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	if (out != NULL)
		out[n] = '\0';
	return out;
}

static char *
urlenc(const char *text, const char **why)
{
	(void)why;
	return filter_urlenc(text);
}

/* Without the quotes around it: it is put between some. */
static char *
jsonstr(const char *text, const char **why)
{
	json_t *json = json_string(text);
	char *quoted = json != NULL ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
	char *bare = quoted != NULL ? strndup(quoted + 1, strlen(quoted) - 2) : NULL;

	(void)why;
	free(quoted);
	json_decref(json);
	return bare;
}

static char *
upper(const char *text, const char **why)
{
	char *out = strdup(text);

	(void)why;
	for (char *p = out; p != NULL && *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	return out;
}

static char *
capital(const char *text, const char **why)
{
	char *out = strdup(text);

	(void)why;
	if (out != NULL && out[0] >= 'a' && out[0] <= 'z')
		out[0] = (char)(out[0] - 'a' + 'A');
	return out;
}

static char *
raw(const char *text, const char **why)
{
	(void)why;
	return strdup(text);
}

/* --- numbers and times --------------------------------------------------------------------------
 */

static int
whole_number(const char *text, long long *n, const char **why)
{
	size_t len = strlen(text);

	if (len > 0 && len <= 12 && strspn(text, "0123456789") == len) {
		*n = strtoll(text, NULL, 10);
		if (*n <= EPOCH_MAX)
			return 0;
	}
	*why = "its value is not a whole number of seconds";
	return -1;
}

static char *
number_text(const char *text, long long divisor, const char *unit, const char **why)
{
	long long n;
	char *out;

	if (whole_number(text, &n, why) != 0)
		return NULL;
	return asprintf(&out, "%lld%s", (n + divisor - 1) / divisor, unit) < 0 ? NULL : out;
}

static char *
epoch(const char *text, const char **why)
{
	return number_text(text, 1, "", why);
}

static char *
minutes(const char *text, const char **why)
{
	return number_text(text, 60, "m", why);
}

static char *
seconds(const char *text, const char **why)
{
	return number_text(text, 1, "s", why);
}

/* In UTC. */
static char *
rfc3339(const char *text, const char **why)
{
	struct tm tm;
	long long n;
	time_t t;
	char *out;

	if (whole_number(text, &n, why) != 0)
		return NULL;
	t = (time_t)n;
	if (gmtime_r(&t, &tm) == NULL)
		return NULL;
	return asprintf(&out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
			tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) < 0
		       ? NULL
		       : out;
}

/* Becomes a JSON number in a body: only what JSON calls one. */
static char *
number(const char *text, const char **why)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	bool is_number = json_is_number(json);

	json_decref(json);
	if (is_number)
		return strdup(text);
	*why = "its value is not a number";
	return NULL;
}

/* --- all of them --------------------------------------------------------------------------------
 */

static const struct filter {
	const char *name;
	char *(*apply)(const char *text, const char **why);
} filters[] = {
	{ "base64", base64 },   { "urlenc", urlenc },   { "jsonstr", jsonstr }, { "epoch", epoch },
	{ "rfc3339", rfc3339 }, { "minutes", minutes }, { "seconds", seconds }, { "upper", upper },
	{ "capital", capital }, { "number", number },   { "raw", raw },
};

static const struct filter *
filter_find(const char *name)
{
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if (strcmp(filters[i].name, name) == 0)
			return &filters[i];
	return NULL;
}

bool
filter_is_known(const char *name)
{
	return filter_find(name) != NULL;
}

char *
filter_apply(const char *name, const char *text, const char **why)
{
	const struct filter *filter = filter_find(name);

	*why = filter != NULL ? "out of memory" : "there is no such filter";
	return filter != NULL ? filter->apply(text, why) : NULL;
}
