/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adding and removing the elements that open ports, in our sets and in the administrator's. */
#ifndef GEOPAUSE_ELEMENTS_H
#define GEOPAUSE_ELEMENTS_H

#include "batch.h"
#include "mark.h"
#include "ruleset.h"

/*
 * The key of a port in a set of ours (set NULL) or in the administrator's, network byte order;
 * returns its length in bytes.
 */
size_t elements_key(const struct set *set, struct port port, uint8_t key[MARK_SET_KEY_LEN]);

/*
 * Adds an element for each port, which expires after expiry_s seconds; refused (EEXIST) if one is
 * there already. set tells the type of the keys; NULL: a set of ours. comment may be NULL.
 */
void elements_put(struct batch *batch, const struct set *set, const struct table *table,
		  const char *name, const struct ports *ports, unsigned expiry_s,
		  const char *comment);
/* Removes the elements of these ports; refused (ENOENT) if one is not there. */
void elements_delete(struct batch *batch, const struct set *set, const struct table *table,
		     const char *name, const struct ports *ports);

#endif
