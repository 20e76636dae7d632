/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flows to some ports, which of them a lift let in, and cutting those. Who asks the ruleset is
 * given as a function.
 */
#ifndef GEOPAUSE_FLOW_JUDGE_H
#define GEOPAUSE_FLOW_JUDGE_H

#include "backend.h"
#include "conntrack.h"
#include "host.h"

enum flow_answer {
	FLOW_COVERED, /* its first packet would be stopped without the lift */
	FLOW_NOT_COVERED,
	FLOW_UNCLEAR, /* it depends on where the flow comes from, beyond its addresses */
};

struct flow_judge {
	struct nl *nl;
	struct ports ports;
	/*
	 * came_by is the interface that the flow came in by; NULL: it is not known. flow->local
	 * tells whether it ends on this host.
	 */
	enum flow_answer (*ask)(const void *data, const struct flow *flow,
				const struct route *came_by);
	const void *data;
	struct host host; /* begins zeroed */
};

/* backend.h's flows and cut, of what the ruleset covers. */
int flow_judge_names(struct flow_judge *judge, struct names *names, struct err *e);
enum outcome flow_judge_cut(struct flow_judge *judge, const struct names *spared, size_t *n,
			    struct err *e);

#endif
