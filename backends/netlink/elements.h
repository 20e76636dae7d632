/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adding and removing the elements that open ports, in our sets and in the administrator's. */
#ifndef GEOPAUSE_ELEMENTS_H
#define GEOPAUSE_ELEMENTS_H

#include "batch.h"
#include "ruleset.h"

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
