/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table with some of its entries left out and others put in: what the kernel is to have instead,
 * in one piece. Offsets move, and all that leads to them; whatever is not mentioned stays as it
 * is, byte for byte, and so do the counters.
 */
#ifndef GEOPAUSE_LEGACY_CHANGE_H
#define GEOPAUSE_LEGACY_CHANGE_H

#include "legacy_table.h"

/* Where a new entry's verdict leads. */
enum lead {
	LEAD_NONE,  /* what its verdict says, or its target */
	LEAD_NEXT,  /* on, to whatever follows it */
	LEAD_ENTRY, /* to an entry of the table */
	LEAD_CHAIN, /* to a new chain */
};

struct new_entry {
	unsigned char *bytes; /* as the kernel wants it, but for an offset in its verdict */
	size_t size;
	enum lead lead;
	size_t to;       /* the entry; the chain, as change_chain() numbers them */
	size_t counters; /* the entry whose counters are its own; BLOB_NONE: they begin at 0 */
};

struct change_piece {
	size_t before; /* the entry that it is put before */
	struct new_entry entry;
	uint32_t offset; /* of what is made */
};

struct change {
	const struct legacy_table *table;
	struct change_piece *pieces;
	size_t n;
	size_t *chains; /* by new chain: the piece of its first entry */
	size_t n_chains;
	bool *dropped; /* by entry */
	bool failed;   /* out of memory */
};

/* What the kernel is told, and what it is told of counters afterwards. */
struct replacement {
	struct ipt_replace *request; /* malloced; ip6_tables' is the same; size bytes */
	size_t size;
	size_t *counters; /* by entry that is made: the one before, or BLOB_NONE */
	size_t n, n_before;
};

void change_begin(struct change *change, const struct legacy_table *table);
void change_fini(struct change *change);
bool change_is_empty(const struct change *change);
/* Entries are named by their numbers in the table, as it is: these never move. */
void change_drop(struct change *change, size_t entry);
/* Behind what was put before the same entry earlier. Takes over its bytes. */
void change_insert_take(struct change *change, size_t before, struct new_entry *entry);
/*
 * A chain with these rules, which it takes over, and a return at its end; where iptables would put
 * it. Returns its number.
 */
size_t change_chain_take(struct change *change, const char *name, struct new_entry *rules,
			 size_t n);

/* A jump to what is dropped is an error: nothing is made then. */
int change_make(struct replacement *made, struct change *change, const char *name, struct err *e);
/* What the kernel has then, as if it were read from there, but for the counters. */
void replacement_take(struct replacement *made, enum family family, struct blob *blob);
void replacement_fini(struct replacement *made);

#endif
