/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that send packets on by their source: `ip saddr @home tcp dport 443 dnat to 192.0.2.7`.
 * They drop nothing; but whom they do not send on comes to this host itself, which may.
 */
#ifndef GEOPAUSE_SENDS_H
#define GEOPAUSE_SENDS_H

#include "reach.h"

/* DNAT, a redirect, tproxy or fwd, of nf_tables' own. */
bool sends_on(const struct rule *rule);

/*
 * Where packets are sent may depend on the rule: it sends them on, or leads to a chain that does;
 * or in a chain for DNAT it lets them pass a rule that would.
 */
bool sends_by_source(struct eval *eval, const struct rule *rule, uint32_t concerns,
		     const struct packets *packets);

/* By this rule of iptables' table nat, or a chain that it leads to, such packets may be sent on. */
bool sends_by_iptables(struct eval *eval, const struct rule *rule, uint32_t concerns,
		       const struct packets *packets);

/* What packets from no set's source meet on this host, if no rule sends them on: MAY_*. */
unsigned sends_others(struct eval *eval, const struct rule *rule, uint32_t concerns,
		      const struct packets *packets);

#endif
