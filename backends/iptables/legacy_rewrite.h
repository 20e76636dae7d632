/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an edit becomes: in the kernel's bytes, and in iptables' words for people. What a lift looks
 * like, legacy_mark.h says.
 */
#ifndef GEOPAUSE_LEGACY_REWRITE_H
#define GEOPAUSE_LEGACY_REWRITE_H

#include <stdio.h>

#include "legacy_change.h"
#include "legacy_mark.h"
#include "legacy_select.h"

/* How a lift says which packets. */
struct lift_words {
	const char *txn;
	unsigned original; /* hooks at which it is the port before DNAT that counts */
	unsigned both;     /* and where either does */
	time_t stop;
};

#define CONDITION_PORTS_MAX 15 /* XT_MULTI_PORTS */

/* One rule's condition: the ports of one protocol, or with DNAT one port. */
struct condition {
	uint8_t proto;
	uint16_t ports[CONDITION_PORTS_MAX];
	size_t n;
	bool original;
};
#define CONDITIONS_MAX (2 * PORTS_MAX)

/* How many rules a WIDEN inserts, and how many of ours stand before R in the chain of a SKIP. */
size_t lift_conditions(struct condition all[CONDITIONS_MAX], const struct lift_words *words,
		       const struct legacy_edit *edit);
/* Says how the table of the edit's rule is changed by it, the index-th SKIP of its table. */
void lift_rewrite(struct change *change, const struct legacy_edit *edit,
		  const struct lift_words *words, unsigned index);
/* The matches that a lift is made of can be used; legacy_kernel.h's to be asked. */
#define LIFT_MATCHES 4
extern const struct lift_match {
	const char *name;
	unsigned char revision;
} lift_matches[LIFT_MATCHES];

/* legacy_show.c: the lines as they will stand in the table: "-A CHAIN ...". */
void lift_show(FILE *f, const struct legacy_edit *edit, const struct save *save,
	       const struct lift_words *words, unsigned index);

#endif
