/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What iptables.c shares with iptables_flows.c: the two engines side by side. */
#ifndef GEOPAUSE_IPTABLES_PRIVATE_H
#define GEOPAUSE_IPTABLES_PRIVATE_H

#include "engine.h"

/* In the order of apply; what is likely to fail comes last, and the first can be taken back. */
enum part {
	PART_NFT,
	PART_LEGACY,
	PARTS,
};

extern const struct part_of {
	const char *key; /* in the record */
	const struct engine_ops *ops;
} parts[PARTS];

struct backend {
	struct engine *engine[PARTS]; /* NULL: this host had no such tables when last asked */
	int hold;
};

/*
 * The engine that this part of the record is for; NULL: nothing to do there. A record that speaks
 * of tables that this host has not is of a lift that is gone with them.
 */
struct engine *engine_of(struct backend *backend, enum part i, const json_t *record,
			 const json_t **part, int *failed, struct err *e);

/* backend.h's, iptables_flows.c. */
int iptables_cover(struct backend *backend, const json_t *record, struct cover **cover,
		   struct err *e);
int iptables_flows(struct backend *backend, const struct cover *cover, struct names *flows,
		   struct err *e);
enum outcome iptables_cut(struct backend *backend, const struct cover *cover,
			  const struct names *spared, size_t *n, struct err *e);
void iptables_cover_free(struct cover *cover);

#endif
