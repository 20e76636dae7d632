/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cover.h"
#include "describe.h"
#include "nf.h"
#include "plan.h"
#include "record.h"
#include "restore.h"

/* What a plan keeps for apply. */
struct prepared {
	struct lift lift;
	const struct target **targets;
};

/* --- open --- */

bool
ops_is_missing(const struct err *e)
{
	return e->sys == EINVAL || e->sys == EPROTONOSUPPORT || e->sys == ENOENT ||
	       e->sys == EAFNOSUPPORT || e->sys == EOPNOTSUPP;
}

static int
explain_refusal(struct err *e, const struct err *refused)
{
	if (refused->sys == EPERM)
		return err_sys(e, ERR_FAILED, EPERM,
			       "reading and changing the nftables ruleset needs root "
			       "(CAP_NET_ADMIN in this network namespace)");
	if (ops_is_missing(refused)) {
		err_sys(e, ERR_FAILED, refused->sys,
			"this kernel has no nf_tables (load the module nf_tables, or use a "
			"kernel with CONFIG_NF_TABLES)");
		/* The others are a sandbox's as well, behind which it may be there. */
		if (refused->sys == EINVAL || refused->sys == EPROTONOSUPPORT)
			e->sys = ENOENT;
		return -1;
	}
	*e = e->code ? *e : *refused;
	return -1;
}

int
ops_open(struct nl *nl, struct err *e)
{
	struct err refused = ERR_INIT;

	if (nl_open(nl, &refused) < 0 ||
	    nl_query(nl, nl_request(nl, NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0), nl_ignore, NULL,
		     &refused) < 0) {
		nl_close(nl);
		return explain_refusal(e, &refused);
	}
	return 0;
}

/* --- plan --- */

void
ops_plan_free(struct plan *plan)
{
	struct prepared *prepared;

	if (!plan)
		return;
	prepared = plan->data;
	if (prepared) {
		lift_fini(&prepared->lift);
		free(prepared->targets);
	}
	free(prepared);
	plan_free_shared(plan);
}

static bool
describe_step(struct step *step, const struct ops_text *own, const struct lift *lift, size_t i)
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
	if (lift->request.explain && own)
		own->step(own->data, lift, i, &step->before, &step->after);
	return step->where && step->reason && step->rule;
}

static bool
describe_steps(struct plan *plan, const struct ops_text *own, struct lift *lift)
{
	bool described = true;

	plan->steps = calloc(lift->n + 1, sizeof(*plan->steps));
	if (!plan->steps)
		return false;
	for (size_t i = 0; i < lift->n && described; i++) {
		plan->n++;
		described = describe_step(&plan->steps[i], own, lift, i);
	}
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

int
ops_plan(struct nl *nl, const struct lift_request *request, const struct unseen_nat *unseen,
	 struct select_met *met, const struct ops_text *text, struct plan **plan, struct err *e)
{
	struct lift_request kept;
	struct plan *made = calloc(1, sizeof(*made));

	if (!made || !(made->data = prepare(request, &kept))) {
		free(made);
		return err_set(e, ERR_FAILED, "out of memory while planning");
	}
	if (lift_plan(&((struct prepared *)made->data)->lift, nl, &kept, unseen, met, e) < 0) {
		ops_plan_free(made);
		return -1;
	}
	if (!describe_steps(made, text, &((struct prepared *)made->data)->lift)) {
		ops_plan_free(made);
		return err_set(e, ERR_FAILED, "out of memory while planning");
	}
	*plan = made;
	return 0;
}

json_t *
ops_record(const struct plan *plan)
{
	return record_of(&((const struct prepared *)plan->data)->lift);
}

enum outcome
ops_apply(struct nl *nl, struct plan *plan, struct err *e)
{
	return lift_commit(&((struct prepared *)plan->data)->lift, nl, e);
}

/* --- what another process may do --- */

enum lift_state
ops_inspect(struct nl *nl, const json_t *json, unsigned *left_s, struct err *e)
{
	struct record record;
	enum lift_state state;

	*left_s = 0;
	if (record_parse(&record, json, e) < 0)
		return LIFT_UNKNOWN;
	state = restore_inspect(nl, &record, left_s, e);
	record_fini(&record);
	return state;
}

enum outcome
ops_extend(struct nl *nl, const json_t *json, unsigned expiry_s, struct err *e)
{
	struct record record;
	enum outcome outcome;

	if (record_parse(&record, json, e) < 0)
		return OUTCOME_NOT_DONE;
	outcome = restore_extend(nl, &record, expiry_s, e);
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

enum outcome
ops_revert(struct nl *nl, const json_t *json, struct names *notes, struct err *e)
{
	struct names found = { 0 };
	struct record record;
	enum outcome outcome;

	if (record_parse(&record, json, e) < 0)
		return OUTCOME_NOT_DONE;
	outcome = restore_apply(nl, &record, &found, e);
	if (outcome == OUTCOME_DONE)
		note_drift(&record, found.n, notes);
	names_fini(&found);
	record_fini(&record);
	return outcome;
}

enum outcome
ops_sweep(struct nl *nl, bool look_only, struct names *found, struct err *e)
{
	size_t n;

	if (!look_only)
		return restore_apply(nl, NULL, found, e);
	return restore_look(nl, NULL, found, &n, e) < 0 ? OUTCOME_UNKNOWN : OUTCOME_DONE;
}

int
ops_generation(struct nl *nl, uint64_t *generation, struct err *e)
{
	uint32_t number;

	if (ruleset_generation(nl, &number, e) < 0)
		return -1;
	*generation = number;
	return 0;
}

int
ops_cover(struct nl *nl, const json_t *json, struct cover **cover, struct err *e)
{
	struct record record;
	int rc;

	if (record_parse(&record, json, e) < 0)
		return -1;
	rc = cover_read(cover, nl, &record, e);
	record_fini(&record);
	return rc;
}
