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
#include "signature.h"
#include "state.h"

struct outlook {
	struct request request;
	struct planning planning;
	struct journal journal; /* of the window that pre would join */
	bool joins;
};

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
		       identity_is_same_boot(&journal->id, &id);
	state_close(&state);
	return open;
}

/* Without a policy: what is lifted, and so has to be told why. */
static bool
is_taken(const struct observations *all, const struct observation *o, struct judgement *judgement)
{
	*judgement = signature_judge(all, o);
	return judgement->verdict == VERDICT_CERTAIN &&
	       (o->effect != EFFECT_NONE || o->source == SOURCE_OWN_SET);
}

static void
print_found(const struct observations *all)
{
	struct judgement judgement;
	size_t n = 0;
	for (size_t i = 0; i < all->n; i++) {
		const struct observation *o = &all->v[i];
		char table[NAME_BUF], chain[NAME_BUF], handle[32] = "";
		if (!is_taken(all, o, &judgement))
			continue;
		if (o->handle)
			snprintf(handle, sizeof(handle), " handle %llu",
				 (unsigned long long)o->handle);
		printf("%s  %s%s %s%s: %s\n", n++ ? "" : "there is no policy; what is certain:\n",
		       !strcmp(o->backend, "nftables") ? "" : "iptables ",
		       err_name(table, o->table), err_name(chain, o->chain), handle,
		       judgement.evidence);
	}
	if (n)
		putchar('\n');
}

static json_t *
found_json(const struct observations *all)
{
	struct judgement judgement;
	json_t *found = json_array();
	for (size_t i = 0; i < all->n; i++) {
		const struct observation *o = &all->v[i];
		if (is_taken(all, o, &judgement))
			json_array_append_new(
				found,
				json_pack("{s:s,s:o,s:o,s:I,s:s}", "backend", o->backend, "table",
					  output_string(o->table), "chain",
					  output_string(o->chain ? o->chain : ""), "handle",
					  (json_int_t)o->handle, "evidence", judgement.evidence));
	}
	return found;
}

static json_t *
step_json(const struct planned *planned, const struct step *step)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "target",
			 planned->targets[step->target]->name, "backend", planned->on->ops->name,
			 "how", step->how, "where", output_string(step->where), "rule",
			 output_string(step->rule), "reason", output_string(step->reason), "before",
			 output_string(step->before), "after", output_string(step->after));
}

static void
print_json(const struct outlook *outlook)
{
	char ports[PORTS_TEXT_MAX];
	json_t *steps = json_array(), *notes = json_array();
	for (size_t i = 0; i < outlook->planning.n; i++) {
		const struct planned *planned = &outlook->planning.v[i];
		json_t *some = output_names(&planned->plan->notes);
		for (size_t k = 0; k < planned->plan->n; k++)
			json_array_append_new(steps, step_json(planned, &planned->plan->steps[k]));
		json_array_extend(notes, some);
		json_decref(some);
	}
	output_json_take(json_pack("{s:i,s:s,s:I,s:b,s:o,s:o,s:o}", "version", 1, "ports",
				   ports_text(ports, &outlook->request.ports), "window_s",
				   (json_int_t)outlook->request.window_s, "joins",
				   (int)outlook->joins, "found", found_json(&outlook->request.seen),
				   "steps", steps, "notes", notes));
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

static void
print_heading(const struct outlook *outlook)
{
	const struct request *request = &outlook->request;
	char ports[PORTS_TEXT_MAX], window[DURATION_TEXT_MAX];
	ports_text(ports, &request->ports);
	if (outlook->joins)
		printf("window %s is open, and would be joined; what it has lifted stays as it "
		       "is\n",
		       outlook->journal.window);
	if (planning_steps(&outlook->planning))
		printf("%s would be open for %s:\n", ports,
		       duration_text(window, request->window_s));
	else if (outlook->joins)
		printf("nothing more is to be lifted for %s\n", ports);
	else
		printf("nothing blocks %s in the %zu target%s\n", ports, request->policy.n_targets,
		       request->policy.n_targets == 1 ? "" : "s");
}

static void
print(const struct outlook *outlook)
{
	const struct planning *planning = &outlook->planning;
	print_found(&outlook->request.seen);
	print_heading(outlook);
	for (size_t i = 0; i < planning->n; i++)
		for (size_t k = 0; k < planning->v[i].plan->n; k++)
			print_step(&planning->v[i], &planning->v[i].plan->steps[k]);
	for (size_t i = 0; i < planning->n; i++)
		for (size_t k = 0; k < planning->v[i].plan->notes.n; k++)
			output_text(stdout, "note: ", planning->v[i].plan->notes.v[k]);
	printf("\nnothing was changed\n");
}

static int
look(struct outlook *outlook, const struct options *options, struct backends *backends,
     struct err *e)
{
	const struct request *request = &outlook->request;
	outlook->joins = read_window(&outlook->journal, options->state);
	const struct planning_input input = { .targets = request->policy.targets,
					      .n = request->policy.n_targets,
					      .ports = request->ports,
					      .lifts = outlook->joins ? &outlook->journal.lifts
								      : NULL,
					      .expiry_s = request->window_s,
					      .explain = true };
	int failed = planning_make(&outlook->planning, backends, &input, e);
	if (failed && request->policy.file && e->code == ERR_FAILED)
		err_wrap(e, "the policy is valid, but it cannot be planned");
	return failed;
}

static int
plan(const struct options *options, struct backends *backends, struct err *e)
{
	struct outlook outlook = { 0 };
	if (request_load(&outlook.request, options, KEEP_NET_ADMIN, backends, e))
		return -1;
	int failed = look(&outlook, options, backends, e);
	if (!failed && options->json)
		print_json(&outlook);
	else if (!failed)
		print(&outlook);
	planning_fini(&outlook.planning);
	journal_fini(&outlook.journal);
	request_fini(&outlook.request);
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
