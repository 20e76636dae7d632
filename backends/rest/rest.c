/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rest backend: firewalls that are changed over HTTP, each by a recipe (recipe.h). A record is
 * an array of entries (entry.h), one a target. All targets are worked on at once; when one fails
 * the caller takes all of them back.
 */
#include <stdint.h>
#include <stdlib.h>

#include "backend.h"
#include "expiry.h"
#include "http.h"
#include "lifting.h"
#include "plan.h"
#include "recipe.h"
#include "sessions.h"
#include "trace.h"

struct backend {
	struct sessions sessions;
};

static int
rest_open(struct backend **backend, struct err *e)
{
	struct backend *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	if (http_init(e) != 0) {
		free(b);
		return -1;
	}
	*backend = b;
	return 0;
}

static void
rest_close(struct backend *backend)
{
	sessions_fini(&backend->sessions);
	free(backend);
}

static void
rest_trace(struct backend *backend, void (*line)(const char *line))
{
	(void)backend;
	trace_to(line);
}

/* --- jobs ---------------------------------------------------------------------------------------
 */

static void
jobs_free(struct job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		names_fini(&jobs[i].notes);
	free(jobs);
}

/* One for each entry. What cannot be opened has failed already. */
static struct job *
jobs_of(struct backend *backend, const json_t *record, struct err *e)
{
	struct job *jobs = calloc(json_array_size(record) + 1, sizeof(*jobs));
	size_t i;
	json_t *entry;
	if (jobs == NULL) {
		err_set(e, ERR_FAILED, "out of memory");
		return NULL;
	}
	json_array_foreach ((json_t *)(uintptr_t)record, i, entry) {
		jobs[i] = (struct job){ .entry = entry,
					.outcome = OUTCOME_NOT_DONE,
					.state = LIFT_UNKNOWN };
		jobs[i].s = sessions_get(&backend->sessions, entry, &jobs[i].e);
	}
	return jobs;
}

/* The worst of all; e is the first one's that is not done. */
static enum outcome
worst(const struct job *jobs, size_t n, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;
	size_t failed = 0;
	for (size_t i = 0; i < n; i++) {
		outcome = outcome_worse(outcome, jobs[i].outcome);
		if (jobs[i].outcome == OUTCOME_DONE)
			continue;
		if (failed++ == 0 && e->code == ERR_NONE)
			*e = jobs[i].e;
	}
	if (failed > 1) {
		const struct err first = *e;
		*e = ERR_INIT;
		err_set(e, first.code, "%s; %zu other target%s failed, too", first.msg, failed - 1,
			failed == 2 ? "" : "s");
	}
	return outcome;
}

/* Prefixed with the target: there may be several. Told or not, it is done. */
static void
take_notes(struct names *notes, const struct job *jobs, size_t n)
{
	char name[NAME_BUF];
	for (size_t i = 0; notes != NULL && i < n; i++)
		for (size_t k = 0; k < jobs[i].notes.n; k++)
			(void)names_addf(notes, "%s: %s", err_name(name, jobs[i].s->target),
					 jobs[i].notes.v[k]);
}

static bool
is_record(const json_t *record, struct err *e)
{
	if (json_is_array(record))
		return true;
	err_set(e, ERR_FAILED, "the record is not one of the rest backend's");
	return false;
}

/* --- plan ---------------------------------------------------------------------------------------
 */

static void
rest_plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	json_decref(plan->data);
	plan_free_shared(plan);
}

static json_t *
entry_of(const struct target *target, const struct lift_request *request, struct err *e)
{
	struct recipe *recipe;
	json_t *entry = NULL;
	if (recipe_load(&recipe, target->recipe, e) != 0)
		return NULL;
	if (recipe_check_target(recipe, target, &request->ports, e) == 0) {
		entry = entry_make(target, recipe->json, request);
		if (entry == NULL)
			err_set(e, ERR_FAILED, "out of memory while planning");
	}
	recipe_free(recipe);
	return entry;
}

static json_t *
entries_of(const struct lift_request *request, struct err *e)
{
	json_t *entries = json_array();
	for (size_t i = 0; i < request->n; i++) {
		json_t *entry = entry_of(request->targets[i], request, e);
		if (entry == NULL || json_array_append_new(entries, entry) != 0) {
			err_set(e, ERR_FAILED, "out of memory while planning");
			json_decref(entries);
			return NULL;
		}
	}
	return entries;
}

/* What there is nothing to lift of is not asked again. */
static int
take_planned(struct plan *plan, const struct job *jobs, const struct lift_request *request,
	     struct err *e)
{
	for (size_t i = 0; i < request->n; i++) {
		if (jobs[i].nothing)
			continue;
		if (json_array_append(plan->data, jobs[i].entry) != 0)
			return err_set(e, ERR_FAILED, "out of memory while planning");
		if (lifting_steps(jobs[i].s, i, request->explain, plan, e) != 0)
			return -1;
	}
	return 0;
}

static int
plan_entries(struct backend *backend, const struct lift_request *request, const json_t *entries,
	     struct plan *plan, struct err *e)
{
	struct job *jobs = jobs_of(backend, entries, e);
	if (jobs == NULL)
		return -1;
	jobs_run(jobs, request->n, lifting_plan);
	int rc = worst(jobs, request->n, e) == OUTCOME_DONE ? 0 : -1;
	if (rc == 0)
		rc = take_planned(plan, jobs, request, e);
	jobs_free(jobs, request->n);
	return rc;
}

static int
rest_plan(struct backend *backend, const struct lift_request *request, struct plan **plan,
	  struct err *e)
{
	struct plan *made = calloc(1, sizeof(*made));
	if (made == NULL || (made->data = json_array()) == NULL) {
		free(made);
		return err_set(e, ERR_FAILED, "out of memory while planning");
	}
	json_t *entries = entries_of(request, e);
	int rc = entries != NULL ? 0 : -1;
	if (rc == 0)
		rc = plan_entries(backend, request, entries, made, e);
	json_decref(entries);
	if (rc != 0)
		rest_plan_free(made);
	else
		*plan = made;
	return rc;
}

static json_t *
rest_record(const struct plan *plan)
{
	return json_deep_copy(plan->data);
}

static bool
rest_expires(const json_t *record)
{
	bool all = json_array_size(record) > 0;
	size_t i;
	json_t *entry;
	json_array_foreach ((json_t *)(uintptr_t)record, i, entry) {
		const json_t *recipe = json_object_get(entry, "recipe");
		all = all && expiry_is_of(json_object_get(recipe, "deadman"));
	}
	return all;
}

/* --- mutations ----------------------------------------------------------------------------------
 */

static enum outcome
rest_revert(struct backend *backend, const json_t *record, struct names *notes, struct err *e)
{
	const size_t n = json_array_size(record);
	struct job *jobs = is_record(record, e) ? jobs_of(backend, record, e) : NULL;
	if (jobs == NULL)
		return OUTCOME_NOT_DONE;
	jobs_run(jobs, n, lifting_revert);
	enum outcome outcome = worst(jobs, n, e);
	take_notes(notes, jobs, n);
	jobs_free(jobs, n);
	return outcome;
}

/* The worst outcome of all; without memory for them, this one. */
static enum outcome
run_all(struct backend *backend, const json_t *record, void (*run)(struct job *job),
	enum outcome without, struct err *e)
{
	const size_t n = json_array_size(record);
	struct job *jobs = jobs_of(backend, record, e);
	if (jobs == NULL)
		return without;
	jobs_run(jobs, n, run);
	enum outcome outcome = worst(jobs, n, e);
	jobs_free(jobs, n);
	return outcome;
}

static enum outcome
rest_apply(struct backend *backend, struct plan *plan, struct err *e)
{
	return run_all(backend, plan->data, lifting_apply, OUTCOME_NOT_DONE, e);
}

static enum outcome
rest_await(struct backend *backend, const json_t *record, struct err *e)
{
	return run_all(backend, record, lifting_await, OUTCOME_UNKNOWN, e);
}

static bool
rest_pending(struct backend *backend, json_t *record, bool *more)
{
	bool pending = false, remains = false;
	size_t i;
	json_t *entry;
	json_array_foreach (record, i, entry) {
		struct err ignored = ERR_INIT;
		struct job job = { .s = sessions_get(&backend->sessions, entry, &ignored),
				   .entry = entry,
				   .pending = json_object_get(entry, "pending") != NULL,
				   .remains = json_object_get(entry, "remains") != NULL };
		if (job.s != NULL)
			lifting_update(&job);
		pending = pending || job.pending;
		remains = remains || job.remains;
	}
	if (more != NULL)
		*more = remains;
	return pending || remains;
}

static enum outcome
rest_go_on(struct backend *backend, const json_t *record, struct err *e)
{
	return run_all(backend, record, lifting_go_on, OUTCOME_NOT_DONE, e);
}

static enum outcome
rest_extend(struct backend *backend, const json_t *record, unsigned expiry_s, struct err *e)
{
	const size_t n = json_array_size(record);
	struct job *jobs = jobs_of(backend, record, e);
	if (jobs == NULL)
		return OUTCOME_NOT_DONE;
	for (size_t i = 0; i < n; i++)
		jobs[i].expiry_s = expiry_s;
	jobs_run(jobs, n, lifting_extend);
	enum outcome outcome = worst(jobs, n, e);
	jobs_free(jobs, n);
	return outcome;
}

/* --- inspect ------------------------------------------------------------------------------------
 */

/* All of them lifted, or all gone; in between something is closed, or somebody was there. */
static enum lift_state
state_of_all(const struct job *jobs, size_t n, unsigned *left_s, struct err *e)
{
	size_t count[LIFT_UNKNOWN + 1] = { 0 };
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].state == LIFT_UNKNOWN) {
			if (e->code == ERR_NONE)
				*e = jobs[i].e;
			return LIFT_UNKNOWN;
		}
		count[jobs[i].state]++;
		if (jobs[i].left_s > 0 && (*left_s == 0 || jobs[i].left_s < *left_s))
			*left_s = jobs[i].left_s;
	}
	if (count[LIFT_PENDING] > 0)
		return LIFT_PENDING;
	if (count[LIFT_NOT_LIFTED] == n)
		return LIFT_NOT_LIFTED;
	if (count[LIFT_LIFTED] == n)
		return LIFT_LIFTED;
	return count[LIFT_LIFTED] + count[LIFT_CLOSED] == n ? LIFT_CLOSED : LIFT_DRIFTED;
}

static enum lift_state
rest_inspect(struct backend *backend, const json_t *record, unsigned *left_s, struct err *e)
{
	const size_t n = json_array_size(record);
	struct job *jobs = is_record(record, e) ? jobs_of(backend, record, e) : NULL;
	*left_s = 0;
	if (jobs == NULL)
		return LIFT_UNKNOWN;
	jobs_run(jobs, n, lifting_inspect);
	enum lift_state state = state_of_all(jobs, n, left_s, e);
	jobs_free(jobs, n);
	return state;
}

static const struct backend_ops ops = {
	.abi = BACKEND_ABI,
	.name = "rest",
	.caps = BACKEND_SURVIVES_BOOT,
	.open = rest_open,
	.close = rest_close,
	.trace = rest_trace,
	.plan = rest_plan,
	.record = rest_record,
	.plan_free = rest_plan_free,
	.expires = rest_expires,
	.apply = rest_apply,
	.await = rest_await,
	.pending = rest_pending,
	.go_on = rest_go_on,
	.inspect = rest_inspect,
	.extend = rest_extend,
	.revert = rest_revert,
};

__attribute__((visibility("default"))) const struct backend_ops *
geopause_backend(void)
{
	return &ops;
}
