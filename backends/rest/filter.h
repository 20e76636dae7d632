/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The filters of templates: what ${name|filter} does with the value's text. */
#ifndef GEOPAUSE_REST_FILTER_H
#define GEOPAUSE_REST_FILTER_H

#include <stdbool.h>
#include <stddef.h>

bool filter_is_known(const char *name);
/*
 * A new string, or NULL: no memory, or this text is nothing for the filter (times and numbers);
 * *why says which. The text may be a secret.
 */
char *filter_apply(const char *name, const char *text, const char **why);
/* RFC 4648 section 4. A new string, or NULL: no memory. */
char *filter_base64(const void *data, size_t len);
/* RFC 3986: all but unreserved characters as %XX. A new string, or NULL: no memory. */
char *filter_urlenc(const char *text);

#endif
