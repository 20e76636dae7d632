/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a recipe. Keys are read in the order in which their calls are made, so that the names
 * known at each place are those that have a value there: parameters, then vars, then what earlier
 * calls captured. For recipe*.c alone.
 */
#ifndef GEOPAUSE_REST_RECIPE_PRIVATE_H
#define GEOPAUSE_REST_RECIPE_PRIVATE_H

#include "document.h"
#include "recipe.h"

/* What is known of a variable. */
enum name_facts {
	NAME_OPTIONAL = 1 << 0, /* may be without a value: only ${name?} may ask for it */
	NAME_OURS = 1 << 1,     /* made of the transaction's id: nobody else's object has it */
	NAME_TIME = 1 << 2,     /* made of the deadline */
};

struct recipe_reading {
	json_t *names;   /* the variables known here, each with its facts */
	json_t *secrets; /* "secret.NAME", each with its facts */
	json_t *each;    /* those of own's "each", not known yet; or NULL */
	json_t *found;   /* those known when our object was found */
	bool secrets_ok; /* they may be used here */
	bool olds_ok;    /* {"$old": POINTER} may be used here */
	unsigned used;   /* enum name_facts of the variables used, gathered */
	bool expires;    /* "deadman" says that the provider closes it */
	bool by_txn;     /* own: "identity" is "txn" */
	const char *part;
	const char *name; /* the file's without .json, or NULL: any will do */
};

/* --- names (recipe_names.c) --- */
/* Adds a variable; refuses one that is known or is a name of ours. */
int recipe_name_add(struct document *doc, json_t *names, const char *name, unsigned facts,
		    const struct place *place);
/* Adds one of ours, without a look. */
int recipe_name_set(struct document *doc, json_t *names, const char *name, unsigned facts);
/* A string with variables: checks its syntax, and that each is known here. */
document_reader recipe_read_template;
/* Any JSON of such strings. */
document_reader recipe_read_json;
/* An object of such strings: vars are not, headers, query and form are. */
document_reader recipe_read_texts;
document_reader recipe_read_headers;
/* "${...}" or "https://...", without anything behind the path. */
document_reader recipe_read_url;
/* Printable, no spaces and none of these characters; a ? may mark a variable as optional. */
bool recipe_is_url_text(const char *text, const char *forbidden);

/* --- values (recipe_values.c) --- */
document_reader recipe_read_text; /* for people, not empty */
document_reader recipe_read_boolean;
document_reader recipe_read_pointer;
document_reader recipe_read_pointers;
document_reader recipe_read_statuses;
document_reader recipe_read_predicates;
document_reader recipe_read_matches; /* statuses and predicates mixed */
document_reader recipe_read_ok;
document_reader recipe_read_capture;
document_reader recipe_read_milliseconds;
/* An integer from least to most. */
int recipe_read_integer(struct document *doc, json_t *value, const struct place *place,
			json_int_t least, json_int_t most);
/* One of these words, which end with NULL; its index, or -1. */
int recipe_read_word(struct document *doc, json_t *value, const struct place *place,
		     const char *const *words);

/* --- calls (recipe_call.c) --- */
document_reader recipe_read_call;
document_reader recipe_read_reading_call; /* one that changes nothing */
document_reader recipe_read_writing_call; /* of a patch: its body may be made of the document */
document_reader recipe_read_poll;
document_reader recipe_read_find;

/* --- the parts --- */
document_reader recipe_read_auth;  /* recipe_auth.c */
document_reader recipe_read_own;   /* recipe_own.c */
document_reader recipe_read_patch; /* recipe_patch.c */
/*
 * All of it (recipe_read.c). name: what its name must be, or NULL; *part gets "own" or "patch".
 */
int recipe_read(struct document *doc, const char *name, const char **part);

/* A call with names of its own: those captured in it are forgotten afterwards. */
int recipe_scoped(struct document *doc, struct recipe_reading *r, json_t *value,
		  const struct place *place, document_reader *read);

#endif
