/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing list of strings that it owns. Zero-initialised is empty. */
#ifndef GEOPAUSE_NAMES_H
#define GEOPAUSE_NAMES_H

#include <stddef.h>

struct names {
	char **v;
	size_t n;
};

/* Both return 0, or -1 when memory is gone. */
int names_add(struct names *names, const char *name);
int names_addf(struct names *names, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void names_fini(struct names *names);

#endif
