/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table as iptables-save prints it (iptables-save(8), iptables-restore(8) and their sources:
 * xtables_save_string for the quotes, add_param_to_argv for reading them back). Every rule's text
 * is kept as it came: what is written back is that text, never a version of ours.
 */
#ifndef GEOPAUSE_LEGACY_SAVE_H
#define GEOPAUSE_LEGACY_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct save_token {
	const char *text; /* without quotes and escapes */
	bool quoted;      /* then it is no option, whatever it begins with */
	const char *raw;  /* as it stands in the spec, raw_len bytes */
	size_t raw_len;
};

struct save_rule {
	size_t chain;    /* index */
	unsigned number; /* in its chain, 1-based, as -R and -D count */
	uint64_t packets, bytes;
	const char *spec; /* what follows "-A CHAIN ", verbatim; "" if nothing does */
	size_t first;     /* its tokens: save.tokens[first] ... */
	size_t n;
	bool odd; /* not to be written again: it has line ends, or a quote without an end */
};

struct save_chain {
	const char *name;
	const char *policy;      /* "ACCEPT", "DROP"; NULL: made by the administrator */
	uint64_t packets, bytes; /* that the policy decided on */
	size_t first, n;         /* its rules */
};

struct save {
	char *text, *unquoted; /* what the pointers above lead to */
	struct save_chain *chains;
	size_t n_chains;
	struct save_rule *rules; /* each chain's together, in their order */
	size_t n_rules;
	struct save_token *tokens;
	size_t n_tokens;
};

#define SAVE_NONE SIZE_MAX

/*
 * Reads what `iptables-save -c -t TABLE` printed. A line of any other kind is an error, and so is
 * a rule of a chain that is not declared.
 */
int save_parse(struct save *save, const char *text, size_t len, const char *table, struct err *e);
void save_fini(struct save *save);
/* The index of the chain of this name, or SAVE_NONE. */
size_t save_chain(const struct save *save, const char *name);

#endif
