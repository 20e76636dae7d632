/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results on stdout, and how a verb ends. */
#ifndef GEOPAUSE_OUTPUT_H
#define GEOPAUSE_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "err.h"
#include "names.h"

/* Prints a document and drops the reference; NULL: memory is gone, which output_finish says. */
void output_json_take(json_t *document);
/* What others have named may be any bytes: what is not UTF-8 is escaped. NULL is null. */
json_t *output_string(const char *text);
/* A new array of these strings, or NULL. */
json_t *output_names(const struct names *names);
/* Lines with a prefix each; what is not printable ASCII is escaped. */
void output_text(FILE *out, const char *prefix, const char *text);

/* Flushes stdout. A result that did not reach its file (a full disk) is an error, once. */
int output_flush(struct err *e);
/* The same at the end: it makes a success a failure; any other status stays, it says more. */
int output_finish(int status);
/* Logs the error, if there is one; returns its exit status. */
int output_status(const struct err *e);

#endif
