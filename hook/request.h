/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the administrator asks for: the policy (or what discover is certain of) and the options. */
#ifndef GEOPAUSE_REQUEST_H
#define GEOPAUSE_REQUEST_H

#include "backends.h"
#include "challenge.h"
#include "err.h"
#include "observation.h"
#include "options.h"
#include "policy.h"

struct request {
	struct policy policy; /* file == NULL: the targets were discovered */
	struct ports ports;
	unsigned window_s;        /* of a timed lease, and of any that no watchdog watches */
	unsigned owned_s;         /* of a lease whose owner is watched */
	struct observations seen; /* without a policy: among these geo-blocks were looked for */
};

/*
 * Loads the policy and gives up all rights but those in keep (enum privileges_keep). Where there is
 * no policy, looks for geo-blocks and takes the certain ones; nothing found, or doubt, is
 * ERR_POLICY with the candidates named.
 */
int request_load(struct request *request, const struct options *options, unsigned keep,
		 struct backends *backends, struct err *e);
/*
 * After the policy was read: the alerter is forked, the backends are opened (their modules may lie
 * where only CAP_DAC_READ_SEARCH leads), and the rights are given up. The rights are given up even
 * if something else fails.
 */
int request_reduce(const struct policy *policy, unsigned keep, struct backends *backends,
		   struct err *e);
/* Only the file; policy.file == NULL if the default one is missing. */
int request_policy(struct policy *policy, const struct options *options, struct err *e);
void request_fini(struct request *request);
/*
 * What certainly is a geo-block on the way to these ports becomes the policy's targets; see
 * request_load. *seen (may be NULL) is empty before, and the caller's to free in any case.
 */
int request_discover(struct policy *policy, const struct ports *ports, struct backends *backends,
		     struct observations *seen, struct err *e);

/* Those that zero-config looks at, and whose marks are always swept; ends with NULL. */
extern const char *const default_backends[];
bool is_default_backend(const char *name);
/* What they see, all together; one that this kernel does not have sees nothing. */
int request_observe(struct backends *backends, const struct ports *ports, struct observations *all,
		    struct err *e);
/* The rights (enum privileges_keep) that the open backends need. */
unsigned request_rights(const struct backends *backends);

#endif
