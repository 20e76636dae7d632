/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backend.h's operations over backends/netlink. */
#include <stdlib.h>

#include "builtin.h"
#include "cover.h"
#include "discover.h"
#include "legacy_unseen.h"
#include "nft_text.h"
#include "ops.h"

struct backend {
	struct nl nl;
};

static int
nftables_open(struct backend **backend, struct err *e)
{
	struct backend *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(e, ERR_FAILED, "out of memory");
	if (ops_open(&b->nl, e) < 0) {
		free(b);
		return -1;
	}
	*backend = b;
	return 0;
}

static void
nftables_close(struct backend *backend)
{
	if (!backend)
		return;
	nl_close(&backend->nl);
	free(backend);
}

/* What iptables made is its backend's to report; a policy may name it all the same. */
static int
nftables_discover(struct backend *backend, const struct ports *ports, struct observations *found,
		  struct err *e)
{
	const struct unseen_nat nat = legacy_unseen_nat(ports);

	return discover(&backend->nl, ports, "nftables", false, &nat, found, e);
}

static void
text_step(void *listing, const struct lift *lift, size_t i, char **before, char **after)
{
	nft_text_step(listing, lift, i, before, after);
}

static int
nftables_plan(struct backend *backend, const struct lift_request *request, struct plan **plan,
	      struct err *e)
{
	const struct unseen_nat nat = legacy_unseen_nat(&request->ports);
	struct nft_listing listing = { 0 };
	struct ops_text text = { .data = &listing, .step = text_step };
	int rc = ops_plan(&backend->nl, request, &nat, NULL, &text, plan, e);

	nft_listing_fini(&listing);
	return rc;
}

static enum outcome
nftables_apply(struct backend *backend, struct plan *plan, struct err *e)
{
	return ops_apply(&backend->nl, plan, e);
}

static enum lift_state
nftables_inspect(struct backend *backend, const json_t *json, unsigned *left_s, struct err *e)
{
	return ops_inspect(&backend->nl, json, left_s, e);
}

static enum outcome
nftables_extend(struct backend *backend, const json_t *json, unsigned expiry_s, struct err *e)
{
	return ops_extend(&backend->nl, json, expiry_s, e);
}

static enum outcome
nftables_revert(struct backend *backend, const json_t *json, struct names *notes, struct err *e)
{
	return ops_revert(&backend->nl, json, notes, e);
}

static enum outcome
nftables_sweep(struct backend *backend, bool look_only, struct names *found, struct err *e)
{
	return ops_sweep(&backend->nl, look_only, found, e);
}

static int
nftables_generation(struct backend *backend, uint64_t *generation, struct err *e)
{
	return ops_generation(&backend->nl, generation, e);
}

static int
nftables_cover(struct backend *backend, const json_t *json, struct cover **cover, struct err *e)
{
	return ops_cover(&backend->nl, json, cover, e);
}

static int
nftables_flows(struct backend *backend, const struct cover *cover, struct names *flows,
	       struct err *e)
{
	return cover_flows(cover, &backend->nl, flows, e);
}

static enum outcome
nftables_cut(struct backend *backend, const struct cover *cover, const struct names *spared,
	     size_t *n, struct err *e)
{
	return cover_cut(cover, &backend->nl, spared, n, e);
}

static const struct backend_ops ops = {
	.abi = BACKEND_ABI,
	.name = "nftables",
	.caps = BACKEND_ATOMIC | BACKEND_KERNEL_EXPIRY | BACKEND_CONCURRENCY | BACKEND_HEARTBEAT,
	.open = nftables_open,
	.close = nftables_close,
	.discover = nftables_discover,
	.plan = nftables_plan,
	.record = ops_record,
	.plan_free = ops_plan_free,
	.apply = nftables_apply,
	.inspect = nftables_inspect,
	.extend = nftables_extend,
	.revert = nftables_revert,
	.sweep = nftables_sweep,
	.generation = nftables_generation,
	.cover = nftables_cover,
	.flows = nftables_flows,
	.cut = nftables_cut,
	.cover_free = cover_free,
};

const struct backend_ops *
nftables_backend(void)
{
	return &ops;
}
