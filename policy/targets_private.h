/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What targets.c and targets_rest.c share while they read one target. */
#ifndef GEOPAUSE_TARGETS_PRIVATE_H
#define GEOPAUSE_TARGETS_PRIVATE_H

#include "document.h"
#include "policy.h"

/* The policy, and what a target's parts must know of each other and of other targets. */
struct reading {
	struct policy *policy;
	json_t *names;       /* an object; names of targets as keys */
	struct place action; /* of the target that is being read */
	struct place rules;
	struct place table;
	struct place deadline;
	struct place exec; /* of its keys that only exec has */
	struct place rest; /* of those that only rest has */
};

static inline struct target *
targets_current(const struct reading *r)
{
	return &r->policy->targets[r->policy->n_targets - 1];
}

int targets_copy_text(struct document *doc, char **copy, const char *text);

/* The keys of rest targets; into is a struct reading. */
document_reader targets_read_recipe, targets_read_params, targets_read_secrets,
	targets_read_ca_file, targets_read_pin, targets_read_plain;

#endif
