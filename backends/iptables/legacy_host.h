/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * x_tables through iptables-legacy's own programs. The kernel has no conditional writes there: what
 * makes a read and the write that was computed from it one is the lock that every iptables takes
 * around its own (/run/xtables.lock). It is held here across both, and the program is given another
 * file to lock (XTABLES_LOCKFILE; iptables 1.8.6).
 */
#ifndef GEOPAUSE_LEGACY_HOST_H
#define GEOPAUSE_LEGACY_HOST_H

#include "backend.h"
#include "legacy_save.h"

enum family {
	FAMILY_IPV4,
	FAMILY_IPV6,
	FAMILIES,
};

extern const char *const family_names[FAMILIES]; /* "IPv4", "IPv6" */

struct legacy_host {
	int hold; /* programs inherit it; -1: none */
	int lock; /* /run/xtables.lock, locked; -1 */
};

/*
 * Does the kernel hold this table in this network namespace? Asking makes it neither load a module
 * nor make the table, which iptables itself would. table NULL: any.
 */
bool host_has(enum family family, const char *table);
/* The programs for the families that have tables. */
int host_check_tools(struct err *e);
/* Packets of this table's FORWARD may have been sent elsewhere, and their first port is known. */
bool host_tracks(enum family family);

/* Bounded; ERR_BUSY when somebody else holds it for too long. */
int host_lock(struct legacy_host *host, struct err *e);
void host_unlock(struct legacy_host *host);

int host_save(const struct legacy_host *host, enum family family, const char *table,
	      struct save *save, struct err *e);
/* One table's lines, committed at once or not at all. The lock is held. */
enum outcome host_restore(const struct legacy_host *host, enum family family, const char *script,
			  size_t len, struct err *e);

#endif
