/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "fate.h"
#include "identity.h"
#include "journal.h"
#include "options.h"
#include "output.h"
#include "planning.h"
#include "privileges.h"
#include "request.h"
#include "state.h"

/* Whether pre would join a window, and which. Who may not look takes it for closed. */
static bool
read_window(struct journal *journal, const char *directory)
{
	struct err unread = ERR_INIT;
	struct state state;
	struct identity id;
	char file[JOURNAL_NAME_MAX];
	bool open = false;
	*journal = (struct journal){ 0 };
	if (state_open(&state, directory, false, &unread))
		return false;
	if (state.dir >= 0 && !identity_read(&id, &unread) &&
	    journal_read(state.dir, journal_name(file, id.netns), journal, &unread) == JOURNAL_GOOD)
		open = journal->state == JOURNAL_OPEN && leases_held(&journal->leases) &&
		       !strcmp(journal->id.boot, id.boot) &&
		       !strcmp(journal->id.machine, id.machine);
	state_close(&state);
	return open;
}

static json_t *
step_json(const struct planned *planned, const struct step *step)
{
	return json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:s?,s:s?,s:s?}", "target",
			 planned->targets[step->target]->name, "backend", planned->on->ops->name,
			 "how", step->how, "where", step->where, "rule", step->rule, "reason",
			 step->reason, "before", step->before, "after", step->after);
}

static void
print_json(const struct planning *planning, const struct request *request, bool joins)
{
	char ports[PORTS_TEXT_MAX];
	json_t *steps = json_array(), *notes = json_array();
	for (size_t i = 0; i < planning->n; i++) {
		const struct planned *planned = &planning->v[i];
		json_t *some = output_names(&planned->plan->notes);
		for (size_t k = 0; k < planned->plan->n; k++)
			json_array_append_new(steps, step_json(planned, &planned->plan->steps[k]));
		json_array_extend(notes, some);
		json_decref(some);
	}
	output_json_take(json_pack("{s:i,s:s,s:I,s:b,s:o,s:o}", "version", 1, "ports",
				   ports_text(ports, &request->ports), "window_s",
				   (json_int_t)request->window_s, "joins", (int)joins, "steps",
				   steps, "notes", notes));
}

static void
print_step(const struct planned *planned, const struct step *step)
{
	char name[NAME_BUF];
	printf("\n%s (target %s, %s)\n", step->where ? step->where : "",
	       err_name(name, planned->targets[step->target]->name), step->how);
	if (step->reason)
		output_text(stdout, "  ", step->reason);
	if (step->before)
		output_text(stdout, "  - ", step->before);
	if (step->after)
		output_text(stdout, "  + ", step->after);
	if (!step->before && !step->after && step->rule)
		output_text(stdout, "    ", step->rule);
}

/* journal: the window that it would join, or NULL */
static void
print(const struct planning *planning, const struct request *request, const struct journal *journal)
{
	char ports[PORTS_TEXT_MAX], window[DURATION_TEXT_MAX];
	ports_text(ports, &request->ports);
	if (journal)
		printf("window %s is open, and would be joined; what it has lifted stays as it "
		       "is\n",
		       journal->window);
	if (journal && !planning_steps(planning))
		printf("nothing more is to be lifted for %s\n", ports);
	else if (!planning_steps(planning))
		printf("nothing blocks %s in the %zu target%s\n", ports, request->policy.n_targets,
		       request->policy.n_targets == 1 ? "" : "s");
	else
		printf("%s would be open for %s:\n", ports,
		       duration_text(window, request->window_s));
	for (size_t i = 0; i < planning->n; i++)
		for (size_t k = 0; k < planning->v[i].plan->n; k++)
			print_step(&planning->v[i], &planning->v[i].plan->steps[k]);
	for (size_t i = 0; i < planning->n; i++)
		for (size_t k = 0; k < planning->v[i].plan->notes.n; k++)
			output_text(stdout, "note: ", planning->v[i].plan->notes.v[k]);
	printf("\nnothing was changed\n");
}

static int
plan(const struct options *options, struct backends *backends, struct err *e)
{
	struct request request;
	struct planning planning;
	struct journal journal;
	if (request_load(&request, options, KEEP_NET_ADMIN, backends, e))
		return -1;
	bool joins = read_window(&journal, options->state);
	const struct planning_input input = { .targets = request.policy.targets,
					      .n = request.policy.n_targets,
					      .ports = request.ports,
					      .lifts = joins ? &journal.lifts : NULL,
					      .expiry_s = request.window_s,
					      .explain = true };
	int failed = planning_make(&planning, backends, &input, e);
	if (failed && request.policy.file && e->code == ERR_FAILED)
		err_wrap(e, "the policy is valid, but it cannot be planned");
	if (!failed && options->json)
		print_json(&planning, &request, joins);
	else if (!failed)
		print(&planning, &request, joins ? &journal : NULL);
	planning_fini(&planning);
	journal_fini(&journal);
	request_fini(&request);
	return failed;
}

int
cmd_plan(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	if (plan(options, &backends, &e))
		fate_add(&e, "nothing was changed");
	backends_close(&backends);
	return output_status(&e);
}
