/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One target's part of a record: everything that another process, even in another boot, needs to
 * take the lift back, and no secret. The record is an array of these, in the order of the policy:
 *
 *   { "target": NAME, "recipe": the whole recipe, "params": {...}, "secrets": references,
 *     "ca_file": PATH, "pin": "sha256//...", "plain": false, "deadline_s": N,
 *     "ports": "tcp 80", "txn": "...", "window_s": N, "deadline": seconds since 1970,
 *     "objects": [{"priority": N}, ...]              of mode own: one for each object
 *     "patched": [{"path", "op", "old", "new"}, ...] of mode patch: one for each operation,
 *     "pending": [...] what the provider is still at: pending.h,
 *     "remains": N     then the objects from this one on are to be made, if there are any, and the
 *                      commit; of mode patch the commit }
 *
 * What the policy does not have is left out. In "patched", what was not there has no "old".
 */
#ifndef GEOPAUSE_REST_ENTRY_H
#define GEOPAUSE_REST_ENTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend.h"

/* All borrowed from the JSON. */
struct entry {
	const char *target, *txn;
	json_t *recipe, *params, *secrets; /* params and secrets may be NULL */
	const char *ca_file, *pin;         /* or NULL */
	bool plain;
	unsigned deadline_s, window_s;
	struct ports ports;
	int64_t deadline;          /* seconds since 1970 */
	json_t *objects, *patched; /* or NULL */
};

/* A new reference, or NULL when memory is gone. */
json_t *entry_make(const struct target *target, json_t *recipe, const struct lift_request *request);
/* Are they the same lift, however far it is? */
bool entry_is(const json_t *a, const json_t *b);
/* ERR_FAILED when the JSON is not what entry_make makes. */
int entry_parse(struct entry *entry, const json_t *json, struct err *e);

#endif
