/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "locate.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING SIZE_MAX

struct walk {
	struct locate *all;
	size_t room; /* allocated entries */
	const char *p;
	const char *end;
	unsigned line;
	unsigned key_line; /* of a key whose value is still to come; 0: none */
	size_t open;       /* the innermost open container; its `end` holds the next outer one */
	bool in_object;
	bool expect_key;
};

static struct located *
value_begins(struct walk *w)
{
	struct located *v;

	if (w->all->n == w->room) {
		size_t room = w->room == 0 ? 64 : w->room * 2;
		struct located *grown = reallocarray(w->all->v, room, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		w->all->v = grown;
		w->room = room;
	}
	v = &w->all->v[w->all->n++];
	v->line = w->line;
	v->key_line = w->key_line != 0 ? w->key_line : w->line;
	v->end = w->all->n;
	w->key_line = 0;
	return v;
}

static void
skip_string(struct walk *w)
{
	for (w->p++; w->p < w->end && *w->p != '"'; w->p++)
		if (*w->p == '\\' && w->p + 1 < w->end)
			w->p++;
	if (w->p < w->end)
		w->p++;
}

static int
walk_string(struct walk *w)
{
	if (w->expect_key) {
		w->key_line = w->line;
		w->expect_key = false;
	} else if (value_begins(w) == NULL) {
		return -1;
	}
	skip_string(w);
	return 0;
}

/* A number, true, false or null. */
static int
walk_literal(struct walk *w)
{
	if (value_begins(w) == NULL)
		return -1;
	for (w->p++; w->p < w->end && memchr(" \t\r\n,:[]{}\"", *w->p, 11) == NULL;)
		w->p++;
	return 0;
}

static int
walk_open(struct walk *w, bool object)
{
	struct located *v = value_begins(w);

	if (v == NULL)
		return -1;
	/* Low bit: the outer container is an object. */
	v->end = w->open == NOTHING ? NOTHING : w->open << 1 | (size_t)w->in_object;
	w->open = w->all->n - 1;
	w->in_object = w->expect_key = object;
	w->p++;
	return 0;
}

static void
walk_close(struct walk *w)
{
	w->p++;
	w->expect_key = false;
	w->key_line = 0;
	if (w->open == NOTHING)
		return;

	size_t outer = w->all->v[w->open].end;

	w->all->v[w->open].end = w->all->n;
	w->open = outer == NOTHING ? NOTHING : outer >> 1;
	w->in_object = outer != NOTHING && (outer & 1) != 0;
}

static int
walk_token(struct walk *w)
{
	switch (*w->p) {
	case '\n':
		w->line++;
		w->p++;
		return 0;
	case ' ':
	case '\t':
	case '\r':
	case ':':
		w->p++;
		return 0;
	case ',':
		w->expect_key = w->in_object;
		w->p++;
		return 0;
	case '"':
		return walk_string(w);
	case '{':
	case '[':
		return walk_open(w, *w->p == '{');
	case '}':
	case ']':
		walk_close(w);
		return 0;
	default:
		return walk_literal(w);
	}
}

int
locate_init(struct locate *all, const char *text, size_t len)
{
	struct walk w = { .all = all, .p = text, .end = text + len, .line = 1, .open = NOTHING };

	*all = (struct locate){ 0 };
	while (w.p < w.end) {
		if (walk_token(&w) != 0) {
			locate_fini(all);
			return -1;
		}
	}
	while (w.open != NOTHING)
		walk_close(&w);
	return 0;
}

void
locate_fini(struct locate *all)
{
	free(all->v);
	*all = (struct locate){ 0 };
}

size_t
locate_child(const struct locate *all, size_t parent, size_t position)
{
	size_t child = parent + 1;

	if (parent >= all->n)
		return 0;
	while (position-- > 0 && child < all->v[parent].end)
		child = all->v[child].end;
	return child < all->v[parent].end ? child : 0;
}

unsigned
locate_line(const char *text, size_t len, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < len && i < offset; i++)
		line += text[i] == '\n';
	return line;
}
