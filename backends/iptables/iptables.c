/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The iptables backend: backend.h's operations over the two engines of engine.h. A record is
 * {"nft": ..., "legacy": ...}, with the engines that have steps.
 */
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "iptables_private.h"
#include "plan.h"
#include "unmet.h"

const struct part_of parts[PARTS] = {
	[PART_NFT] = { "nft", &engine_nft },
	[PART_LEGACY] = { "legacy", &engine_legacy },
};

/* What a plan keeps for apply and record. */
struct prepared {
	struct plan *plan[PARTS]; /* NULL: no steps there */
};

/* --- open --- */

/* Tables may have come since: whoever asks for an engine that was not there asks again. */
static int
reach(struct backend *backend, enum part i, struct err *e)
{
	if (backend->engine[i])
		return 0;
	if (parts[i].ops->open(&backend->engine[i], e) < 0) {
		backend->engine[i] = NULL;
		return -1;
	}
	if (backend->engine[i])
		parts[i].ops->hold(backend->engine[i], backend->hold);
	return 0;
}

static int
reach_all(struct backend *backend, struct err *e)
{
	for (enum part i = 0; i < PARTS; i++)
		if (reach(backend, i, e) < 0)
			return -1;
	return 0;
}

static void
iptables_close(struct backend *backend)
{
	if (!backend)
		return;
	for (enum part i = 0; i < PARTS; i++)
		if (backend->engine[i])
			parts[i].ops->close(backend->engine[i]);
	free(backend);
}

static int
iptables_open(struct backend **backend, struct err *e)
{
	struct backend *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(e, ERR_FAILED, "out of memory");
	b->hold = -1;
	if (reach_all(b, e) < 0) {
		iptables_close(b);
		return -1;
	}
	*backend = b;
	return 0;
}

static void
iptables_hold(struct backend *backend, int fd)
{
	backend->hold = fd;
	for (enum part i = 0; i < PARTS; i++)
		if (backend->engine[i])
			parts[i].ops->hold(backend->engine[i], fd);
}

static int
iptables_discover(struct backend *backend, const struct ports *ports, struct observations *found,
		  struct err *e)
{
	if (reach_all(backend, e) < 0)
		return -1;
	for (enum part i = 0; i < PARTS; i++)
		if (backend->engine[i] &&
		    parts[i].ops->discover(backend->engine[i], ports, found, e) < 0)
			return -1;
	return 0;
}

/* --- plan --- */

static void
iptables_plan_free(struct plan *plan)
{
	struct prepared *prepared;

	if (!plan)
		return;
	prepared = plan->data;
	for (enum part i = 0; prepared && i < PARTS; i++)
		if (prepared->plan[i])
			parts[i].ops->plan_free(prepared->plan[i]);
	free(prepared);
	plan_free_shared(plan);
}

/* Moves an engine's steps and notes to the end of the plan's; the engine's plan keeps its data. */
static int
gather(struct plan *plan, struct plan *from, struct err *e)
{
	struct step *steps = reallocarray(plan->steps, plan->n + from->n + 1, sizeof(*plan->steps));

	if (!steps)
		return err_set(e, ERR_FAILED, "out of memory while planning");
	plan->steps = steps;
	if (from->n)
		memcpy(steps + plan->n, from->steps, from->n * sizeof(*steps));
	plan->n += from->n;
	from->n = 0;
	for (size_t i = 0; i < from->notes.n; i++)
		if (names_add(&plan->notes, from->notes.v[i]) < 0)
			return err_set(e, ERR_FAILED, "out of memory while planning");
	return 0;
}

/* Plans in one engine; *steps tells whether it has any. */
static int
plan_part(struct backend *backend, enum part i, const struct lift_request *request, bool beats,
	  struct met *met, struct plan *plan, bool *steps, struct err *e)
{
	struct prepared *prepared = plan->data;
	struct plan *made = NULL;

	*steps = false;
	if (!backend->engine[i])
		return 0;
	if (parts[i].ops->plan(backend->engine[i], request, beats, met, &made, e) < 0)
		return -1;
	*steps = made->n > 0;
	if (*steps)
		prepared->plan[i] = made;
	if (gather(plan, made, e) < 0) {
		if (!*steps)
			parts[i].ops->plan_free(made);
		return -1;
	}
	if (!*steps)
		parts[i].ops->plan_free(made);
	return 0;
}

/* What has no heartbeat decides for all: it is planned first. */
static int
plan_parts(struct backend *backend, const struct lift_request *request, struct met *met,
	   struct plan *plan, struct err *e)
{
	bool legacy, nft;
	struct unmet_place looked[PARTS];

	if (plan_part(backend, PART_LEGACY, request, false, met + request->n, plan, &legacy, e) <
		    0 ||
	    plan_part(backend, PART_NFT, request, !legacy, met, plan, &nft, e) < 0)
		return -1;
	for (enum part i = 0; i < PARTS; i++)
		looked[i] = (struct unmet_place){ .name = parts[i].ops->name,
						  .there = backend->engine[i] != NULL,
						  .met = met + i * request->n };
	if (legacy && nft)
		parts[PART_LEGACY].ops->let_go(backend->engine[PART_LEGACY]);
	return unmet_check(request, looked, PARTS, e);
}

static int
iptables_plan(struct backend *backend, const struct lift_request *request, struct plan **plan,
	      struct err *e)
{
	struct plan *made;
	struct met *met;
	int rc;

	if (unmet_check_size(request, e) < 0 || reach_all(backend, e) < 0)
		return -1;
	made = calloc(1, sizeof(*made));
	met = calloc(PARTS * request->n + 1, sizeof(*met));
	if (!made || !met || !(made->data = calloc(1, sizeof(struct prepared))))
		rc = err_set(e, ERR_FAILED, "out of memory while planning");
	else
		rc = plan_parts(backend, request, met, made, e);
	free(met);
	if (rc < 0)
		iptables_plan_free(made);
	else
		*plan = made;
	return rc;
}

static json_t *
iptables_record(const struct plan *plan)
{
	const struct prepared *prepared = plan->data;
	json_t *record = json_object();

	for (enum part i = 0; record && i < PARTS; i++) {
		if (!prepared->plan[i])
			continue;
		if (json_object_set_new(record, parts[i].key,
					parts[i].ops->record(prepared->plan[i])) < 0) {
			json_decref(record);
			return NULL;
		}
	}
	return record;
}

static bool
iptables_beats(const json_t *record)
{
	for (enum part i = 0; i < PARTS; i++)
		if (json_object_get(record, parts[i].key) && !parts[i].ops->beats)
			return false;
	return true;
}

/* --- apply --- */

/* The engine after this one did nothing: OUTCOME_NOT_DONE only if this is seen to be undone. */
static enum outcome
take_back(struct backend *backend, const struct prepared *prepared, enum part i)
{
	struct err ignored = ERR_INIT;
	json_t *record = parts[i].ops->record(prepared->plan[i]);
	enum outcome outcome = OUTCOME_UNKNOWN;
	unsigned left_s;

	if (record &&
	    parts[i].ops->revert(backend->engine[i], record, NULL, &ignored) == OUTCOME_DONE &&
	    parts[i].ops->inspect(backend->engine[i], record, &left_s, &ignored) == LIFT_NOT_LIFTED)
		outcome = OUTCOME_NOT_DONE;
	json_decref(record);
	return outcome;
}

static enum outcome
iptables_apply(struct backend *backend, struct plan *plan, struct err *e)
{
	const struct prepared *prepared = plan->data;

	for (enum part i = 0; i < PARTS; i++) {
		enum outcome outcome;

		if (!prepared->plan[i])
			continue;
		outcome = parts[i].ops->apply(backend->engine[i], prepared->plan[i], e);
		if (outcome == OUTCOME_DONE)
			continue;
		for (enum part done = 0; done < i && outcome == OUTCOME_NOT_DONE; done++)
			if (prepared->plan[done])
				outcome = take_back(backend, prepared, done);
		return outcome;
	}
	return OUTCOME_DONE;
}

/* --- what another process may do --- */

struct engine *
engine_of(struct backend *backend, enum part i, const json_t *record, const json_t **part,
	  int *failed, struct err *e)
{
	*failed = 0;
	*part = json_object_get(record, parts[i].key);
	if (!*part)
		return NULL;
	*failed = reach(backend, i, e);
	return backend->engine[i];
}

static enum lift_state
both_states(enum lift_state a, enum lift_state b)
{
	if (a == b)
		return a;
	return a == LIFT_UNKNOWN || b == LIFT_UNKNOWN ? LIFT_UNKNOWN : LIFT_DRIFTED;
}

static enum lift_state
inspect_part(struct backend *backend, enum part i, const json_t *record, unsigned *left_s,
	     struct err *e)
{
	const json_t *part;
	int failed;
	struct engine *engine = engine_of(backend, i, record, &part, &failed, e);

	*left_s = 0;
	if (failed)
		return LIFT_UNKNOWN;
	return engine ? parts[i].ops->inspect(engine, part, left_s, e) : LIFT_NOT_LIFTED;
}

static enum lift_state
iptables_inspect(struct backend *backend, const json_t *record, unsigned *left_s, struct err *e)
{
	enum lift_state state = LIFT_NOT_LIFTED;
	bool first = true;

	*left_s = 0;
	for (enum part i = 0; i < PARTS; i++) {
		unsigned left;
		enum lift_state here;

		if (!json_object_get(record, parts[i].key))
			continue;
		here = inspect_part(backend, i, record, &left, e);
		state = first ? here : both_states(state, here);
		first = false;
		*left_s = left > *left_s ? left : *left_s;
	}
	return state;
}

static enum outcome
iptables_extend(struct backend *backend, const json_t *record, unsigned expiry_s, struct err *e)
{
	bool some = false;

	for (enum part i = 0; i < PARTS; i++) {
		const json_t *part;
		int failed;
		struct engine *engine = engine_of(backend, i, record, &part, &failed, e);
		enum outcome outcome = OUTCOME_NOT_DONE;

		if (!part)
			continue;
		if (!failed && !engine)
			err_set(e, ERR_FAILED, "%s: its tables are gone", parts[i].ops->name);
		else if (!failed)
			outcome = parts[i].ops->extend(engine, part, expiry_s, e);
		if (outcome != OUTCOME_DONE)
			return some ? OUTCOME_UNKNOWN : outcome;
		some = true;
	}
	return OUTCOME_DONE;
}

static enum outcome
iptables_revert(struct backend *backend, const json_t *record, struct names *notes, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	for (enum part i = PARTS; i-- > 0;) {
		const json_t *part;
		int failed;
		struct engine *engine = engine_of(backend, i, record, &part, &failed, e);

		if (failed)
			outcome = outcome_worse(outcome, OUTCOME_NOT_DONE);
		else if (engine)
			outcome = outcome_worse(outcome,
						parts[i].ops->revert(engine, part, notes, e));
		else if (part && notes)
			names_addf(notes, "%s: its tables are gone, and the lift with them",
				   parts[i].ops->name);
	}
	return outcome;
}

static enum outcome
iptables_sweep(struct backend *backend, bool look_only, struct names *found, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	for (enum part i = 0; i < PARTS; i++) {
		if (reach(backend, i, e) < 0)
			outcome = OUTCOME_UNKNOWN;
		else if (backend->engine[i])
			outcome = outcome_worse(outcome, parts[i].ops->sweep(backend->engine[i],
									     look_only, found, e));
	}
	return outcome;
}

static int
iptables_generation(struct backend *backend, uint64_t *generation, struct err *e)
{
	*generation = 0;
	for (enum part i = 0; i < PARTS; i++) {
		uint64_t one = 0;

		if (!backend->engine[i] || !parts[i].ops->generation)
			continue;
		if (parts[i].ops->generation(backend->engine[i], &one, e) < 0)
			return -1;
		*generation = (*generation ^ one) * 0x100000001b3u;
	}
	return 0;
}

static const struct backend_ops ops = {
	.abi = BACKEND_ABI,
	.name = "iptables",
	.caps = BACKEND_KERNEL_EXPIRY | BACKEND_CONCURRENCY | BACKEND_HEARTBEAT,
	.open = iptables_open,
	.close = iptables_close,
	.hold = iptables_hold,
	.discover = iptables_discover,
	.plan = iptables_plan,
	.record = iptables_record,
	.plan_free = iptables_plan_free,
	.beats = iptables_beats,
	.apply = iptables_apply,
	.inspect = iptables_inspect,
	.extend = iptables_extend,
	.revert = iptables_revert,
	.sweep = iptables_sweep,
	.generation = iptables_generation,
	.cover = iptables_cover,
	.flows = iptables_flows,
	.cut = iptables_cut,
	.cover_free = iptables_cover_free,
};

const struct backend_ops *
iptables_backend(void)
{
	return &ops;
}
