/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A JSON document read by tables of keys, with every error an ERR_POLICY that says where:
 * "FILE:LINE: targets[0].rules.set[1]: expected a string, got an integer". It knows nothing about
 * what the keys mean; policy.c does.
 */
#ifndef GEOPAUSE_DOCUMENT_H
#define GEOPAUSE_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "locate.h"

struct document {
	const char *name; /* the file, for messages; borrowed */
	json_t *root;
	struct locate lines;
	struct err *e;
};

/* A value's place; lives on the stack of whoever walks there. */
struct place {
	const struct place *parent;
	const char *key; /* NULL: an array's element */
	size_t index;    /* the element's */
	size_t node;     /* the value's index in lines */
	unsigned line;
};

/* Reads a value into the structure that its table is for. */
typedef int document_reader(struct document *doc, void *into, json_t *value,
			    const struct place *place);

/* A key that an object may have. The table ends with one without a name. */
struct document_key {
	const char *name;
	document_reader *read; /* NULL: known to later versions only */
	const char *only;      /* without read: the one string that this version accepts */
	bool required;
};

/* Parses text; the name is borrowed. Syntax errors, NUL bytes and duplicates end here. */
int document_init(struct document *doc, const char *name, const char *text, size_t len,
		  struct err *e);
void document_fini(struct document *doc);

struct place document_root(const struct document *doc);
/* Reports an error in this value. Returns -1. */
int document_err(struct document *doc, const struct place *place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int document_no_memory(struct document *doc);

/* Reads an object's members into a structure, in the order of the text. */
int document_object(struct document *doc, void *into, json_t *object, const struct place *place,
		    const struct document_key *keys);
/* As document_object, in the order of the table: what a key means may depend on those before it. */
int document_object_in_order(struct document *doc, void *into, json_t *object,
			     const struct place *place, const struct document_key *keys);
/* Reads each element of an array that is not empty. */
int document_array(struct document *doc, void *into, json_t *array, const struct place *place,
		   document_reader *read);
/* As document_array; a single value that is no array counts as one of one element. */
int document_one_or_more(struct document *doc, void *into, json_t *value, const struct place *place,
			 document_reader *read);
/* Reads each member of an object, whatever its name; there may be none. */
int document_members(struct document *doc, void *into, json_t *object, const struct place *place,
		     document_reader *read);
/* A member of an object by its name, NULL if there is none; *place gets where it is. */
json_t *document_member(const struct document *doc, json_t *object, const char *name,
			const struct place *parent, struct place *place);

/* The text of a string that is not empty, or NULL after reporting the error. */
const char *document_text(struct document *doc, json_t *value, const struct place *place);
/* Reads a duration: "10m", or seconds. */
int document_seconds(struct document *doc, unsigned *seconds, json_t *value,
		     const struct place *place);
/* False if it has more levels of objects and arrays than these; a plain value has none. */
bool document_is_shallow(const json_t *value, unsigned levels);
/* Reads a string, for people alone, into nothing. */
document_reader document_ignored;
/* "expected WHAT, got a string". */
int document_type_err(struct document *doc, const json_t *value, const struct place *place,
		      const char *what);

#define SUGGESTION_MAX 64
/* "; did you mean \"targets\"?" for the nearest of these words, or "". words ends with NULL. */
const char *document_suggest(char buf[SUGGESTION_MAX], const char *word, const char *const *words);

#endif
