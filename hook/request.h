/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the administrator asks for: the policy (or what discover is certain of) and the options. */
#ifndef GEOPAUSE_REQUEST_H
#define GEOPAUSE_REQUEST_H

#include "challenge.h"
#include "err.h"
#include "module.h"
#include "options.h"
#include "policy.h"

struct request {
	struct policy policy; /* file == NULL: the targets were discovered */
	struct ports ports;
	unsigned window_s;
};

/*
 * Loads the policy; where there is none, looks for geo-blocks and takes the certain ones. Nothing
 * found, or doubt, is ERR_POLICY with the candidates named.
 */
int request_load(struct request *request, const struct options *options, struct backends *backends,
		 struct err *e);
/* Only the file; policy.file == NULL if the default one is missing. */
int request_policy(struct policy *policy, const struct options *options, struct err *e);
void request_fini(struct request *request);

/* The backend that zero-config looks at, and whose marks are always swept. */
#define DEFAULT_BACKEND "nftables"

#endif
