/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flows that a lift let in: those to its ports whose first packet the ruleset would drop without
 * the lift. It is asked as it was when the cover was read; the named sets as they are now.
 *
 * The interface that a flow came through is not recorded: where the ruleset asks for it, all ways
 * back to the flow's source have to be covered. What cannot be told (a rule before tests a hardware
 * address, IPsec, a set that is gone; the ways back are not certain) is not covered: such a flow
 * lives on.
 */
#ifndef GEOPAUSE_COVER_H
#define GEOPAUSE_COVER_H

#include "backend.h"
#include "record.h"

int cover_read(struct cover **cover, struct nl *nl, const struct record *record, struct err *e);
void cover_free(struct cover *cover);

int cover_flows(const struct cover *cover, struct nl *nl, struct names *flows, struct err *e);
/*
 * Deletes them, and ends TCP connections of this host, which would bring their flow back with the
 * next packet that they send. A flow that the kernel does not delete is NOT_DONE; all others are
 * deleted all the same.
 */
enum outcome cover_cut(const struct cover *cover, struct nl *nl, const struct names *spared,
		       size_t *n, struct err *e);

#endif
