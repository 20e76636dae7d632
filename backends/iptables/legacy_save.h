/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table as iptables-save would print it (iptables-save(8)), for those who decide what is to be
 * done about its rules. What is written back is never made from this text, but from the kernel's
 * own bytes: see legacy_table.h.
 */
#ifndef GEOPAUSE_LEGACY_SAVE_H
#define GEOPAUSE_LEGACY_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct save_token {
	const char *text; /* without quotes and escapes */
	bool quoted;      /* then it is no option, whatever it begins with */
	const char *raw;  /* as it stands in the spec, raw_len bytes */
	size_t raw_len;
	unsigned part; /* of the rule: 0, what is in no match; then its matches; then its target */
};

struct save_rule {
	size_t chain;    /* index */
	unsigned number; /* in its chain, 1-based, as -R and -D count */
	uint64_t packets, bytes;
	const char *spec; /* what follows "-A CHAIN ", verbatim; "" if nothing does */
	size_t first;     /* its tokens: save.tokens[first] ... */
	size_t n;
	bool odd; /* it has parts that there are no words for, or line ends */
};

struct save_chain {
	const char *name;
	const char *policy;      /* "ACCEPT", "DROP"; NULL: made by the administrator */
	uint64_t packets, bytes; /* that the policy decided on */
	size_t first, n;         /* its rules */
};

struct legacy_table; /* legacy_table.h */

struct save {
	struct legacy_table
		*table;        /* that it was read from and that owns all of it; NULL: itself */
	char *text, *unquoted; /* what the pointers above lead to */
	struct save_chain *chains;
	size_t n_chains;
	struct save_rule *rules; /* each chain's together, in their order */
	size_t n_rules;
	struct save_token *tokens;
	size_t n_tokens;
};

#define SAVE_NONE SIZE_MAX

void save_fini(struct save *save);
/* The index of the chain of this name, or SAVE_NONE. */
size_t save_chain(const struct save *save, const char *name);

#endif
