/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host's x_tables: which are there, reading them, changing them. The kernel has no conditional
 * writes there: what makes a read and the write that was computed from it one is the lock that
 * every iptables takes around its own (/run/xtables.lock). Somebody who writes without it (in a
 * container with a /run of its own) is noticed when the table is not what was read.
 */
#ifndef GEOPAUSE_LEGACY_HOST_H
#define GEOPAUSE_LEGACY_HOST_H

#include "backend.h"
#include "legacy_family.h"
#include "legacy_save.h"

struct change; /* legacy_change.h */
struct host_seen;
struct legacy_kernel;

struct legacy_host {
	int lock; /* /run/xtables.lock, locked; -1 */
	struct legacy_kernel *kernel;
	struct host_seen *seen; /* the tables, as they were when they were last read */
};

/* Tables can be read and changed only with rights, which an error here tells of. */
int legacy_host_init(struct legacy_host *host, struct err *e);
void legacy_host_fini(struct legacy_host *host);

/*
 * Does the kernel hold this table in this network namespace? Asking makes it neither load a module
 * nor make the table, which iptables itself would. table NULL: any.
 */
bool host_has(enum family family, const char *table);
/* Packets of this table's FORWARD may have been sent elsewhere, and their first port is known. */
bool host_tracks(enum family family);

/* Bounded; ERR_BUSY when somebody else holds it for too long. Held already, it stays so. */
int host_lock(struct legacy_host *host, struct err *e);
/* Only if nobody holds it at this moment. */
void host_try_lock(struct legacy_host *host);
void host_unlock(struct legacy_host *host);
/* Tables are read when they are asked for next, whatever is known of them. */
void host_doubt(const struct legacy_host *host);

/* What lifts are made of can be used; e names what cannot. */
int host_check_matches(const struct legacy_host *host, enum family family, struct err *e);

/*
 * The table as it is. What was read or written with the lock, which is held since, is not read once
 * more, if the kernel says that it is as long as that was; its counters are those of then.
 */
int host_save(const struct legacy_host *host, enum family family, const char *table,
	      struct save *save, struct err *e);

/* False: of the table that was read last, a set's name could not be asked, so far. */
bool host_names_known(const struct legacy_host *host);

/* Says what is to be changed in the table that save is of; nothing said: nothing is done. */
typedef int (*host_edit_fn)(struct change *change, const struct save *save, void *data,
			    struct err *e);
/*
 * Reads the table, asks edit what to change, and does it at once or not at all; from the beginning,
 * bounded, when somebody changed it meanwhile. The lock is held.
 */
enum outcome host_edit(const struct legacy_host *host, enum family family, const char *table,
		       host_edit_fn edit, void *data, struct err *e);

#endif
