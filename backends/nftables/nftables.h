/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nftables backend: the one that is part of the program. Most windows are nftables', and to
 * load a module for it would cost each of them more than reading the ruleset does.
 */
#ifndef GEOPAUSE_NFTABLES_H
#define GEOPAUSE_NFTABLES_H

#include "backend.h"

/* Static; backend.h says what it does. */
const struct backend_ops *nftables_backend(void);

#endif
