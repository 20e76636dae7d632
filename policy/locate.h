/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the values of a JSON text stand. jansson gives line numbers for syntax errors only, so this
 * walks text that jansson has accepted already and notes the line of every value. It finds children
 * by position, which is enough: jansson keeps members in the order of the text (since 2.8), and
 * with JSON_REJECT_DUPLICATES it drops none.
 */
#ifndef GEOPAUSE_LOCATE_H
#define GEOPAUSE_LOCATE_H

#include <stddef.h>

struct located {
	unsigned line;     /* where the value begins, 1-based */
	unsigned key_line; /* where its key begins; without a key as line */
	size_t end;        /* index of the first value after this one and its children */
};

/* All values, each before its children: v[0] is the document, v[1] its first child. */
struct locate {
	struct located *v;
	size_t n;
};

/* 0, or -1 when memory is gone. Text that is not JSON gives some harmless result. */
int locate_init(struct locate *all, const char *text, size_t len);
void locate_fini(struct locate *all);

/* The index of the child at this position, 0-based, or 0 if there is none. Linear. */
size_t locate_child(const struct locate *all, size_t parent, size_t position);
/* The line that this byte is on, 1-based; one past the end is allowed. */
unsigned locate_line(const char *text, size_t len, size_t offset);

#endif
