/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking for lifts in the live tables, and taking them back, from what they carry themselves. */
#ifndef GEOPAUSE_LEGACY_RESTORE_H
#define GEOPAUSE_LEGACY_RESTORE_H

#include "legacy_host.h"

/*
 * Takes back what has our marks in one table; txn NULL: of any transaction. The lock is held.
 * Appends to *found what it was; NULL: not wanted.
 */
enum outcome legacy_restore_table(struct legacy_host *host, enum family family, const char *table,
				  const char *txn, struct names *found, struct err *e);

/*
 * When legacy_revert or legacy_lift_apply has just been done, it has left the lock to this, which
 * gives it back: nobody can have changed what is looked at.
 */
enum lift_state legacy_inspect(struct legacy_host *host, const json_t *record, unsigned *left_s,
			       struct err *e);
enum outcome legacy_extend(struct legacy_host *host, const json_t *record, unsigned expiry_s,
			   struct err *e);
enum outcome legacy_revert(struct legacy_host *host, const json_t *record, struct names *notes,
			   struct err *e);
enum outcome legacy_sweep(struct legacy_host *host, bool look_only, struct names *found,
			  struct err *e);

#endif
