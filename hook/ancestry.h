/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose lease it is: found by climbing from the hook to the ACME client.
 *
 * Shells that run a script or a `-c` string, forked subshells and wrappers (sudo, timeout, flock,
 * run-parts, ...) are passed: they are dead before the CA validates, or only stand between. A known
 * client (certbot, acme.sh, dehydrated, lego, uacme, ...) wins, its topmost process; without one
 * the nearest process that is not passed is the owner. Pid 1, a parent 0 (a container's exec),
 * cron, at, sshd, service managers and servers that run for ever end the climb: what stands below
 * them does not live as long as an issuance, or lives for ever, so there is no owner.
 */
#ifndef GEOPAUSE_ANCESTRY_H
#define GEOPAUSE_ANCESTRY_H

#include "process.h"
#include "program.h"

#define ANCESTRY_NAME_MAX PROGRAM_NAME_MAX /* bytes */

struct ancestry {
	struct process owner;         /* pid 0: none was found */
	char name[ANCESTRY_NAME_MAX]; /* the owner's program: "certbot"; printable ASCII */
	/*
	 * The nearest `geopause run` above us, pid 0 if there is none. The climb ends there; with
	 * nobody else below, its COMMAND (the process below it) is the owner.
	 */
	struct process guard;
	/* The topmost process below the climb's end: the same for a pre and a post of one script.
	 */
	struct process via;
};

/* Never fails: what cannot be read ends the climb. */
struct ancestry ancestry_read(void);

#endif
