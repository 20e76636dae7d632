/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of few entries, in the kernel's bytes, for tests. */
#ifndef GEOPAUSE_TESTS_LEGACY_ENTRIES_H
#define GEOPAUSE_TESTS_LEGACY_ENTRIES_H

#include <stdlib.h>
#include <string.h>

#include "legacy_entry.h"
#include "unit.h"

static inline void
put_verdict(struct new_entry *entry, enum family family, int verdict)
{
	struct xt_standard_target *target =
		(void *)(entry->bytes + *xt_target_offset(family, entry->bytes));

	target->verdict = verdict;
}

/* Where each of n entries begins, and, at [n], where they end. */
static inline void
find_offsets(uint32_t at[], const struct new_entry entries[], size_t n)
{
	at[0] = 0;
	for (size_t i = 0; i < n; i++)
		at[i + 1] = at[i] + (uint32_t)entries[i].size;
}

/* Of a table filter, which has the entries one after the other; no hook has any yet. */
static inline struct blob
blob_of_take(enum family family, struct new_entry entries[], const uint32_t at[], size_t n)
{
	struct blob blob = { .family = family,
			     .hooks = 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD |
				      1 << NF_INET_LOCAL_OUT,
			     .size = at[n],
			     .bytes = malloc(at[n]) };

	assert_non_null(blob.bytes);
	for (size_t i = 0; i < n; i++) {
		memcpy(blob.bytes + at[i], entries[i].bytes, entries[i].size);
		free(entries[i].bytes);
	}
	return blob;
}

/* A hook's entries, from the first one to its policy. */
static inline void
put_hook(struct blob *blob, unsigned hook, uint32_t first, uint32_t policy)
{
	blob->entry[hook] = first;
	blob->policy[hook] = policy;
}

#endif
