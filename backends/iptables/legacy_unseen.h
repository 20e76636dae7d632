/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iptables-legacy's nat, behind which tables of nf_tables may stand. */
#ifndef GEOPAUSE_LEGACY_UNSEEN_H
#define GEOPAUSE_LEGACY_UNSEEN_H

#include "reach.h"

/* What becomes of these ports there; what may not be read may be anything. */
struct unseen_nat legacy_unseen_nat(const struct ports *ports);

#endif
