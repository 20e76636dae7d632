/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One target's part of a record: everything that another process, even in another boot, needs to
 * ask the same program again. The record is an array of these, in the order of the policy:
 *
 *   { "target": NAME, "command": [...], "deadline_s": N, "config": ..., "ports": "tcp 80",
 *     "txn": "...", "expiry_s": N, "record": what the program answered, or null }
 */
#ifndef GEOPAUSE_EXEC_ENTRY_H
#define GEOPAUSE_EXEC_ENTRY_H

#include <jansson.h>

#include "backend.h"

/* All borrowed from the JSON. */
struct entry {
	const char *target;
	const char *argv[TARGET_COMMAND_MAX + 2]; /* with room for the operation, and NULL */
	size_t n;                                 /* strings in argv without these */
	unsigned deadline_s;
	json_t *config, *record;
	struct ports ports;
	const char *txn;
	unsigned expiry_s;
};

/* A new reference, or NULL when memory is gone. */
json_t *entry_make(const struct target *target, const struct lift_request *request);
/* ERR_FAILED when the JSON is not what entry_make makes. */
int entry_parse(struct entry *entry, const json_t *json, struct err *e);
/* What the program is given on its stdin; a new reference, or NULL when memory is gone. */
json_t *entry_request(const struct entry *entry, const char *operation, unsigned expiry_s);

#endif
