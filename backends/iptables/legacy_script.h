/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What iptables-restore --noflush is given. For the files of this engine alone. */
#ifndef GEOPAUSE_LEGACY_SCRIPT_H
#define GEOPAUSE_LEGACY_SCRIPT_H

#include <stdio.h>

#include "legacy_mark.h"
#include "legacy_select.h"

/* Text that grows; what fails shows at the end. */
struct script {
	FILE *f;
	char *text;
	size_t len;
};

/*
 * The table, and its base chains as they are: libiptc sets the counters of all policies to zero
 * with every change, unless it is told them.
 */
int script_begin(struct script *script, const char *table, const struct save *save, struct err *e);
/* COMMIT; the text is there then. */
int script_end(struct script *script, struct err *e);
void script_fini(struct script *script);

/* How a lift says which packets, of the ports of a request. */
struct lift_words {
	const char *txn;
	struct ports ports;
	bool original; /* at FORWARD: by the port before DNAT */
	bool nat;      /* at INPUT: also by the port before REDIRECT */
	time_t stop;
};

/* The lines of one edit, the index-th SKIP of its table, read from the save it was made from. */
void script_lift(struct script *script, const struct legacy_edit *edit, const struct save *save,
		 const struct lift_words *words, unsigned index);
/* As they will stand in the table, for people: "-A CHAIN ...", a line each. */
void script_show(FILE *f, const struct legacy_edit *edit, const struct save *save,
		 const struct lift_words *words, unsigned index);
/* How many rules a WIDEN inserts, and how many of ours stand before R in the chain of a SKIP. */
size_t script_conditions(const struct lift_words *words, unsigned hooks);
/* The rule again, with another end. */
void script_move_end(struct script *script, const struct save *save, size_t rule, time_t stop);

#endif
