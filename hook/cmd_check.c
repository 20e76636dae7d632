/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "challenge.h"
#include "command.h"
#include "identity.h"
#include "log.h"
#include "options.h"
#include "output.h"
#include "planning.h"
#include "request.h"

static void
print(const struct options *options, const struct policy *policy, bool live, size_t steps)
{
	struct ports ports =
		challenges_ports(options->challenges ? options->challenges : policy->challenges);
	char text[PORTS_TEXT_MAX], window[DURATION_TEXT_MAX];
	ports_text(text, &ports);
	duration_text(window, policy->window_s);
	if (options->json) {
		json_t *json = json_pack("{s:i,s:b,s:I,s:s,s:s,s:b}", "version", 1, "valid", 1,
					 "targets", (json_int_t)policy->n_targets, "ports", text,
					 "window", window, "firewall_read", (int)live);
		if (live)
			json_object_set_new(json, "steps", json_integer((json_int_t)steps));
		output_json_take(json);
		return;
	}
	printf("policy OK: %zu target%s, %s, window %s", policy->n_targets,
	       policy->n_targets == 1 ? "" : "s", text, window);
	if (live)
		printf("; %zu step%s in the live firewall\n", steps, steps == 1 ? "" : "s");
	else
		printf("; the file alone was checked: reading the firewall needs "
		       "CAP_NET_ADMIN\n");
}

static int
check(const struct options *options, struct backends *backends, struct err *e)
{
	struct policy policy;
	struct planning planning = { 0 };
	char name[NAME_BUF];
	bool live = identity_may_administer_network();
	if (request_policy(&policy, options, e))
		return -1;
	if (!policy.file) {
		policy_fini(&policy);
		return err_set(e, ERR_POLICY,
			       "there is no policy %s; `geopause discover` prints one",
			       err_name(name, GEOPAUSE_POLICY_FILE));
	}
	const struct planning_input input = {
		.targets = policy.targets,
		.n = policy.n_targets,
		.ports = challenges_ports(options->challenges ? options->challenges
							      : policy.challenges),
		.expiry_s = policy.window_s,
	};
	int failed = live ? planning_make(&planning, backends, &input, e) : 0;
	if (!failed)
		print(options, &policy, live, planning_steps(&planning));
	planning_fini(&planning);
	policy_fini(&policy);
	return failed;
}

int
cmd_check(const struct options *options)
{
	struct err e = ERR_INIT;
	struct backends backends = { 0 };
	(void)check(options, &backends, &e);
	backends_close(&backends);
	return output_status(&e);
}
