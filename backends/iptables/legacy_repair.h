/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What if somebody changes a table without iptables' lock, between the look at it and the change:
 * rules are named by their numbers, and a jump of ours may stand in the place of another rule.
 */
#ifndef GEOPAUSE_LEGACY_REPAIR_H
#define GEOPAUSE_LEGACY_REPAIR_H

#include "legacy_host.h"
#include "legacy_select.h"

/*
 * Puts back the rules that jumps of this transaction stand in the place of by mistake, as far as
 * `before` tells which these were; the jumps that are right stay. 0: every jump that is left stands
 * in its own rule's place.
 */
int legacy_repair(const struct legacy_host *host, const struct save *before,
		  const struct legacy_edits *edits, const char *txn, struct err *e);

#endif
