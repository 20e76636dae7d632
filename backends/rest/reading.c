/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reading.h"

#include <stdint.h>

#include "call.h"
#include "pointer.h"
#include "predicate.h"

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

/* --- reading ------------------------------------------------------------------------------------
 */

static int
find_in_array(struct reading *reading, const struct session *s, const json_t *array, struct err *e)
{
	size_t i, n = 0;
	json_t *one;
	json_array_foreach ((json_t *)(uintptr_t)array, i, one) {
		int holds = predicates_hold(part(s, "where"), one, &reading->scope, e);
		if (holds < 0)
			return -1;
		if (holds > 0) {
			reading->rule = one;
			n++;
		}
	}
	return n < 2 ? 0 : err_set(e, ERR_FAILED, "%zu rules match, not one", n);
}

static int
find_rule(struct reading *reading, const struct session *s, struct err *e)
{
	const char *one = json_string_value(part(s, "one"));
	const char *at = json_string_value(part(s, "array"));
	json_t *there = pointer_get(reading->body, one != NULL ? one : at != NULL ? at : "");
	if (one != NULL) {
		reading->rule = json_is_null(there) ? NULL : there;
		return 0;
	}
	if (!json_is_array(there))
		return err_set(e, ERR_FAILED, "the reply has no array at \"%s\"", at ? at : "");
	return find_in_array(reading, s, there, e);
}

int
reading_init(struct reading *reading, struct session *s, struct err *e)
{
	struct answer answer;
	int rc = call_do(s, part(s, "read"), &s->params, &answer, e) == OUTCOME_DONE ? 0 : -1;
	*reading = (struct reading){ 0 };
	if (rc == 0 && answer.body == NULL)
		rc = err_set(e, ERR_FAILED, "the reply is no JSON");
	if (rc == 0) {
		reading->body = json_deep_copy(answer.body);
		reading->captured = json_incref(answer.captured);
		reading->scope = (struct scope){ .names = reading->captured, .parent = &s->params };
		rc = reading->body != NULL ? find_rule(reading, s, e) : no_memory(e);
	}
	answer_fini(&answer);
	if (rc != 0)
		reading_fini(reading);
	return rc;
}

void
reading_fini(struct reading *reading)
{
	json_decref(reading->body);
	json_decref(reading->captured);
	*reading = (struct reading){ 0 };
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* "only": just these members are kept. */
static json_t *
copy_members(const json_t *from, const json_t *only)
{
	json_t *copy = only != NULL ? json_object() : json_deep_copy(from), *name;
	size_t i;
	json_array_foreach ((json_t *)(uintptr_t)only, i, name) {
		json_t *member = json_object_get(from, json_string_value(name));
		if (member != NULL && json_object_set_new(copy, json_string_value(name),
							  json_deep_copy(member)) != 0) {
			json_decref(copy);
			return NULL;
		}
	}
	return copy;
}

/* Names of members, or pointers. What is not there needs not be dropped. */
static void
drop_members(json_t *body, const json_t *drop)
{
	struct err ignored = ERR_INIT;
	size_t i;
	json_t *one;
	json_array_foreach ((json_t *)(uintptr_t)drop, i, one) {
		const char *name = json_string_value(one);
		if (name != NULL && name[0] == '/')
			(void)pointer_remove(body, name, &ignored);
		else if (name != NULL)
			(void)json_object_del(body, name);
	}
}

static void
drop_empty_members(json_t *body, const json_t *names)
{
	size_t i;
	json_t *name;
	json_array_foreach ((json_t *)(uintptr_t)names, i, name)
		if (predicate_is_empty(json_object_get(body, json_string_value(name))))
			(void)json_object_del(body, json_string_value(name));
}

json_t *
reading_write_body(const struct reading *reading, const struct session *s, struct err *e)
{
	const json_t *body = json_object_get(part(s, "write"), "body");
	const json_t *rule = json_object_get(body, "$rule");
	const json_t *what = rule != NULL ? rule : json_object_get(body, "$document");
	const char *at = json_string_value(json_object_get(what, "from"));
	const json_t *from =
		rule != NULL ? reading->rule : pointer_get(reading->body, at != NULL ? at : "");
	const json_t *add = json_object_get(what, "add");
	json_t *made, *expanded = NULL;
	int rc = 0;
	if (what == NULL)
		return template_expand_json(body, &reading->scope, e);
	made = from != NULL ? copy_members(from, json_object_get(what, "only")) : NULL;
	if (made == NULL) {
		err_set(e, ERR_FAILED, "what was read has nothing to be written back");
		return NULL;
	}
	drop_members(made, json_object_get(what, "drop"));
	drop_empty_members(made, json_object_get(what, "drop_empty"));
	if (add != NULL) {
		expanded = template_expand_json(add, &reading->scope, e);
		rc = expanded != NULL ? pointer_merge(made, expanded, e) : -1;
		json_decref(expanded);
	}
	if (rc == 0)
		return made;
	json_decref(made);
	return NULL;
}
