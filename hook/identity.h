/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where and when a journal counts: rulesets are per network namespace and die with the boot; a
 * cloned image must not act on the journal of the machine that it was cloned from.
 */
#ifndef GEOPAUSE_IDENTITY_H
#define GEOPAUSE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define IDENTITY_ID_MAX 40

struct identity {
	char boot[IDENTITY_ID_MAX];    /* /proc/sys/kernel/random/boot_id */
	char machine[IDENTITY_ID_MAX]; /* machine-id(5); empty where there is none */
	uint64_t netns;                /* SO_NETNS_COOKIE */
};

int identity_read(struct identity *id, struct err *e);
/* Only the network namespace, as it is for this thread now. */
int identity_netns(uint64_t *netns, struct err *e);
/* Of this boot of this machine, in whichever network namespace. */
bool identity_is_same_boot(const struct identity *a, const struct identity *b);
/* CAP_NET_ADMIN is effective. */
bool identity_may_administer_network(void);

#endif
