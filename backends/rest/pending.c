/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pending.h"

#include <stdint.h>
#include <time.h>

#include "call.h"

/* --- lists --------------------------------------------------------------------------------------
 */

static bool
is_in(const json_t *list, const json_t *one)
{
	size_t i;
	json_t *other;
	json_array_foreach ((json_t *)(uintptr_t)list, i, other) {
		if (json_equal(other, one))
			return true;
	}
	return false;
}

static int
add(json_t **list, json_t *one)
{
	if (*list == NULL)
		*list = json_array();
	return is_in(*list, one) ? 0 : json_array_append(*list, one);
}

/* Appends what has not ended. */
static int
add_open(const struct session *s, json_t *all, const json_t *list)
{
	size_t i;
	json_t *one;
	json_array_foreach ((json_t *)(uintptr_t)list, i, one) {
		if (!is_in(s->ended, one) && !is_in(all, one) && json_array_append(all, one) != 0)
			return -1;
	}
	return 0;
}

/* A new array, or NULL when memory is gone. */
static json_t *
all_of(const struct session *s, const json_t *entry)
{
	json_t *all = json_array();
	if (all != NULL && (add_open(s, all, json_object_get(entry, "pending")) != 0 ||
			    add_open(s, all, s->begun) != 0)) {
		json_decref(all);
		return NULL;
	}
	return all;
}

static void
has_ended(struct session *s, json_t *one)
{
	(void)add(&s->ended, one);
}

/* --- noting -------------------------------------------------------------------------------------
 */

struct naming {
	const struct session *s;
	const struct scope *scope;
	json_t *names;
};

/* What is neither a param nor a secret: those every process has. */
static int
add_name(void *data, const char *name, bool optional, struct err *e)
{
	const struct naming *x = data;
	(void)optional;
	for (const struct scope *scope = x->scope; scope != NULL && scope != &x->s->params;
	     scope = scope->parent) {
		json_t *value = json_object_get(scope->names, name);
		if (value == NULL)
			continue;
		return json_object_set(x->names, name, value) == 0
			       ? 0
			       : err_set(e, ERR_FAILED, "out of memory");
	}
	return 0;
}

static int
add_names(const json_t *json, struct naming *x)
{
	struct err ignored = ERR_INIT;
	size_t i;
	const char *key;
	json_t *one;
	if (json_is_string(json))
		return template_variables(json_string_value(json), add_name, x, &ignored);
	json_array_foreach ((json_t *)(uintptr_t)json, i, one) {
		if (add_names(one, x) != 0)
			return -1;
	}
	json_object_foreach ((json_t *)(uintptr_t)json, key, one) {
		if (add_names(one, x) != 0)
			return -1;
	}
	return 0;
}

/* The name of the call whose poll this is, or NULL. */
static const char *
call_of(const struct session *s, const json_t *poll)
{
	const char *name;
	json_t *call;
	json_object_foreach ((json_t *)(uintptr_t)s->recipe->part, name, call) {
		if (json_object_get(call, "poll") == poll)
			return name;
	}
	return NULL;
}

/* So that the same call, made again, is another one. */
static json_int_t
now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (json_int_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
pending_note(struct session *s, const json_t *poll, const struct scope *scope)
{
	const char *call = call_of(s, poll);
	struct naming x = { .s = s, .scope = scope, .names = json_object() };
	json_t *one = call != NULL && x.names != NULL && add_names(poll, &x) == 0
			      ? json_pack("{s:s,s:O,s:I}", "call", call, "names", x.names, "since",
					  now_ms())
			      : NULL;
	bool noted = one != NULL && add(&s->begun, one) == 0;
	json_decref(one);
	json_decref(x.names);
	return noted;
}

/* --- asking -------------------------------------------------------------------------------------
 */

static const json_t *
poll_of(const struct session *s, const json_t *one)
{
	const char *call = json_string_value(json_object_get(one, "call"));
	const json_t *part = call != NULL ? json_object_get(s->recipe->part, call) : NULL;
	return json_object_get(part, "poll");
}

static enum polled
ask(struct session *s, json_t *one, struct err *e)
{
	const struct scope scope = { .names = json_object_get(one, "names"), .parent = &s->params };
	const json_t *poll = poll_of(s, one);
	enum polled polled = poll != NULL ? poll_once(s, poll, &scope, e) : POLLED_REACHED;
	if (polled == POLLED_REACHED)
		has_ended(s, one);
	return polled;
}

enum pending_state
pending_ask(struct session *s, const json_t *entry, struct err *e)
{
	static const enum pending_state states[] = {
		[POLLED_REACHED] = PENDING_NONE,      [POLLED_FAILED] = PENDING_FAILED,
		[POLLED_NOT_YET] = PENDING_AT_IT,     [POLLED_GONE] = PENDING_UNREAD,
		[POLLED_UNREADABLE] = PENDING_UNREAD,
	};
	enum pending_state worst = PENDING_NONE;
	json_t *all = all_of(s, entry), *one;
	size_t i;
	json_array_foreach (all, i, one) {
		enum pending_state state = states[ask(s, one, e)];
		worst = state > worst ? state : worst;
	}
	json_decref(all);
	return worst;
}

void
pending_give_up(struct session *s, const json_t *entry)
{
	json_t *all = all_of(s, entry), *one;
	size_t i;
	json_array_foreach (all, i, one) {
		struct err ignored = ERR_INIT;
		enum polled polled = ask(s, one, &ignored);
		if (polled == POLLED_FAILED || polled == POLLED_GONE)
			has_ended(s, one);
	}
	json_decref(all);
}

/* --- waiting ------------------------------------------------------------------------------------
 */

static enum outcome
wait_for(struct session *s, json_t *one, struct err *e)
{
	const struct scope scope = { .names = json_object_get(one, "names"), .parent = &s->params };
	const json_t *poll = poll_of(s, one);
	enum outcome outcome = poll != NULL ? call_poll(s, poll, &scope, e) : OUTCOME_DONE;
	if (outcome == OUTCOME_DONE)
		has_ended(s, one);
	return outcome;
}

enum outcome
pending_wait(struct session *s, const json_t *entry, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;
	json_t *all = all_of(s, entry), *one;
	size_t i;
	json_array_foreach (all, i, one) {
		outcome = wait_for(s, one, e);
		if (outcome != OUTCOME_DONE)
			break;
	}
	json_decref(all);
	return outcome;
}

bool
pending_is_open(const struct session *s, const json_t *entry)
{
	json_t *all = all_of(s, entry);
	/* Out of memory: it may be. */
	bool open = all == NULL || json_array_size(all) > 0;
	json_decref(all);
	return open;
}

bool
pending_is_begun(const struct session *s)
{
	return pending_is_open(s, NULL);
}

enum outcome
pending_check_begun(const struct session *s, struct err *e)
{
	if (!pending_is_begun(s))
		return OUTCOME_DONE;
	err_set(e, ERR_FAILED, "the provider is still at what was asked first");
	return OUTCOME_UNKNOWN;
}

/* --- what remains -------------------------------------------------------------------------------
 */

void
pending_set_remains(struct session *s, size_t first)
{
	json_decref(s->remains);
	s->remains = first == PENDING_ALL_MADE ? json_null() : json_integer((json_int_t)first);
	/* Whoever goes on does the commit; that it is not done yet is what remains. */
	s->uncommitted = s->uncommitted && first == PENDING_ALL_MADE;
}

bool
pending_remains(const struct session *s, const json_t *entry, size_t *first)
{
	const json_t *remains = s->remains != NULL ? s->remains : json_object_get(entry, "remains");
	*first = (size_t)json_integer_value(remains);
	return json_is_integer(remains);
}

/* From now on the entry says it. */
static void
update_remains(struct session *s, json_t *entry)
{
	if (json_is_integer(s->remains))
		(void)json_object_set(entry, "remains", s->remains);
	else if (s->remains != NULL)
		(void)json_object_del(entry, "remains");
	json_decref(s->remains);
	s->remains = NULL;
}

bool
pending_update(struct session *s, json_t *entry)
{
	json_t *all = all_of(s, entry);
	bool any = json_array_size(all) > 0;
	update_remains(s, entry);
	/* Out of memory: what is noted stays. */
	if (all == NULL)
		return true;
	if (any)
		(void)json_object_set(entry, "pending", all);
	else
		(void)json_object_del(entry, "pending");
	json_decref(all);
	json_decref(s->begun);
	s->begun = NULL;
	return any;
}
