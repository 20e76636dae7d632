/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Targets that fit nothing in any of the places that were looked at. For iptables.c alone. */
#ifndef GEOPAUSE_IPTABLES_UNMET_H
#define GEOPAUSE_IPTABLES_UNMET_H

#include "engine.h"

struct unmet_place {
	const char *name;      /* the engine's */
	bool there;            /* it has tables on this host */
	const struct met *met; /* one a target of the request */
};

/* ERR_POLICY for a target with more patterns of one kind than struct met has bits. */
int unmet_check_size(const struct lift_request *request, struct err *e);
/*
 * 0, or ERR_POLICY for the first target without any rule, or with a plain name that is nowhere.
 * A pattern may match nothing.
 */
int unmet_check(const struct lift_request *request, const struct unmet_place *places, size_t n,
		struct err *e);

#endif
