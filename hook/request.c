/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "backend.h"
#include "log.h"
#include "observation.h"
#include "privileges.h"
#include "signature.h"

#define CANDIDATES_TEXT_MAX 700
#define HOW_TO_SAY "`geopause discover --all > FILE` prints a policy for them to check and use"

int
request_policy(struct policy *policy, const struct options *options, struct err *e)
{
	char name[NAME_BUF];
	const char *path = options->policy ? options->policy : GEOPAUSE_POLICY_FILE;
	if (policy_load(policy, path, e))
		return -1;
	if (!policy->file && options->policy) {
		policy_fini(policy);
		return err_sys(e, ERR_POLICY, ENOENT, "policy %s", err_name(name, path));
	}
	return 0;
}

static bool
matters(const struct observation *o)
{
	return o->effect != EFFECT_NONE;
}

/* "inet filter input handle 7, set geo4 (evidence); ..." */
static size_t
name_candidates(char *text, const struct observations *all)
{
	size_t n = 0, used = 0;
	for (size_t i = 0; i < all->n; i++) {
		const struct observation *o = &all->v[i];
		struct judgement judgement = signature_judge(all, o);
		char table[NAME_BUF], chain[NAME_BUF], set[NAME_BUF], handle[32] = "";
		if (judgement.verdict != VERDICT_CANDIDATE || !matters(o))
			continue;
		n++;
		if (used >= CANDIDATES_TEXT_MAX - 1)
			continue;
		if (o->handle)
			snprintf(handle, sizeof(handle), " handle %llu",
				 (unsigned long long)o->handle);
		int len = snprintf(text + used, CANDIDATES_TEXT_MAX - used, "%s%s%s %s%s%s%s (%s)",
				   used ? "; " : "", o->handle ? "" : "iptables ",
				   err_name(table, o->table), err_name(chain, o->chain), handle,
				   o->set ? ", set " : "", o->set ? err_name(set, o->set) : "",
				   judgement.evidence);
		used += len > 0 ? (size_t)len : 0;
	}
	return n;
}

static int
targets_of(struct policy *policy, const struct observations *all, struct err *e)
{
	char candidates[CANDIDATES_TEXT_MAX] = "";
	size_t doubtful = name_candidates(candidates, all);
	if (doubtful)
		return err_set(e, ERR_POLICY,
			       "there is no policy, and only you know whether this is "
			       "geo-blocking: %s; " HOW_TO_SAY,
			       candidates);
	if (signature_targets(all, VERDICT_CERTAIN, &policy->targets, &policy->n_targets, e))
		return -1;
	if (!policy->n_targets)
		return err_set(e, ERR_POLICY,
			       "there is no policy and no geo-block was found in nftables and "
			       "iptables; if something else blocks the CA, name it in "
			       "a policy (geopause-policy(5)), and see `geopause discover -v`");
	return 0;
}

const char *const default_backends[] = { "nftables", "iptables", NULL };

bool
is_default_backend(const char *name)
{
	for (const char *const *one = default_backends; *one; one++)
		if (!strcmp(*one, name))
			return true;
	return false;
}

int
request_observe(struct backends *backends, const struct ports *ports, struct observations *all,
		struct err *e)
{
	for (const char *const *name = default_backends; *name; name++) {
		struct err why = ERR_INIT;
		const struct open_backend *on = backends_get(backends, *name, &why);
		if (!on && why.sys == ENOENT) {
			log_event_take(LOG_DEBUG, "absent", NULL, "%s", why.msg);
			continue;
		}
		if (on && !on->ops->discover)
			continue;
		if (!on || on->ops->discover(on->backend, ports, all, &why)) {
			*e = why;
			return -1;
		}
	}
	return 0;
}

unsigned
request_rights(const struct backends *backends)
{
	unsigned keep = 0;
	for (size_t i = 0; i < backends->n; i++)
		keep |= backends->v[i].ops->caps & (unsigned)BACKEND_ALL_RIGHTS ? KEEP_ALL : 0;
	return keep;
}

int
request_discover(struct policy *policy, const struct ports *ports, struct backends *backends,
		 struct observations *seen, struct err *e)
{
	struct observations own = { 0 }, *all = seen ? seen : &own;
	int failed = request_observe(backends, ports, all, e);
	if (failed)
		err_wrap(e, "there is no policy, and looking for geo-blocks failed");
	else
		failed = targets_of(policy, all, e);
	observations_fini(&own);
	return failed;
}

static int
take_options(struct request *request, const struct options *options, struct err *e)
{
	const struct policy *policy = &request->policy;
	char asked[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
	request->ports =
		challenges_ports(options->challenges ? options->challenges : policy->challenges);
	request->window_s =
		policy->window_s < policy->max_window_s ? policy->window_s : policy->max_window_s;
	request->owned_s = policy->max_window_s;
	if (!options->window_s)
		return 0;
	if (options->window_s > policy->max_window_s)
		return err_set(e, ERR_USAGE, "--window %s is more than max_window, %s",
			       duration_text(asked, options->window_s),
			       duration_text(most, policy->max_window_s));
	request->window_s = request->owned_s = options->window_s;
	return 0;
}

int
request_reduce(const struct policy *policy, unsigned keep, struct backends *backends, struct err *e)
{
	int failed = alert_prepare(policy, e);
	for (size_t i = 0; !failed && i < policy->n_targets; i++)
		failed = backends_get(backends, policy->targets[i].backend, e) ? 0 : -1;
	return privileges_reduce(keep | request_rights(backends), e) || failed ? -1 : 0;
}

int
request_load(struct request *request, const struct options *options, unsigned keep,
	     struct backends *backends, struct err *e)
{
	*request = (struct request){ 0 };
	if (request_policy(&request->policy, options, e))
		return -1;
	if (!request_reduce(&request->policy, keep, backends, e) &&
	    !take_options(request, options, e) &&
	    (request->policy.file ||
	     !request_discover(&request->policy, &request->ports, backends, &request->seen, e)))
		return 0;
	request_fini(request);
	return -1;
}

void
request_fini(struct request *request)
{
	policy_fini(&request->policy);
	observations_fini(&request->seen);
	*request = (struct request){ 0 };
}
