/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the name, also when it fails. */
static int
add_take(struct names *names, char *name)
{
	char **grown;

	if (name == NULL)
		return -1;
	grown = reallocarray(names->v, names->n + 1, sizeof(*grown));
	if (grown == NULL) {
		free(name);
		return -1;
	}
	names->v = grown;
	names->v[names->n++] = name;
	return 0;
}

int
names_add(struct names *names, const char *name)
{
	return add_take(names, strdup(name));
}

int
names_addf(struct names *names, const char *fmt, ...)
{
	char *name = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&name, fmt, args);
	va_end(args);
	return n < 0 ? -1 : add_take(names, name);
}

void
names_fini(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct names){ 0 };
}
