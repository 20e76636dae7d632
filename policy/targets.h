/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the policy's "targets"; for policy.c alone. */
#ifndef GEOPAUSE_TARGETS_H
#define GEOPAUSE_TARGETS_H

#include <jansson.h>

#include "document.h"
#include "policy.h"

/* Adds the targets of this array to the policy, also those before one that is wrong. */
int targets_read(struct document *doc, struct policy *policy, json_t *value,
		 const struct place *place);

#endif
