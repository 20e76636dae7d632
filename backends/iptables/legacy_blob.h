/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of x_tables as the kernel gives and takes it (linux/netfilter/x_tables.h,
 * linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h): entries of different
 * lengths, one behind the other, each with a header, matches and a target; a verdict that is an
 * offset leads to the entry there. Nothing here is believed before blob_read() has seen it.
 */
#ifndef GEOPAUSE_LEGACY_BLOB_H
#define GEOPAUSE_LEGACY_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "legacy_xt.h"

struct blob_entry {
	uint32_t offset, size;
	uint32_t target; /* offset of its target in it */
	bool head;       /* no rule: a chain's name, or the table's end */
	size_t to;       /* the entry that its verdict leads to; BLOB_NONE: no offset */
};

struct blob {
	enum family family;
	unsigned hooks; /* bits of enum nf_inet_hooks that have a chain */
	uint32_t entry[NF_INET_NUMHOOKS], policy[NF_INET_NUMHOOKS]; /* offsets, by hook */
	unsigned char *bytes;                                       /* malloced */
	size_t size;
	struct blob_entry *entries; /* what blob_read() finds */
	size_t n;
};

#define BLOB_NONE SIZE_MAX

/* All but entries is there. An error if the kernel would not say such things; entries are freed. */
int blob_read(struct blob *blob, struct err *e);
void blob_fini(struct blob *blob);
/* The index of the entry that begins at this offset, or BLOB_NONE. */
size_t blob_at(const struct blob *blob, uint32_t offset);

/* The i-th entry's parts, in place. */
unsigned char *blob_bytes(const struct blob *blob, size_t i);
struct xt_entry_target *blob_target(const struct blob *blob, size_t i);
/* True if its target is the standard one; then *verdict is what it says. */
bool blob_verdict(const struct blob *blob, size_t i, int *verdict);
/* The match after this one; of NULL the first. NULL: there is no other. */
struct xt_entry_match *blob_match(const struct blob *blob, size_t i,
				  const struct xt_entry_match *after);
struct xt_counters blob_counters(const struct blob *blob, size_t i);

/* The chains of these hooks begin at these offsets, and have their policies at those. */
bool blob_has_hooks(const struct blob *blob, unsigned hooks, const uint32_t entry[NF_INET_NUMHOOKS],
		    const uint32_t policy[NF_INET_NUMHOOKS]);
/* The same entries, whatever their counters. */
bool blob_same(const struct blob *a, const unsigned char *bytes, size_t size);

#endif
