/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries of our own, and copies of the table's: see legacy_change.h. bytes NULL: out of memory. */
#ifndef GEOPAUSE_LEGACY_ENTRY_H
#define GEOPAUSE_LEGACY_ENTRY_H

#include <time.h>

#include "legacy_change.h"

/* A match that is put into an entry: its name, the revision that the kernel is asked for. */
struct new_match {
	const char *name;
	uint8_t revision;
	const void *data;
	size_t size;
};
#define NEW_MATCHES_MAX 4

/* What a rule of ours says beside what it copies. */
struct new_rule {
	uint8_t proto; /* of a copy that has none, too */
	struct new_match matches[NEW_MATCHES_MAX];
	size_t n;
};

/* The head of a chain, its end, a jump to a new chain. */
struct new_entry entry_head(enum family family, const char *name);
struct new_entry entry_return(enum family family);
struct new_entry entry_jump(enum family family, size_t chain);
/* "-p PROTO -m ... -j RETURN" */
struct new_entry entry_returning(enum family family, const struct new_rule *rule);

/* The table's entry again, leading where it does, with its counters. */
struct new_entry entry_copy(const struct legacy_table *table, size_t entry);
/*
 * Again, with no counters and without some parts of it, as bits: 0 is what is in the header of the
 * source, then the matches count from 1; with what the rule says.
 */
struct new_entry entry_copy_without(const struct legacy_table *table, size_t entry,
				    uint64_t without, const struct new_rule *rule);
/* Again, with another end of its -m time; bytes NULL also if it has none. */
struct new_entry entry_copy_until(const struct legacy_table *table, size_t entry, time_t stop);

#endif
