/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "own.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commit.h"
#include "expiry.h"
#include "own_private.h"
#include "pending.h"
#include "plan.h"
#include "pointer.h"

#define ONCE_MS (60 * 1000)

const json_t *
own_call(const struct session *s, const char *name)
{
	return json_object_get(s->recipe->part, name);
}

bool
own_is_absence(const struct session *s)
{
	const char *identity = json_string_value(own_call(s, "identity"));
	return identity != NULL && strcmp(identity, "absence") == 0;
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory");
}

/* --- what is read first -------------------------------------------------------------------------
 */

static int
read_once(struct session *s, const json_t *call, json_t *captured, struct err *e)
{
	const struct scope scope = { .names = captured, .parent = &s->params };
	struct answer answer;
	json_t *found = NULL;
	int rc;
	if (json_object_get(call, "array") != NULL || json_object_get(call, "one") != NULL) {
		rc = call_find(s, call, &scope, &found, captured, e);
		if (rc == 0 && found == NULL)
			rc = err_set(e, ERR_FAILED, "what the recipe looks for is not there");
		json_decref(found);
		return rc;
	}
	rc = call_do(s, call, &scope, &answer, e) == OUTCOME_DONE ? 0 : -1;
	if (rc == 0 && json_object_update(captured, answer.captured) != 0)
		rc = no_memory(e);
	answer_fini(&answer);
	return rc;
}

int
own_once(struct session *s, struct err *e)
{
	json_t *captured, *call;
	size_t i;
	if (s->once != NULL && http_now_ms() - s->once_ms < ONCE_MS)
		return 0;
	captured = json_object();
	if (captured == NULL)
		return no_memory(e);
	json_array_foreach ((json_t *)(uintptr_t)own_call(s, "once"), i, call) {
		if (read_once(s, call, captured, e) != 0) {
			json_decref(captured);
			return -1;
		}
	}
	json_decref(s->once);
	s->once = captured;
	s->once_ms = http_now_ms();
	return 0;
}

int
own_find(struct session *s, const struct object *object, json_t **found, json_t *captured,
	 struct err *e)
{
	return call_find(s, own_call(s, "find"), &object->scope, found, captured, e);
}

/* --- plan ---------------------------------------------------------------------------------------
 */

static int
check_absent(struct session *s, const struct object *object, struct err *e)
{
	json_t *captured = json_object(), *found = NULL;
	int rc = captured != NULL ? own_find(s, object, &found, captured, e) : no_memory(e);
	if (rc == 0 && found != NULL)
		rc = err_set(
			e, ERR_FAILED,
			"what would be added is there already, and not by this lift: taking it "
			"back would delete somebody else's; take the target out of the policy "
			"if it is open for good, or remove that object");
	json_decref(found);
	json_decref(captured);
	return rc;
}

/* A number of the recipe's "priority", which may be a template. */
static int
number_of(const json_t *priority, const char *name, const struct session *s, json_int_t fallback,
	  json_int_t *number, struct err *e)
{
	const json_t *value = json_object_get(priority, name);
	char *text, *end;
	*number = json_is_integer(value) ? json_integer_value(value) : fallback;
	if (!json_is_string(value))
		return 0;
	text = template_expand(json_string_value(value), &s->params, TEMPLATE_TEXT, e);
	if (text == NULL)
		return -1;
	*number = strtoll(text, &end, 10);
	int rc = end != text && *end == '\0'
			 ? 0
			 : err_set(e, ERR_FAILED, "priority.%s is no number: \"%s\"", name, text);
	free(text);
	return rc;
}

static bool
is_taken(const json_t *list, const char *at, json_int_t number)
{
	size_t i;
	json_t *element;
	json_array_foreach ((json_t *)(uintptr_t)list, i, element) {
		const json_t *value = pointer_get(element, at);
		const char *text = json_string_value(value);
		if (text != NULL
			    ? strtoll(text, NULL, 10) == number
			    : json_is_number(value) && json_number_value(value) == (double)number)
			return true;
	}
	return false;
}

/* The smallest one that nobody has, neither another of ours. */
static int
free_priority(struct session *s, const json_t *priority, const json_t *list, const json_t *ours,
	      json_int_t *number, struct err *e)
{
	const char *at = json_string_value(json_object_get(priority, "at"));
	json_int_t from, to, step;
	if (number_of(priority, "from", s, 1, &from, e) != 0 ||
	    number_of(priority, "to", s, 65535, &to, e) != 0 ||
	    number_of(priority, "step", s, 1, &step, e) != 0)
		return -1;
	for (*number = from; *number<to; *number += step> 0 ? step : 1)
		if (!is_taken(list, at != NULL ? at : "", *number) &&
		    !is_taken(ours, "/priority", *number))
			return 0;
	return err_set(e, ERR_FAILED, "there is no free priority from %lld on below %lld",
		       (long long)from, (long long)to);
}

static int
plan_priority(struct session *s, const struct object *object, const json_t *ours, json_t *journaled,
	      struct err *e)
{
	const json_t *priority = own_call(s, "priority");
	json_int_t number;
	json_t *list;
	if (priority == NULL)
		return 0;
	list = call_list(s, own_call(s, "find"), &object->scope, e);
	int rc = list != NULL ? free_priority(s, priority, list, ours, &number, e) : -1;
	if (rc == 0 && json_object_set_new(journaled, "priority", json_integer(number)) != 0)
		rc = no_memory(e);
	json_decref(list);
	return rc;
}

static int
plan_object(struct session *s, size_t i, json_t *objects, struct err *e)
{
	struct object object;
	json_t *journaled = own_is_absence(s) ? json_pack("{s:b}", "absence", 1) : json_object();
	if (journaled == NULL)
		return no_memory(e);
	int rc = object_init(&object, s, i, e);
	if (rc == 0) {
		rc = check_absent(s, &object, e);
		if (rc == 0)
			rc = plan_priority(s, &object, objects, journaled, e);
		object_fini(&object);
	}
	if (rc == 0 && json_array_append(objects, journaled) != 0)
		rc = no_memory(e);
	json_decref(journaled);
	return rc;
}

int
own_plan(struct session *s, struct err *e)
{
	json_t *objects = json_array();
	int rc = objects != NULL ? own_once(s, e) : no_memory(e);
	for (size_t i = 0; rc == 0 && i < objects_count(s); i++)
		rc = plan_object(s, i, objects, e);
	if (rc == 0 && json_object_set(s->entry_json, "objects", objects) != 0)
		rc = no_memory(e);
	if (rc == 0)
		s->entry.objects = objects; /* the entry has a reference */
	json_decref(objects);
	return rc;
}

char *
own_describe(struct session *s, size_t i, struct err *e)
{
	struct object object;
	if (object_init(&object, s, i, e) != 0)
		return NULL;
	char *text = call_describe(s, own_call(s, "create"), &object.scope, e);
	object_fini(&object);
	return text;
}

/* --- all objects --------------------------------------------------------------------------------
 */

static enum outcome
for_object(struct session *s, size_t i,
	   enum outcome (*what)(struct session *s, const struct object *object, struct err *e),
	   struct err *e)
{
	struct object object;
	if (object_init(&object, s, i, e) != 0)
		return OUTCOME_NOT_DONE;
	enum outcome outcome = what(s, &object, e);
	object_fini(&object);
	return outcome;
}

/* Once for all of them. */
static enum outcome
commit_all(struct session *s, struct err *e)
{
	const struct scope scope = { .names = s->once, .parent = &s->params };
	return commit(s, &scope, e);
}

/* Providers lock what they are at: whatever comes after that is left for own_go_on. */
static enum outcome
create_from(struct session *s, size_t first,
	    enum outcome (*create)(struct session *s, const struct object *object, struct err *e),
	    struct err *e)
{
	const size_t n = objects_count(s);
	enum outcome outcome = own_once(s, e) == 0 ? OUTCOME_DONE : OUTCOME_NOT_DONE;
	pending_set_remains(s, PENDING_ALL_MADE);
	commit_is_due(s);
	const size_t steps = s->uncommitted ? n + 1 : n;
	for (size_t i = first; outcome == OUTCOME_DONE && i < n; i++) {
		outcome = for_object(s, i, create, e);
		if (outcome == OUTCOME_DONE && i + 1 < steps && pending_is_begun(s)) {
			pending_set_remains(s, i + 1);
			return outcome;
		}
	}
	return outcome == OUTCOME_DONE ? commit_all(s, e) : outcome;
}

enum outcome
own_apply(struct session *s, struct err *e)
{
	return create_from(s, 0, own_create, e);
}

enum outcome
own_go_on(struct session *s, size_t first, struct err *e)
{
	return create_from(s, first, own_create_absent, e);
}

/*
 * From the last one down; goes on after a failure. Each is looked for right before it is deleted,
 * because ids may shift; with "stable_ids" a list that was read holds until a reply is unclear.
 */
enum outcome
own_revert(struct session *s, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;
	if (own_once(s, e) != 0)
		return OUTCOME_NOT_DONE;
	commit_is_due(s);
	s->stable = json_is_true(own_call(s, "stable_ids"));
	for (size_t i = objects_count(s); i-- > 0;)
		outcome = outcome_worse(outcome, for_object(s, i, own_delete, e));
	s->stable = false;
	session_forget(s);
	/* Also when all are gone: whoever deleted them may have died before this. */
	return outcome_worse(outcome, commit_all(s, e));
}

/* --- expiry -------------------------------------------------------------------------------------
 */

/*
 * An expression that has become false is still there. Where the deadline can be moved another
 * process may have done so: then it counts as open.
 */
static bool
is_over(const struct session *s)
{
	const char *kind = json_string_value(json_object_get(s->recipe->deadman, "kind"));
	return kind != NULL && strcmp(kind, "expression") == 0 && expiry_left_s(s) == 0 &&
	       own_call(s, "extend") == NULL;
}

enum outcome
own_extend(struct session *s, unsigned expiry_s, struct err *e)
{
	const int64_t before = json_integer_value(json_object_get(s->params.names, "deadline"));
	const int64_t deadline = (int64_t)time(NULL) + expiry_s;
	enum outcome outcome;
	if (expiry_is_settled(s, deadline, &outcome, e))
		return outcome;
	if (own_once(s, e) != 0 || session_set_deadline(s, deadline, e) != 0)
		return OUTCOME_NOT_DONE;
	for (size_t i = 0; outcome == OUTCOME_DONE && i < objects_count(s); i++)
		outcome = for_object(s, i, own_move, e);
	if (outcome == OUTCOME_DONE && own_call(s, "commit") != NULL && pending_is_begun(s))
		pending_set_remains(s, objects_count(s));
	else if (outcome == OUTCOME_DONE)
		outcome = commit_all(s, e);
	if (outcome != OUTCOME_DONE)
		(void)session_set_deadline(s, before, e);
	return outcome;
}

/* --- inspect ------------------------------------------------------------------------------------
 */

/* How many of the objects are there; -1: could not be read. */
static int
count_found(struct session *s, size_t *n, struct err *e)
{
	*n = 0;
	for (size_t i = 0; i < objects_count(s); i++) {
		struct object object;
		if (object_init(&object, s, i, e) != 0)
			return -1;
		json_t *matches = call_matches(s, own_call(s, "find"), &object.scope, e);
		object_fini(&object);
		if (matches == NULL)
			return -1;
		*n += json_array_size(matches) > 0;
		json_decref(matches);
	}
	return 0;
}

enum lift_state
own_inspect(struct session *s, unsigned *left_s, struct err *e)
{
	size_t n;
	*left_s = 0;
	if (own_once(s, e) != 0 || count_found(s, &n, e) != 0)
		return LIFT_UNKNOWN;
	if (s->uncommitted) {
		err_set(e, ERR_FAILED, "what was written last may not be in force yet");
		return LIFT_UNKNOWN;
	}
	if (n == 0)
		return LIFT_NOT_LIFTED;
	if (is_over(s))
		return LIFT_CLOSED;
	*left_s = expiry_left_s(s);
	return n == objects_count(s) ? LIFT_LIFTED : LIFT_DRIFTED;
}
