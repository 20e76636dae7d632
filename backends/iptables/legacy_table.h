/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of the kernel's, in its bytes and, as far as somebody asks for them, in words: which
 * entry of the one is which rule of the other. Read once, it may be held by several.
 */
#ifndef GEOPAUSE_LEGACY_TABLE_H
#define GEOPAUSE_LEGACY_TABLE_H

#include "legacy_blob.h"
#include "legacy_save.h"
#include "legacy_words.h"

struct legacy_table {
	unsigned holders;
	struct blob blob;
	struct save save; /* its own table is itself, not held */
	size_t *first;    /* by chain: the entry of its first rule, or of its end if it has none */
	struct words words;
};

/*
 * Takes over the blob, of which blob_read() has made no entries yet. Chains other than iptables
 * makes them are an error. NULL: the blob is freed, e says why. sets outlives the making of words.
 */
struct legacy_table *table_read_take(struct blob *blob, set_name_fn set_name, void *sets,
				     struct err *e);
struct legacy_table *table_hold(struct legacy_table *table); /* for one more holder */
void table_put(struct legacy_table *table);                  /* the last one frees it */
/* save_words() of a table's rule that has none yet. */
bool table_words(struct legacy_table *table, size_t rule);
/* Takes over a hold; save_fini() puts it. */
struct save table_save_take(struct legacy_table *table);
/* The counters of other bytes of the same entries: blob_same(). */
void table_count(struct legacy_table *table, const unsigned char *bytes);

/* The entry of a rule; of a chain's name (BLOB_NONE: it is a hook's), and of its end. */
size_t table_rule(const struct legacy_table *table, size_t rule);
size_t table_head(const struct legacy_table *table, size_t chain);
size_t table_foot(const struct legacy_table *table, size_t chain);

#endif
