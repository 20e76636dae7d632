/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Journals of other network namespaces in the same state directory. A ruleset can be restored from
 * inside its own namespace alone: the reader only reads, the visitor is a child that goes there.
 */
#ifndef GEOPAUSE_NEIGHBOURS_H
#define GEOPAUSE_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"
#include "journal.h"
#include "session.h"
#include "state.h"

struct neighbour {
	char file[JOURNAL_NAME_MAX];
	uint64_t netns;
	const char *state; /* "open", ..., or "not readable" */
	bool may_be_open;  /* of this boot and machine, and not expired */
	bool counts; /* of this boot and machine, or not readable: its namespace may be there */
	bool held;   /* it is open, and somebody's lease lives */
};

struct neighbours {
	struct neighbour *v;
	size_t n;
};

int neighbours_read(struct neighbours *all, const struct state *state, const struct identity *own,
		    struct err *e);
void neighbours_fini(struct neighbours *all);
/*
 * ERR_OPEN if a window of another namespace that may be open has this very lease: it was taken
 * there, and cannot be given back here.
 */
int neighbours_check_lease(const struct state *state, const struct identity *own,
			   const struct lease *lease, struct err *e);

#define NEIGHBOUR_DEADLINE_S 30u
/*
 * Looks for the neighbour's namespace, among those that have a name (ip-netns(8)) or a process in
 * them, and does there what window_restore does, or window_restore_stale; here stands for the state
 * with its lock, which may be free meanwhile and is taken again, the history and the sweeps. We
 * stay where we are: a child goes, which dies with us and has NEIGHBOUR_DEADLINE_S.
 *
 * Needs KEEP_SYS_ADMIN (setns) and KEEP_SYS_PTRACE (/proc/PID/ns of others); the child gives both
 * up once it is there. ERR_FAILED if the namespace was not found, ERR_OPEN if restoring it failed.
 */
int neighbour_restore(const struct neighbour *one, struct session *here, bool stale, struct err *e);

#endif
