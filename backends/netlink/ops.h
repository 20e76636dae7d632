/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backend.h's operations for whatever lies in nf_tables: the same for nftables and iptables-nft. */
#ifndef GEOPAUSE_OPS_H
#define GEOPAUSE_OPS_H

#include "backend.h"
#include "lift.h"

/* The steps in the firewall's own syntax, for request->explain. */
struct ops_text {
	void *data;
	/* Before and after of step i, malloced; NULL where it cannot be told. */
	void (*step)(void *data, const struct lift *lift, size_t i, char **before, char **after);
};

/* e->sys of a failure: EPERM, or ENOENT for a kernel without nf_tables. */
int ops_open(struct nl *nl, struct err *e);
bool ops_is_missing(const struct err *e);

/* met: as of lift_plan. text: or NULL. */
int ops_plan(struct nl *nl, const struct lift_request *request, const struct unseen_nat *unseen,
	     struct select_met *met, const struct ops_text *text, struct plan **plan,
	     struct err *e);
json_t *ops_record(const struct plan *plan);
void ops_plan_free(struct plan *plan);

enum outcome ops_apply(struct nl *nl, struct plan *plan, struct err *e);
enum lift_state ops_inspect(struct nl *nl, const json_t *json, unsigned *left_s, struct err *e);
enum outcome ops_extend(struct nl *nl, const json_t *json, unsigned expiry_s, struct err *e);
enum outcome ops_revert(struct nl *nl, const json_t *json, struct names *notes, struct err *e);
enum outcome ops_sweep(struct nl *nl, bool look_only, struct names *found, struct err *e);
int ops_generation(struct nl *nl, uint64_t *generation, struct err *e);
int ops_cover(struct nl *nl, const json_t *json, struct cover **cover, struct err *e);

#endif
