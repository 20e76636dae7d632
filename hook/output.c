/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static bool lost, told;

void
output_json_take(json_t *document)
{
	if (!document || json_dumpf(document, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII))
		lost = true;
	putchar('\n');
	json_decref(document);
}

static json_t *
escaped_string(const char *text)
{
	char *escaped = malloc(4 * strlen(text) + 1);
	size_t used = 0;
	for (const char *c = text; escaped && *c; c++) {
		const bool plain = *c == '\n' || (*c >= ' ' && *c <= '~' && *c != '\\');
		if (plain)
			escaped[used++] = *c;
		else
			used += (size_t)snprintf(escaped + used, sizeof("\\xNN"), "\\x%02x",
						 (unsigned)(unsigned char)*c);
	}
	json_t *string = escaped ? json_stringn(escaped, used) : NULL;
	free(escaped);
	return string;
}

json_t *
output_string(const char *text)
{
	json_t *string = text ? json_string(text) : json_null();
	return string ? string : escaped_string(text);
}

json_t *
output_names(const struct names *names)
{
	json_t *array = json_array();
	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(array, output_string(names->v[i]));
	return array;
}

void
output_text(FILE *out, const char *prefix, const char *text)
{
	fputs(prefix, out);
	for (const char *c = text; *c; c++) {
		if (*c == '\n' && c[1])
			fprintf(out, "\n%s", prefix);
		else if ((*c >= ' ' && *c <= '~') || *c == '\t')
			putc(*c, out);
		else if (*c != '\n')
			fprintf(out, "\\x%02x", (unsigned)(unsigned char)*c);
	}
	putc('\n', out);
}

int
output_flush(struct err *e)
{
	errno = 0;
	bool failed = ferror(stdout) != 0;
	if (told || (!fflush(stdout) && !failed && !lost))
		return 0;
	told = true;
	return err_set(e, ERR_FAILED, "writing the result to stdout failed: %s",
		       errno  ? strerror(errno)
		       : lost ? "out of memory"
			      : "write error");
}

int
output_finish(int status)
{
	struct err e = ERR_INIT;
	if (!output_flush(&e))
		return status;
	fprintf(stderr, "geopause: %s\n", e.msg);
	return status ? status : (int)e.code;
}

int
output_status(const struct err *e)
{
	if (e->code != ERR_NONE)
		log_failure(e);
	return (int)e->code;
}
