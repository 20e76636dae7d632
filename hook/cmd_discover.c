/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends.h"
#include "command.h"
#include "fate.h"
#include "log.h"
#include "observation.h"
#include "options.h"
#include "output.h"
#include "planning.h"
#include "policy.h"
#include "request.h"
#include "signature.h"

static const char *const verdict_names[] = {
	[VERDICT_LEFT_ALONE] = "left alone",
	[VERDICT_CANDIDATE] = "candidate",
	[VERDICT_CERTAIN] = "certain",
};

static const char *const effect_names[] = {
	[EFFECT_NONE] = "none",
	[EFFECT_DENY] = "deny",
	[EFFECT_ALLOW] = "allow",
};

static bool
is_doubtful(const struct observations *all, const struct observation *o)
{
	return o->effect != EFFECT_NONE && signature_judge(all, o).verdict == VERDICT_CANDIDATE;
}

static json_t *
block_json(const struct observations *all, const struct observation *o)
{
	struct judgement judgement = signature_judge(all, o);
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:I,s:o,s:o,s:o,s:o,s:s,s:o}", "verdict",
			 verdict_names[judgement.verdict], "evidence", judgement.evidence,
			 "backend", o->backend, "table", output_string(o->table), "chain",
			 output_string(o->chain), "handle", (json_int_t)o->handle, "hook",
			 output_string(o->hook), "set", output_string(o->set), "comment",
			 output_string(o->comment), "rule", output_string(o->text), "effect",
			 effect_names[o->effect], "refusal", output_string(o->refusal));
}

static json_t *
blocks_json(const struct observations *all)
{
	json_t *blocks = json_array();
	for (size_t i = 0; i < all->n; i++)
		json_array_append_new(blocks, block_json(all, &all->v[i]));
	return blocks;
}

/* Left alone, and it blocks nothing, as far as is seen: nobody would take it for a geo-block. */
static bool
is_beside_the_point(const struct observation *o, const struct judgement *judgement)
{
	return judgement->verdict == VERDICT_LEFT_ALONE && o->effect == EFFECT_NONE && !o->refusal;
}

/* For people, on stderr: stdout may be the policy's file. */
static void
report(const struct observations *all, const struct observation *o, bool verbose)
{
	struct judgement judgement = signature_judge(all, o);
	char table[NAME_BUF], chain[NAME_BUF], hook[NAME_BUF], handle[32] = "";
	if (!verbose && is_beside_the_point(o, &judgement))
		return;
	if (o->handle)
		snprintf(handle, sizeof(handle), " handle %llu", (unsigned long long)o->handle);
	fprintf(stderr, "%-10s  %s%s %s%s: %s (%s, %s)\n", verdict_names[judgement.verdict],
		!strcmp(o->backend, "nftables") ? "" : "iptables ", err_name(table, o->table),
		err_name(chain, o->chain), handle, judgement.evidence, effect_names[o->effect],
		err_name(hook, o->hook));
	if (o->text)
		output_text(stderr, "            ", o->text);
	if (o->refusal)
		output_text(stderr, "            cannot be lifted: ", o->refusal);
}

static bool
tells_people(const struct options *options)
{
	return !options->quiet && !options->log_json;
}

static void
report_all(const struct options *options, const struct observations *all)
{
	size_t hidden = 0;
	if (!tells_people(options))
		return;
	for (size_t i = 0; i < all->n; i++) {
		struct judgement judgement = signature_judge(all, &all->v[i]);
		hidden += is_beside_the_point(&all->v[i], &judgement);
		report(all, &all->v[i], options->verbose);
	}
	if (hidden && !options->verbose)
		fprintf(stderr,
			"left alone  %zu other rule%s that test the source but block "
			"nothing on these ports (-v names them)\n",
			hidden, hidden == 1 ? "" : "s");
}

static int
conclude(const struct observations *all, size_t certain, struct err *e)
{
	size_t doubtful = 0;
	for (size_t i = 0; i < all->n; i++)
		doubtful += is_doubtful(all, &all->v[i]);
	if (doubtful)
		return err_set(e, ERR_POLICY,
			       "%zu candidate%s: only you know whether they are geo-blocks; "
			       "`geopause discover --all` puts them into the policy, too",
			       doubtful, doubtful == 1 ? "" : "s");
	if (!certain)
		return err_set(e, ERR_POLICY,
			       "no geo-block was found; if something else blocks the CA (a "
			       "provider's firewall, XDP, a web server), geopause cannot see it");
	return 0;
}

static size_t
count_targets(const struct observations *all, struct err *e)
{
	struct target *targets = NULL;
	size_t n = 0;
	if (signature_targets(all, VERDICT_CERTAIN, &targets, &n, e))
		return 0;
	for (size_t i = 0; i < n; i++)
		target_fini(&targets[i]);
	free(targets);
	return n;
}

/* What is recognised is not always what can be lifted; only the planner knows. */
static int
try_plan(struct backends *backends, const struct target *targets, size_t n, struct err *e)
{
	struct planning planning = { 0 };
	const struct planning_input input = {
		.targets = targets,
		.n = n,
		.ports = challenges_ports(CHALLENGE_DEFAULT),
		.expiry_s = POLICY_WINDOW_DEFAULT_S,
	};
	int failed = planning_make(&planning, backends, &input, e);
	planning_fini(&planning);
	return failed;
}

static int
print(const struct options *options, struct backends *backends, const struct observations *all,
      struct err *e)
{
	struct target *targets = NULL;
	struct err refusal = ERR_INIT;
	size_t n = 0;
	enum verdict least = options->all ? VERDICT_CANDIDATE : VERDICT_CERTAIN;
	report_all(options, all);
	if (signature_targets(all, least, &targets, &n, e))
		return -1;
	json_t *policy = n ? policy_document(targets, n) : NULL;
	bool refused = n && (options->json || tells_people(options)) &&
		       try_plan(backends, targets, n, &refusal);
	if (options->json)
		output_json_take(json_pack("{s:i,s:o,s:o?,s:s?}", "version", 1, "blocks",
					   blocks_json(all), "policy", policy, "refusal",
					   refused ? refusal.msg : NULL));
	else if (n)
		output_json_take(policy);
	if (refused && tells_people(options))
		output_text(stderr,
			    "refused     this policy, as the firewall is now: ", refusal.msg);
	for (size_t i = 0; i < n; i++)
		target_fini(&targets[i]);
	free(targets);
	size_t certain = count_targets(all, e);
	return e->code ? -1 : conclude(all, certain, e);
}

int
cmd_discover(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	struct observations all = { 0 };
	const struct ports ports = challenges_ports(CHALLENGE_DEFAULT | (unsigned)CHALLENGE_DNS_01);
	if (!request_observe(&backends, &ports, &all, &e))
		(void)print(options, &backends, &all, &e);
	observations_fini(&all);
	backends_close(&backends);
	return output_status(&e);
}
