/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iptables-legacy's nat, behind which tables of nf_tables may stand. */
#ifndef GEOPAUSE_LEGACY_UNSEEN_H
#define GEOPAUSE_LEGACY_UNSEEN_H

#include "reach.h"

struct legacy_host;

/* Takes CAP_NET_RAW, which later reads do not. NULL: there is no such table, or no memory. */
struct legacy_host *legacy_unseen_open(void);
void legacy_unseen_close(struct legacy_host *host);

/* What becomes of these ports there; what may not be read, and now is there, may be anything. */
struct unseen_nat legacy_unseen_nat(const struct legacy_host *host, const struct ports *ports);

#endif
