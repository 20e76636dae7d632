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
	const char *raw;  /* as it stands in the spec, raw_len bytes */
	uint32_t raw_len;
	uint16_t part; /* of the rule: 0, what is in no match; then its matches; then its target */
	uint8_t kind; /* part_kind() of its text; 0 if quoted: no option, whatever it begins with */
	bool quoted;
};

struct save_rule {
	size_t chain;    /* index */
	unsigned number; /* in its chain, 1-based, as -R and -D count */
	bool dull;       /* it leads to no chain and has no comment: no mark of ours, for sure */
	bool bare;       /* and neither tests a set nor is odd: it has no text in it */
	bool odd;        /* it has parts that there are no words for, or line ends */
	uint64_t packets, bytes;
	/* With odd what save_words() makes: */
	const char
		*spec; /* what follows "-A CHAIN ", verbatim; "" if nothing does; NULL: not yet */
	const struct save_token *tokens;
	size_t n;
};

struct save_chain {
	const char *name;
	const char *policy;      /* "ACCEPT", "DROP"; NULL: made by the administrator */
	uint64_t packets, bytes; /* that the policy decided on */
	size_t first, n;         /* its rules */
};

struct legacy_table; /* legacy_table.h */

struct save {
	struct legacy_table *table; /* that owns all of it; NULL: somebody else does */
	struct save_chain *chains;
	size_t n_chains;
	struct save_rule *rules; /* each chain's together, in their order */
	size_t n_rules;
};

#define SAVE_NONE SIZE_MAX

void save_fini(struct save *save);
/*
 * Makes the rule's words, unless they are there. Of thousands of rules that takes longest: whoever
 * looks for a few asks for no others'. False: out of memory, now or earlier; the rule is odd then.
 */
bool save_words(const struct save *save, size_t rule);
/* There was no memory for some rule's words. */
bool save_failed(const struct save *save);
/* The index of the chain of this name, or SAVE_NONE. */
size_t save_chain(const struct save *save, const char *name);

#endif
