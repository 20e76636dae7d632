/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What another process needs to find a lift: where its marks are, and how many. */
#ifndef GEOPAUSE_LEGACY_RECORD_H
#define GEOPAUSE_LEGACY_RECORD_H

#include "legacy_host.h"

/* One table of the record. */
struct recorded {
	const char *txn, *table; /* borrowed from the record */
	enum family family;
	size_t chains, rules; /* of ours: chains, and rules that were inserted */
};

size_t record_tables(const json_t *record);
int record_read(struct recorded *recorded, const json_t *record, size_t i, struct err *e);
/* The ports that were lifted. */
int record_ports(const json_t *record, struct ports *ports, struct err *e);

#endif
