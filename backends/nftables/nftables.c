/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The nftables backend: backend.h's operations over backends/netlink. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "cover.h"
#include "describe.h"
#include "discover.h"
#include "lift.h"
#include "nf.h"
#include "nft_text.h"
#include "record.h"
#include "restore.h"

struct backend {
	struct nl nl;
};

/* What a plan keeps for apply. */
struct prepared {
	struct lift lift;
	const struct target **targets;
};

/* --- open --- */

static int
explain_refusal(struct err *e, const struct err *refused)
{
	if (refused->sys == EPERM)
		return err_sys(e, ERR_FAILED, EPERM,
			       "reading and changing the nftables ruleset needs root "
			       "(CAP_NET_ADMIN in this network namespace)");
	if (refused->sys == EINVAL || refused->sys == EPROTONOSUPPORT || refused->sys == ENOENT ||
	    refused->sys == EAFNOSUPPORT || refused->sys == EOPNOTSUPP)
		return err_sys(e, ERR_FAILED, refused->sys,
			       "this kernel has no nf_tables (load the module nf_tables, or use a "
			       "kernel with CONFIG_NF_TABLES)");
	*e = e->code ? *e : *refused;
	return -1;
}

static int
nftables_open(struct backend **backend, struct err *e)
{
	struct backend *b = calloc(1, sizeof(*b));
	struct err refused = ERR_INIT;

	if (!b)
		return err_set(e, ERR_FAILED, "out of memory");
	if (nl_open(&b->nl, &refused) < 0 ||
	    nl_query(&b->nl, nl_request(&b->nl, NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0), nl_ignore, NULL,
		     &refused) < 0) {
		nl_close(&b->nl, false);
		free(b);
		return explain_refusal(e, &refused);
	}
	*backend = b;
	return 0;
}

static void
nftables_close(struct backend *backend, bool held)
{
	if (!backend)
		return;
	nl_close(&backend->nl, held);
	free(backend);
}

static int
nftables_discover(struct backend *backend, struct observations *found, struct err *e)
{
	return nft_discover(&backend->nl, found, e);
}

/* --- plan --- */

static void
nftables_plan_free(struct plan *plan)
{
	struct prepared *prepared;

	if (!plan)
		return;
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->steps[i].where);
		free(plan->steps[i].rule);
		free(plan->steps[i].before);
		free(plan->steps[i].after);
		free(plan->steps[i].reason);
	}
	free(plan->steps);
	names_fini(&plan->notes);
	prepared = plan->data;
	if (prepared) {
		lift_fini(&prepared->lift);
		free(prepared->targets);
	}
	free(prepared);
	free(plan);
}

static bool
describe_step(struct step *step, struct nft_listing *listing, const struct lift *lift, size_t i)
{
	const struct lift_step *from = &lift->steps[i];
	char text[512];

	step->target = from->target;
	step->how = action_name(from->action);
	step->where = lift_where(lift, i);
	step->reason = lift_reason(lift, i);
	if (from->action == ACTION_SET)
		step->rule = strdup("elements of the administrator's own set");
	else
		step->rule =
			strdup(describe_rule(text, sizeof(text), &lift->rs, from->suspect.rule));
	if (lift->request.explain)
		nft_text_step(listing, lift, i, &step->before, &step->after);
	return step->where && step->reason && step->rule;
}

static bool
describe_steps(struct plan *plan, struct lift *lift)
{
	struct nft_listing listing = { 0 };
	bool described = true;

	plan->steps = calloc(lift->n + 1, sizeof(*plan->steps));
	if (!plan->steps)
		return false;
	for (size_t i = 0; i < lift->n && described; i++) {
		plan->n++;
		described = describe_step(&plan->steps[i], &listing, lift, i);
	}
	nft_listing_fini(&listing);
	if (!described)
		return false;
	plan->notes = lift->notes;
	lift->notes = (struct names){ 0 };
	return true;
}

/* The request with a copy of the array of targets, since apply may plan again. */
static struct prepared *
prepare(const struct lift_request *request, struct lift_request *kept)
{
	struct prepared *prepared = calloc(1, sizeof(*prepared));

	if (!prepared)
		return NULL;
	prepared->targets = calloc(request->n + 1, sizeof(*prepared->targets));
	if (!prepared->targets) {
		free(prepared);
		return NULL;
	}
	memcpy(prepared->targets, request->targets, request->n * sizeof(*prepared->targets));
	*kept = *request;
	kept->targets = prepared->targets;
	return prepared;
}

static int
nftables_plan(struct backend *backend, const struct lift_request *request, struct plan **plan,
	      struct err *e)
{
	struct lift_request kept;
	struct plan *made = calloc(1, sizeof(*made));

	if (!made || !(made->data = prepare(request, &kept))) {
		free(made);
		return err_set(e, ERR_FAILED, "out of memory while planning");
	}
	if (lift_plan(&((struct prepared *)made->data)->lift, &backend->nl, &kept, e) < 0) {
		nftables_plan_free(made);
		return -1;
	}
	if (!describe_steps(made, &((struct prepared *)made->data)->lift)) {
		nftables_plan_free(made);
		return err_set(e, ERR_FAILED, "out of memory while planning");
	}
	*plan = made;
	return 0;
}

static json_t *
nftables_record(const struct plan *plan)
{
	return record_of(&((const struct prepared *)plan->data)->lift);
}

static enum outcome
nftables_apply(struct backend *backend, struct plan *plan, struct err *e)
{
	return lift_apply(&((struct prepared *)plan->data)->lift, &backend->nl, e);
}

/* --- what another process may do --- */

static enum lift_state
nftables_inspect(struct backend *backend, const json_t *json, unsigned *left_s, struct err *e)
{
	struct record record;
	enum lift_state state;

	*left_s = 0;
	if (record_parse(&record, json, e) < 0)
		return LIFT_UNKNOWN;
	state = restore_inspect(&backend->nl, &record, left_s, e);
	record_fini(&record);
	return state;
}

static enum outcome
nftables_extend(struct backend *backend, const json_t *json, unsigned expiry_s, struct err *e)
{
	struct record record;
	enum outcome outcome;

	if (record_parse(&record, json, e) < 0)
		return OUTCOME_NOT_DONE;
	outcome = restore_extend(&backend->nl, &record, expiry_s, e);
	record_fini(&record);
	return outcome;
}

/* Says what somebody else took away meanwhile. */
static void
note_drift(const struct record *record, size_t found, struct names *notes)
{
	size_t expected = record->rules + record->tables.n + record->n_sets;

	if (notes && found < expected)
		names_addf(notes,
			   "%zu of %zu changes were gone already: the ruleset was changed or "
			   "loaded again meanwhile, and is left as it is now",
			   expected - found, expected);
}

static enum outcome
nftables_revert(struct backend *backend, const json_t *json, struct names *notes, struct err *e)
{
	struct names found = { 0 };
	struct record record;
	enum outcome outcome;

	if (record_parse(&record, json, e) < 0)
		return OUTCOME_NOT_DONE;
	outcome = restore_apply(&backend->nl, &record, &found, e);
	if (outcome == OUTCOME_DONE)
		note_drift(&record, found.n, notes);
	names_fini(&found);
	record_fini(&record);
	return outcome;
}

static enum outcome
nftables_sweep(struct backend *backend, bool look_only, struct names *found, struct err *e)
{
	size_t n;

	if (!look_only)
		return restore_apply(&backend->nl, NULL, found, e);
	return restore_look(&backend->nl, NULL, found, &n, e) < 0 ? OUTCOME_UNKNOWN : OUTCOME_DONE;
}

static int
nftables_generation(struct backend *backend, uint64_t *generation, struct err *e)
{
	uint32_t number;

	if (ruleset_generation(&backend->nl, &number, e) < 0)
		return -1;
	*generation = number;
	return 0;
}

/* --- flows --- */

static int
nftables_cover(struct backend *backend, const json_t *json, struct cover **cover, struct err *e)
{
	struct record record;
	int rc;

	if (record_parse(&record, json, e) < 0)
		return -1;
	rc = cover_read(cover, &backend->nl, &record, e);
	record_fini(&record);
	return rc;
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
	.record = nftables_record,
	.plan_free = nftables_plan_free,
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

__attribute__((visibility("default"))) const struct backend_ops *
geopause_backend(void)
{
	return &ops;
}
