/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "patching.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "commit.h"
#include "expiry.h"
#include "operation.h"
#include "pending.h"
#include "plan.h"
#include "predicate.h"
#include "reading.h"

#define CONFLICTS 5 /* how often it is read and written again when somebody else was faster */

static const json_t *
part(const struct session *s, const char *name)
{
	return json_object_get(s->recipe->part, name);
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory");
}

/* --- how all operations stand -------------------------------------------------------------------
 */

/* Counted by operation_state; without a rule, what may have been moved away with it. */
struct standing {
	size_t n[OPERATION_OTHER_OURS + 1];
	size_t all;
};

static struct standing
standing_of(const struct session *s, const struct reading *reading)
{
	struct standing standing = { .all = json_array_size(s->entry.patched) };
	size_t i;
	json_t *operation;
	if (reading->rule == NULL) {
		const bool ours = operations_are_in(s->entry.patched, reading->body);
		standing.n[ours ? OPERATION_OTHER_OURS : OPERATION_OTHER] = standing.all;
		return standing;
	}
	json_array_foreach (s->entry.patched, i, operation)
		standing.n[operation_state(operation, reading->rule)]++;
	return standing;
}

static void
set_missing(struct err *e)
{
	err_set(e, ERR_FAILED, "the rule that the policy names is not there");
}

/* --- plan ---------------------------------------------------------------------------------------
 */

static int
is_already(const struct session *s, const struct reading *reading, bool *already, struct err *e)
{
	int holds = part(s, "already") != NULL
			    ? predicates_hold(part(s, "already"), reading->rule, &reading->scope, e)
			    : 0;
	*already = holds == 1;
	return holds < 0 ? -1 : 0;
}

int
patch_plan(struct session *s, bool *already, struct err *e)
{
	struct reading reading;
	json_t *operations = NULL;
	*already = false;
	if (reading_init(&reading, s, e) != 0)
		return -1;
	int rc = reading.rule != NULL ? is_already(s, &reading, already, e) : -1;
	if (reading.rule == NULL)
		set_missing(e);
	if (rc == 0 && !*already) {
		operations = operations_make(s, reading.rule, &reading.scope, e);
		rc = operations != NULL ? 0 : -1;
		*already = rc == 0 && json_array_size(operations) == 0;
	}
	if (operations != NULL && json_object_set(s->entry_json, "patched", operations) != 0)
		rc = no_memory(e);
	if (rc == 0)
		s->entry.patched = operations; /* the entry has a reference */
	json_decref(operations);
	reading_fini(&reading);
	return rc;
}

/* "PATH: VALUE", a line each. */
char *
patch_describe_before(const struct session *s)
{
	char *text = NULL;
	size_t size, i;
	json_t *operation;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		return NULL;
	json_array_foreach (s->entry.patched, i, operation) {
		const json_t *old = json_object_get(operation, "old");
		char *value = old != NULL ? json_dumps(old, JSON_ENCODE_ANY | JSON_COMPACT |
								    JSON_ENSURE_ASCII)
					  : NULL;
		fprintf(out, "%s%s: %s", i > 0 ? "\n" : "",
			json_string_value(json_object_get(operation, "path")),
			value != NULL ? value : "(nothing)");
		free(value);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* The recipe's "write" with this body in place of its own. */
static json_t *
write_call(const struct session *s)
{
	json_t *call = json_copy((json_t *)(uintptr_t)part(s, "write"));
	if (call != NULL && json_object_get(call, "body") != NULL)
		json_object_set_new(call, "body", json_string("${patch.body}"));
	return call;
}

/* names: {"patch.body"}, to be freed; the call as well. */
static int
prepare_write(const struct session *s, const struct reading *reading, json_t **call,
	      struct scope *scope, struct err *e)
{
	json_t *body = NULL;
	*call = write_call(s);
	*scope = (struct scope){ .names = json_object(), .parent = &reading->scope };
	if (*call == NULL || scope->names == NULL)
		return no_memory(e);
	if (json_object_get(*call, "body") == NULL)
		return 0;
	body = reading_write_body(reading, s, e);
	if (body == NULL)
		return -1;
	return json_object_set_new(scope->names, "patch.body", body) == 0 ? 0 : no_memory(e);
}

static enum outcome
write_rule(struct session *s, const struct reading *reading, struct answer *answer, struct err *e)
{
	json_t *call;
	struct scope scope;
	enum outcome outcome = OUTCOME_NOT_DONE;
	*answer = (struct answer){ 0 };
	if (prepare_write(s, reading, &call, &scope, e) == 0)
		outcome = call_do(s, call, &scope, answer, e);
	json_decref(call);
	json_decref(scope.names);
	return outcome;
}

static int
do_all(const struct session *s, struct reading *reading, struct err *e)
{
	size_t i;
	json_t *operation;
	json_array_foreach (s->entry.patched, i, operation) {
		if (operation_do(operation, reading->rule, e) != 0)
			return -1;
	}
	return 0;
}

/* Only where ours stands; from the last one down. */
static int
undo_ours(const struct session *s, struct reading *reading, struct err *e)
{
	for (size_t i = json_array_size(s->entry.patched); i-- > 0;) {
		const json_t *operation = json_array_get(s->entry.patched, i);
		if (operation_state(operation, reading->rule) == OPERATION_OURS &&
		    operation_undo(operation, reading->rule, e) != 0)
			return -1;
	}
	return 0;
}

char *
patch_describe(struct session *s, struct err *e)
{
	struct reading reading;
	struct scope scope;
	json_t *call;
	char *text = NULL;
	/* From the reply that is kept. */
	if (reading_init(&reading, s, e) != 0)
		return NULL;
	if (reading.rule == NULL)
		set_missing(e);
	else if (do_all(s, &reading, e) == 0) {
		if (prepare_write(s, &reading, &call, &scope, e) == 0)
			text = call_describe(s, call, &scope, e);
		json_decref(call);
		json_decref(scope.names);
	}
	reading_fini(&reading);
	return text;
}

/* --- one way to a state: lifted, or not ---------------------------------------------------------
 */

enum way_end {
	WAY_REACHED, /* nothing to be written */
	WAY_WRITE,
	WAY_REFUSED, /* e says why */
};

/* Prepares the reading for the write. */
typedef enum way_end way(const struct session *s, struct reading *reading, struct err *e);

static enum way_end
way_lift(const struct session *s, struct reading *reading, struct err *e)
{
	const struct standing standing = standing_of(s, reading);
	if (standing.n[OPERATION_OURS] == standing.all)
		return WAY_REACHED;
	if (standing.n[OPERATION_OLD] != standing.all) {
		err_set(e, ERR_FAILED,
			"somebody has changed the rule since it was planned; try again");
		return WAY_REFUSED;
	}
	return do_all(s, reading, e) == 0 ? WAY_WRITE : WAY_REFUSED;
}

static enum way_end
way_restore(const struct session *s, struct reading *reading, struct err *e)
{
	const struct standing standing = standing_of(s, reading);
	if (standing.n[OPERATION_OURS] == 0)
		return WAY_REACHED;
	return undo_ours(s, reading, e) == 0 ? WAY_WRITE : WAY_REFUSED;
}

/* Reads, and writes if something is to be written. *again: not done, and it may be tried again. */
static enum outcome
go_once(struct session *s, way *where, bool *again, bool *conflict, int64_t *pause, struct err *e)
{
	struct reading reading;
	struct answer answer;
	enum outcome outcome = OUTCOME_NOT_DONE;
	*again = false;
	if (reading_init(&reading, s, e) != 0)
		return OUTCOME_UNKNOWN;
	switch (where(s, &reading, e)) {
	case WAY_REACHED:
		outcome = OUTCOME_DONE;
		break;
	case WAY_WRITE:
		commit_is_due(s);
		outcome = write_rule(s, &reading, &answer, e);
		*again = outcome != OUTCOME_DONE && !write_is_final(outcome, &answer);
		*conflict = answer.conflict;
		*pause = write_pause_ms(&answer);
		answer_fini(&answer);
		break;
	case WAY_REFUSED:
	default:
		break;
	}
	if (outcome == OUTCOME_DONE)
		outcome = commit(s, &reading.scope, e);
	reading_fini(&reading);
	return outcome;
}

/* Whatever is not known to have been written is read before it is written again. */
static enum outcome
go(struct session *s, way *where, struct err *e)
{
	int repeats = 0, conflicts = 0;
	for (;;) {
		struct err why = ERR_INIT;
		bool again, conflict = false;
		int64_t pause = 0;
		enum outcome outcome = go_once(s, where, &again, &conflict, &pause, &why);
		if (outcome == OUTCOME_DONE)
			return outcome;
		bool more = conflict ? conflicts++ < CONFLICTS : repeats++ < WRITE_REPEATS + 1;
		if (again && more && session_wait(s, conflict ? 0 : pause))
			continue;
		if (e->code == ERR_NONE)
			*e = why;
		return outcome;
	}
}

/* The commit is left for the next call if the provider is at what it is to put into force. */
enum outcome
patch_apply(struct session *s, struct err *e)
{
	enum outcome outcome = go(s, way_lift, e);
	const bool remains = outcome == OUTCOME_UNKNOWN && s->uncommitted && pending_is_begun(s);
	pending_set_remains(s, remains ? 0 : PENDING_ALL_MADE);
	if (!remains)
		return outcome;
	*e = ERR_INIT;
	return OUTCOME_DONE;
}

enum outcome
patch_extend(struct session *s, unsigned expiry_s, struct err *e)
{
	enum outcome outcome = OUTCOME_NOT_DONE;
	if (!expiry_is_settled(s, (int64_t)time(NULL) + expiry_s, &outcome, e))
		err_set(e, ERR_FAILED, "a patched rule's deadline cannot be moved");
	return outcome;
}

/* --- restore ------------------------------------------------------------------------------------
 */

static void
note_change(const json_t *operation, const char *what, struct names *notes)
{
	char path[NAME_BUF];
	if (notes != NULL)
		(void)names_addf(
			notes, "%s: %s",
			err_name(path, json_string_value(json_object_get(operation, "path"))),
			what);
}

/* What is neither ours nor as it was stays. */
static enum outcome
note_changes(const struct session *s, const struct reading *reading, struct names *notes,
	     struct err *e)
{
	const struct standing standing = standing_of(s, reading);
	size_t i;
	json_t *operation;
	if (reading->rule == NULL && notes != NULL)
		(void)names_addf(notes, "the rule is not there any more");
	json_array_foreach (s->entry.patched, i, operation) {
		enum operation_state state = reading->rule != NULL
						     ? operation_state(operation, reading->rule)
						     : OPERATION_OLD;
		if (state == OPERATION_OTHER)
			note_change(operation, "somebody else's change is kept", notes);
		else if (state == OPERATION_OTHER_OURS)
			note_change(operation, "somebody else's change is kept, and has ours in it",
				    notes);
	}
	if (standing.n[OPERATION_OTHER_OURS] == 0)
		return OUTCOME_DONE;
	err_set(e, ERR_FAILED,
		"somebody has changed the rule, and what was lifted is still part of it: take it "
		"out by hand");
	return OUTCOME_NOT_DONE;
}

enum outcome
patch_revert(struct session *s, struct names *notes, struct err *e)
{
	struct reading reading;
	enum outcome outcome = OUTCOME_DONE;
	if (s->entry.patched == NULL)
		return OUTCOME_DONE;
	if (reading_init(&reading, s, e) != 0)
		return OUTCOME_UNKNOWN;
	/* Before it is put back: afterwards a change looks like what was there. */
	outcome = note_changes(s, &reading, notes, e);
	reading_fini(&reading);
	/* The first read is kept for this one. */
	return outcome_worse(outcome, go(s, way_restore, e));
}

enum lift_state
patch_inspect(struct session *s, unsigned *left_s, struct err *e)
{
	struct reading reading;
	*left_s = 0;
	if (s->entry.patched == NULL)
		return LIFT_NOT_LIFTED;
	if (reading_init(&reading, s, e) != 0)
		return LIFT_UNKNOWN;
	const struct standing standing = standing_of(s, &reading);
	reading_fini(&reading);
	if (s->uncommitted) {
		err_set(e, ERR_FAILED, "what was written last may not be in force yet");
		return LIFT_UNKNOWN;
	}
	if (standing.n[OPERATION_OURS] + standing.n[OPERATION_OTHER_OURS] == 0)
		return LIFT_NOT_LIFTED;
	*left_s = expiry_left_s(s);
	if (expiry_is_there(s->recipe) && *left_s == 0)
		return LIFT_CLOSED;
	return standing.n[OPERATION_OURS] == standing.all ? LIFT_LIFTED : LIFT_DRIFTED;
}
