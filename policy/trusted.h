/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that decide what is opened: regular ones that belong to root or to the caller and that
 * their owner alone can write. Who could change one could open the firewall with it.
 */
#ifndef GEOPAUSE_TRUSTED_H
#define GEOPAUSE_TRUSTED_H

#include <stddef.h>

#include "err.h"

/*
 * The whole file, of at most max bytes; the caller frees it. NULL: ERR_POLICY, with e->sys ==
 * ENOENT if there is no such file. what: "a policy". A link is followed: it is how administrators
 * place files, and what counts is where it leads.
 */
char *trusted_read(const char *path, const char *what, size_t max, size_t *len, struct err *e);
/* As trusted_read, for a file that somebody else reads. */
int trusted_check(const char *path, struct err *e);

#endif
