/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lifting.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "expiry.h"
#include "object.h"
#include "own.h"
#include "patching.h"
#include "pending.h"

static bool
is_own(const struct job *job)
{
	return job->s->recipe->mode == RECIPE_OWN;
}

/* The caller has added what is open. */
static void
name_error(struct job *job, const char *doing)
{
	if (job->e.code != ERR_NONE)
		session_wrap(job->s, &job->e, doing);
}

/* --- the operations -----------------------------------------------------------------------------
 */

void
lifting_plan(struct job *job)
{
	bool already = false;
	session_begin(job->s);
	int rc = is_own(job) ? own_plan(job->s, &job->e) : patch_plan(job->s, &already, &job->e);
	job->nothing = already || (is_own(job) && objects_count(job->s) == 0);
	job->outcome = rc == 0 ? OUTCOME_DONE : OUTCOME_NOT_DONE;
	name_error(job, "reading what is there failed");
}

static void
name_outcome(struct job *job, const char *what)
{
	char doing[64];
	if (job->outcome == OUTCOME_DONE) {
		job->e = ERR_INIT;
		return;
	}
	snprintf(doing, sizeof(doing),
		 job->outcome == OUTCOME_UNKNOWN ? "it is not known whether %s was done"
						 : "%s failed",
		 what);
	if (job->e.code == ERR_NONE)
		err_set(&job->e, ERR_FAILED, "no reason was given");
	name_error(job, doing);
}

void
lifting_apply(struct job *job)
{
	session_go_on(job->s);
	job->outcome = is_own(job) ? own_apply(job->s, &job->e) : patch_apply(job->s, &job->e);
	name_outcome(job, "the lift");
}

/* Unless the provider is at something: somebody else has gone on. */
void
lifting_go_on(struct job *job)
{
	size_t first;
	job->outcome = OUTCOME_DONE;
	if (!pending_remains(job->s, job->entry, &first) || pending_is_open(job->s, job->entry))
		return;
	session_begin(job->s);
	job->outcome =
		is_own(job) ? own_go_on(job->s, first, &job->e) : patch_apply(job->s, &job->e);
	name_outcome(job, "the lift");
}

/* What the provider still does afterwards. */
void
lifting_await(struct job *job)
{
	const json_t *settle = job->s->recipe->settle;
	size_t first;
	session_begin(job->s);
	job->outcome = pending_wait(job->s, job->entry, &job->e);
	if (job->outcome == OUTCOME_DONE && settle != NULL &&
	    !pending_remains(job->s, job->entry, &first)) {
		session_begin(job->s);
		job->outcome = call_poll(job->s, settle, &job->s->params, &job->e);
	}
	name_error(job, "what was written is not seen to be in force");
}

void
lifting_update(struct job *job)
{
	size_t first;
	job->pending = pending_update(job->s, job->entry);
	job->remains = pending_remains(job->s, job->entry, &first);
}

void
lifting_revert(struct job *job)
{
	session_begin(job->s);
	pending_give_up(job->s, job->entry);
	pending_set_remains(job->s, PENDING_ALL_MADE);
	job->outcome = is_own(job) ? own_revert(job->s, &job->e)
				   : patch_revert(job->s, &job->notes, &job->e);
	name_outcome(job, "the restore");
}

void
lifting_extend(struct job *job)
{
	session_begin(job->s);
	if (is_own(job))
		job->outcome = own_extend(job->s, job->expiry_s, &job->e);
	else
		job->outcome = patch_extend(job->s, job->expiry_s, &job->e);
	name_outcome(job, "moving the deadline");
}

void
lifting_inspect(struct job *job)
{
	static const char doing[] = "reading where it stands failed";
	size_t first;
	session_begin(job->s);
	enum pending_state pending = pending_ask(job->s, job->entry, &job->e);
	if (pending == PENDING_AT_IT || pending == PENDING_UNREAD) {
		job->state = pending == PENDING_AT_IT ? LIFT_PENDING : LIFT_UNKNOWN;
		name_error(job, doing);
		return;
	}
	job->state = is_own(job) ? own_inspect(job->s, &job->left_s, &job->e)
				 : patch_inspect(job->s, &job->left_s, &job->e);
	const bool remains = pending_remains(job->s, job->entry, &first);
	if (job->state == LIFT_LIFTED && (pending == PENDING_FAILED || remains)) {
		job->state = LIFT_DRIFTED;
		err_set(&job->e, ERR_FAILED, "%s",
			remains ? "not all of it was begun" : "the provider says that it failed");
	}
	/* Nobody goes on with it. */
	if (pending == PENDING_FAILED)
		pending_set_remains(job->s, PENDING_ALL_MADE);
	name_error(job, doing);
}

/* --- steps --------------------------------------------------------------------------------------
 */

/* ASCII, and not longer than anybody reads. */
static char *
printable_take(char *text)
{
	for (char *c = text; c != NULL && *c != '\0'; c++)
		if ((*c < ' ' && *c != '\n') || *c > '~' || (unsigned char)*c >= 0x80)
			*c = '?';
	return text;
}

static char *
format_printable(const char *a, const char *b, const char *c)
{
	char *text;
	return asprintf(&text, "%s%s%s", a, b, c) < 0 ? NULL : printable_take(text);
}

static struct step *
add_step(struct plan *plan)
{
	struct step *grown = reallocarray(plan->steps, plan->n + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	plan->steps = grown;
	plan->steps[plan->n] = (struct step){ 0 };
	return &plan->steps[plan->n++];
}

/* Described by the mode: step i of so many. */
static int
explain_step(struct session *s, struct step *step, size_t i, struct err *e)
{
	if (s->recipe->mode == RECIPE_OWN) {
		step->after = printable_take(own_describe(s, i, e));
	} else {
		step->before = printable_take(patch_describe_before(s));
		step->after = printable_take(patch_describe(s, e));
	}
	return step->after != NULL ? 0 : err_set(e, ERR_FAILED, "out of memory");
}

static int
make_step(struct session *s, size_t target, size_t i, bool explain, struct plan *plan,
	  struct err *e)
{
	struct step *step = add_step(plan);
	if (step == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	step->target = target;
	step->how = s->recipe->mode == RECIPE_OWN ? "own" : "patch";
	step->where = format_printable(s->recipe->name, " at ", s->base);
	step->rule = format_printable(s->recipe->title, "", "");
	step->reason = format_printable("opens ", s->recipe->opens, "");
	if (step->where == NULL || step->rule == NULL || step->reason == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	return explain ? explain_step(s, step, i, e) : 0;
}

/* What an administrator wants to know before the recipe is used. */
static int
add_notes(const struct session *s, struct names *notes)
{
	char name[NAME_BUF];
	size_t i;
	json_t *limit;
	const char *rights = json_string_value(json_object_get(s->recipe->json, "rights"));
	const char *deadman = json_string_value(json_object_get(s->recipe->deadman, "text"));
	err_name(name, s->target);
	if (rights != NULL && names_addf(notes, "%s: the secret needs: %s", name, rights) != 0)
		return -1;
	if (deadman != NULL &&
	    names_addf(notes, "%s: %s: %s", name,
		       expiry_is_there(s->recipe) ? "closes by itself" : "does not close by itself",
		       deadman) != 0)
		return -1;
	json_array_foreach (json_object_get(s->recipe->json, "limits"), i, limit) {
		if (names_addf(notes, "%s: %s", name, json_string_value(limit)) != 0)
			return -1;
	}
	return 0;
}

/* The call that puts it into force, after the last step. */
static int
add_commit(struct session *s, struct plan *plan, struct err *e)
{
	const json_t *call = json_object_get(s->recipe->part, "commit");
	const struct scope scope = { .names = s->once, .parent = &s->params };
	struct step *last = plan->n > 0 ? &plan->steps[plan->n - 1] : NULL;
	char *text, *both;
	if (call == NULL || last == NULL || last->after == NULL)
		return 0;
	text = call_describe(s, call, &scope, e);
	if (text == NULL)
		return -1;
	both = format_printable(last->after, "\n", text);
	free(text);
	if (both == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	free(last->after);
	last->after = both;
	return 0;
}

int
lifting_steps(struct session *s, size_t target, bool explain, struct plan *plan, struct err *e)
{
	const size_t n = s->recipe->mode == RECIPE_OWN ? objects_count(s) : 1;
	for (size_t i = 0; i < n; i++)
		if (make_step(s, target, i, explain, plan, e) != 0)
			return session_wrap(s, e, "describing what would be done failed");
	if (explain && add_notes(s, &plan->notes) != 0)
		return err_set(e, ERR_FAILED, "out of memory");
	return explain ? add_commit(s, plan, e) : 0;
}
