/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The exec backend: backend.h's operations by programs of the administrator's own, one a target.
 * What a target's program is asked is in call.h, what it is told in entry.h.
 *
 * Each target is a lift of its own (BACKEND_APART); a record may have several all the same, of a
 * version in which they were one. Whatever a program leaves unknown is inspected.
 */
#include <stdint.h>
#include <stdlib.h>

#include "backend.h"
#include "call.h"
#include "plan.h"

struct backend {
	int hold;
};

static int
exec_open(struct backend **backend, struct err *e)
{
	struct backend *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	b->hold = -1;
	*backend = b;
	return 0;
}

static void
exec_close(struct backend *backend)
{
	free(backend);
}

static void
exec_hold(struct backend *backend, int fd)
{
	backend->hold = fd;
}

/* Prefixed with the target: there may be several. */
static int
add_notes(struct names *notes, const struct entry *entry, const struct answer *answer)
{
	char name[NAME_BUF];
	err_name(name, entry->target);
	for (size_t i = 0; notes != NULL && i < answer->notes.n; i++)
		if (names_addf(notes, "%s: %s", name, answer->notes.v[i]) != 0)
			return -1;
	return 0;
}

/* --- plan ---------------------------------------------------------------------------------------
 */

static void
exec_plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	json_decref(plan->data);
	plan_free_shared(plan);
}

/* Moves them out of the answer. */
static int
take_steps(struct plan *plan, size_t target, struct answer *answer)
{
	struct step *grown = reallocarray(plan->steps, plan->n + answer->n, sizeof(*grown));
	if (grown == NULL)
		return -1;
	plan->steps = grown;
	for (size_t i = 0; i < answer->n; i++) {
		struct step *step = &plan->steps[plan->n++];
		*step = answer->steps[i];
		step->target = target;
		step->how = "exec";
	}
	free(answer->steps);
	answer->steps = NULL;
	answer->n = 0;
	return 0;
}

/* A target without steps has nothing in the way: its program is not asked again. */
static int
take_answer(struct plan *plan, size_t target, const struct entry *entry, json_t *json,
	    struct answer *answer)
{
	if (add_notes(&plan->notes, entry, answer) != 0)
		return -1;
	if (answer->n == 0)
		return 0;
	if (answer->record != NULL && json_object_set(json, "record", answer->record) != 0)
		return -1;
	if (json_array_append(plan->data, json) != 0)
		return -1;
	return take_steps(plan, target, answer);
}

static int
plan_target(struct plan *plan, const struct lift_request *request, size_t target, struct err *e)
{
	json_t *json = entry_make(request->targets[target], request);
	struct answer answer;
	struct entry entry;
	if (json == NULL)
		return err_set(e, ERR_FAILED, "out of memory while planning");
	int rc = entry_parse(&entry, json, e);
	if (rc == 0 && call(&entry, OPERATION_PLAN, entry.expiry_s, -1, &answer, e) != OUTCOME_DONE)
		rc = -1;
	else if (rc == 0) {
		rc = take_answer(plan, target, &entry, json, &answer);
		answer_fini(&answer);
		if (rc != 0)
			err_set(e, ERR_FAILED, "out of memory while planning");
	}
	json_decref(json);
	return rc;
}

static int
exec_plan(struct backend *backend, const struct lift_request *request, struct plan **plan,
	  struct err *e)
{
	struct plan *made = calloc(1, sizeof(*made));
	(void)backend;
	if (made == NULL || (made->data = json_array()) == NULL) {
		free(made);
		return err_set(e, ERR_FAILED, "out of memory while planning");
	}
	for (size_t i = 0; i < request->n; i++) {
		if (plan_target(made, request, i, e) != 0) {
			exec_plan_free(made);
			return -1;
		}
	}
	*plan = made;
	return 0;
}

/* A copy: apply may still change what the plan has. */
static json_t *
exec_record(const struct plan *plan)
{
	return json_deep_copy(plan->data);
}

/* --- one entry of a record ----------------------------------------------------------------------
 */

static enum lift_state
inspect_entry(const json_t *json, unsigned *left_s, struct err *e)
{
	struct answer answer;
	struct entry entry;
	*left_s = 0;
	if (entry_parse(&entry, json, e) != 0 ||
	    call(&entry, OPERATION_INSPECT, entry.expiry_s, -1, &answer, e) != OUTCOME_DONE)
		return LIFT_UNKNOWN;
	enum lift_state state = answer.state;
	if (state == LIFT_LIFTED)
		*left_s = answer.left_s;
	answer_fini(&answer);
	return state;
}

static enum outcome
revert_entry(const struct backend *backend, const json_t *json, struct names *notes, struct err *e)
{
	struct answer answer;
	struct entry entry;
	if (entry_parse(&entry, json, e) != 0)
		return OUTCOME_NOT_DONE;
	enum outcome outcome =
		call(&entry, OPERATION_REVERT, entry.expiry_s, backend->hold, &answer, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	/* It is reverted, told or not. */
	(void)add_notes(notes, &entry, &answer);
	answer_fini(&answer);
	return OUTCOME_DONE;
}

static enum outcome
extend_entry(const struct backend *backend, const json_t *json, unsigned expiry_s, struct err *e)
{
	struct answer answer;
	struct entry entry;
	if (entry_parse(&entry, json, e) != 0)
		return OUTCOME_NOT_DONE;
	enum outcome outcome = call(&entry, OPERATION_EXTEND, expiry_s, backend->hold, &answer, e);
	if (outcome == OUTCOME_DONE)
		answer_fini(&answer);
	return outcome;
}

/* After "unknown": what is seen decides. */
static enum outcome
seen_outcome(const json_t *json)
{
	struct err unread = ERR_INIT;
	unsigned left_s;
	enum lift_state state = inspect_entry(json, &left_s, &unread);
	if (state == LIFT_LIFTED)
		return OUTCOME_DONE;
	return state == LIFT_NOT_LIFTED ? OUTCOME_NOT_DONE : OUTCOME_UNKNOWN;
}

static enum outcome
apply_entry(const struct backend *backend, struct names *notes, json_t *json, struct err *e)
{
	struct err why = ERR_INIT;
	struct answer answer;
	struct entry entry;
	if (entry_parse(&entry, json, e) != 0)
		return OUTCOME_NOT_DONE;
	enum outcome outcome =
		call(&entry, OPERATION_APPLY, entry.expiry_s, backend->hold, &answer, &why);
	if (outcome == OUTCOME_UNKNOWN)
		outcome = seen_outcome(json);
	else if (outcome == OUTCOME_DONE) {
		if (add_notes(notes, &entry, &answer) != 0 ||
		    (answer.record && json_object_set(json, "record", answer.record) != 0)) {
			err_set(&why, ERR_FAILED, "out of memory");
			outcome = OUTCOME_UNKNOWN;
		}
		answer_fini(&answer);
	}
	if (outcome != OUTCOME_DONE && !e->code)
		*e = why;
	return outcome;
}

/* --- all of them --------------------------------------------------------------------------------
 */

static enum outcome
worse(enum outcome a, enum outcome b)
{
	if (a == OUTCOME_UNKNOWN || b == OUTCOME_UNKNOWN)
		return OUTCOME_UNKNOWN;
	return a == OUTCOME_DONE ? b : a;
}

/* After a failure the caller takes back what may be lifted. */
static enum outcome
exec_apply(struct backend *backend, struct plan *plan, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;
	for (size_t i = 0; i < json_array_size(plan->data) && outcome == OUTCOME_DONE; i++)
		outcome = apply_entry(backend, &plan->notes, json_array_get(plan->data, i), e);
	return outcome;
}

/* All of them lifted, or all gone; in between something is closed, or somebody was there. */
static enum lift_state
exec_inspect(struct backend *backend, const json_t *record, unsigned *left_s, struct err *e)
{
	size_t count[LIFT_UNKNOWN + 1] = { 0 };
	const size_t n = json_array_size(record);
	(void)backend;
	*left_s = 0;
	if (!json_is_array(record)) {
		err_set(e, ERR_FAILED, "the record is not one of the exec backend's");
		return LIFT_UNKNOWN;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned left;
		enum lift_state state = inspect_entry(json_array_get(record, i), &left, e);
		if (state == LIFT_UNKNOWN)
			return LIFT_UNKNOWN;
		count[state]++;
		if (left > 0 && (*left_s == 0 || left < *left_s))
			*left_s = left;
	}
	if (count[LIFT_NOT_LIFTED] == n)
		return LIFT_NOT_LIFTED;
	if (count[LIFT_LIFTED] == n)
		return LIFT_LIFTED;
	return count[LIFT_LIFTED] + count[LIFT_CLOSED] == n ? LIFT_CLOSED : LIFT_DRIFTED;
}

static enum outcome
exec_extend(struct backend *backend, const json_t *record, unsigned expiry_s, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;
	for (size_t i = 0; i < json_array_size(record) && outcome == OUTCOME_DONE; i++)
		outcome = extend_entry(backend, json_array_get(record, i), expiry_s, e);
	return outcome;
}

static enum outcome
exec_revert(struct backend *backend, const json_t *record, struct names *notes, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;
	if (!json_is_array(record)) {
		err_set(e, ERR_FAILED, "the record is not one of the exec backend's");
		return OUTCOME_NOT_DONE;
	}
	for (size_t i = json_array_size(record); i-- > 0;)
		outcome =
			worse(outcome, revert_entry(backend, json_array_get(record, i), notes, e));
	return outcome;
}

static const struct backend_ops ops = {
	.abi = BACKEND_ABI,
	.name = "exec",
	.caps = BACKEND_SURVIVES_BOOT | BACKEND_ALL_RIGHTS | BACKEND_APART,
	.open = exec_open,
	.close = exec_close,
	.hold = exec_hold,
	.plan = exec_plan,
	.record = exec_record,
	.plan_free = exec_plan_free,
	.apply = exec_apply,
	.inspect = exec_inspect,
	.extend = exec_extend,
	.revert = exec_revert,
};

__attribute__((visibility("default"))) const struct backend_ops *
geopause_backend(void)
{
	return &ops;
}
