/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What another process needs to find and take back a lift: kept in the journal as JSON. */
#ifndef GEOPAUSE_RECORD_H
#define GEOPAUSE_RECORD_H

#include <jansson.h>

#include "lift.h"

struct record_set {
	char *table, *set; /* the table as "inet filter", unescaped */
	struct ports ports;
};

struct record {
	char txn[TXN_BUF];
	struct ports ports;
	struct names tables; /* "inet filter", unescaped; those with rules and a set of ours */
	size_t rules;        /* how many rules carry our mark */
	struct record_set *sets;
	size_t n_sets;
};

/* A new reference, or NULL when memory is gone. */
json_t *record_of(const struct lift *lift);
/* ERR_FAILED when the JSON is not what record_of makes. */
int record_parse(struct record *record, const json_t *json, struct err *e);
void record_fini(struct record *record);

#endif
