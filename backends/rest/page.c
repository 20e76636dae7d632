/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists that come in pages, and what is looked for in them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "pointer.h"
#include "predicate.h"
#include "reply.h"
#include "request.h"

#define PAGES_MAX 50

/* Where the next page is. 1: there is one, 0: this was the last. */
static int
next_page(const json_t *page, const json_t *body, struct call_extra *extra, char **text)
{
	const json_t *next = json_object_get(page, "next");
	const char *at = json_string_value(json_object_get(next, "at"));
	const json_t *value = at != NULL ? pointer_get(body, at) : NULL;
	free(*text);
	*text = json_is_string(value) || json_is_integer(value) ? request_text(value) : NULL;
	if (*text == NULL || **text == '\0')
		return 0;
	*extra = (struct call_extra){ 0 };
	extra->key = json_string_value(json_object_get(next, "query"));
	if (extra->key != NULL)
		extra->value = *text;
	else
		extra->url = *text;
	return 1;
}

/* Of one page. "one": the element that stands there, if any. */
static int
add_elements(const json_t *find, const struct answer *answer, json_t *all, struct err *e)
{
	const char *array = json_string_value(json_object_get(find, "array"));
	const char *one = json_string_value(json_object_get(find, "one"));
	json_t *there = NULL;
	int rc;
	if (answer->gone)
		return 0;
	if (answer->body != NULL)
		there = pointer_get(answer->body, array != NULL ? array : one != NULL ? one : "");
	if (there == NULL && json_is_true(json_object_get(find, "optional")))
		return 0;
	if (array != NULL && !json_is_array(there))
		return err_set(e, ERR_FAILED, "the reply has no array at \"%s\"", array);
	if (array == NULL && (there == NULL || json_is_null(there)))
		return 0;
	rc = array != NULL ? json_array_extend(all, there) : json_array_append(all, there);
	return rc == 0 ? 0 : err_set(e, ERR_FAILED, "out of memory");
}

static int
list_pages(struct session *s, const json_t *find, const struct scope *scope, json_t *all,
	   char **text, struct err *e)
{
	const json_t *page = json_object_get(find, "page");
	const json_t *max = json_object_get(page, "max");
	const json_int_t pages = max != NULL ? json_integer_value(max) : PAGES_MAX;
	struct call_extra extra = { 0 };
	for (json_int_t i = 0; i < pages; i++) {
		struct answer answer;
		int rc = call_page(s, find, scope, &extra, &answer, e) == OUTCOME_DONE ? 0 : -1;
		if (rc == 0)
			rc = add_elements(find, &answer, all, e);
		int more = rc == 0 && page != NULL && answer.body != NULL
				   ? next_page(page, answer.body, &extra, text)
				   : 0;
		answer_fini(&answer);
		if (rc != 0 || more == 0)
			return rc;
	}
	return err_set(e, ERR_FAILED, "the list has more than %lld pages", (long long)pages);
}

json_t *
call_list(struct session *s, const json_t *find, const struct scope *scope, struct err *e)
{
	json_t *all = json_array();
	char *text = NULL;
	int rc = all != NULL ? list_pages(s, find, scope, all, &text, e)
			     : err_set(e, ERR_FAILED, "out of memory");
	free(text);
	if (rc == 0)
		return all;
	json_decref(all);
	return NULL;
}

json_t *
call_matches(struct session *s, const json_t *find, const struct scope *scope, struct err *e)
{
	const json_t *where = json_object_get(find, "where");
	json_t *all = call_list(s, find, scope, e), *element;
	json_t *matches = all != NULL ? json_array() : NULL;
	int rc = matches != NULL ? 0 : -1;
	size_t i;
	json_array_foreach (all, i, element) {
		int holds = rc == 0 ? predicates_hold(where, element, scope, e) : 0;
		if (holds < 0 || (holds > 0 && json_array_append(matches, element) != 0))
			rc = -1;
	}
	json_decref(all);
	if (rc == 0)
		return matches;
	json_decref(matches);
	err_set(e, ERR_FAILED, "out of memory");
	return NULL;
}

int
call_find(struct session *s, const json_t *find, const struct scope *scope, json_t **found,
	  json_t *captured, struct err *e)
{
	json_t *matches = call_matches(s, find, scope, e);
	int rc = matches != NULL ? 0 : -1;
	*found = NULL;
	if (rc == 0 && json_array_size(matches) > 1)
		rc = err_set(e, ERR_FAILED, "%zu objects match what is looked for, not one",
			     json_array_size(matches));
	if (rc == 0 && json_array_size(matches) == 1) {
		json_t *element = json_array_get(matches, 0);
		rc = reply_capture(json_object_get(find, "capture"), NULL, element, captured, e);
		if (rc == 0)
			*found = json_incref(element);
	}
	json_decref(matches);
	return rc;
}
