/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flows BACKEND POLICY CHALLENGES: a backend's operations on flows, one by one, for the tests.
 * Reads words on stdin; answers each with lines, and "." at the end:
 *
 *   lift, revert    plan and apply; revert
 *   generation      the number
 *   cover           reads anew what the lift covers
 *   flows           a line for each covered flow
 *   spare           remembers the covered flows
 *   cut             cuts all but the remembered ones; how many
 *
 * An error is a line "error: ...".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "policy.h"

static const struct backend_ops *ops;
static struct backend *backend;
static struct policy policy;
static struct ports ports;
static json_t *record;
static struct cover *cover;
static struct names spared;

static int
lift(struct err *e)
{
	const struct target **targets = calloc(policy.n_targets + 1, sizeof(*targets));
	struct lift_request request = { .targets = targets,
					.n = policy.n_targets,
					.ports = ports,
					.txn = "0123456789ab",
					.expiry_s = 60,
					.window_s = 60 };
	struct plan *plan = NULL;
	int rc = -1;

	for (size_t i = 0; targets && i < policy.n_targets; i++)
		targets[i] = &policy.targets[i];
	if (targets && ops->plan(backend, &request, &plan, e) == 0) {
		if (ops->apply(backend, plan, e) == OUTCOME_DONE)
			rc = 0;
		json_decref(record);
		record = ops->record(plan);
		ops->plan_free(plan);
	}
	free(targets);
	return rc;
}

static int
read_cover(struct err *e)
{
	ops->cover_free(cover);
	cover = NULL;
	return ops->cover(backend, record, &cover, e);
}

static int
list(struct err *e, struct names *names)
{
	return cover ? ops->flows(backend, cover, names, e) : read_cover(e);
}

static int
spare(struct err *e)
{
	names_fini(&spared);
	spared = (struct names){ 0 };
	return list(e, &spared);
}

static int
do_word(const char *word, struct err *e)
{
	struct names names = { 0 };
	uint64_t generation;
	size_t n = 0;
	int rc = 0;

	if (!strcmp(word, "lift"))
		return lift(e);
	if (!strcmp(word, "cover"))
		return read_cover(e);
	if (!strcmp(word, "spare"))
		return spare(e);
	if (!strcmp(word, "revert"))
		return ops->revert(backend, record, NULL, e) == OUTCOME_DONE ? 0 : -1;
	if (!strcmp(word, "generation")) {
		rc = ops->generation(backend, &generation, e);
		printf("%llu\n", (unsigned long long)generation);
	} else if (!strcmp(word, "cut")) {
		rc = ops->cut(backend, cover, &spared, &n, e) == OUTCOME_DONE ? 0 : -1;
		printf("%zu\n", n);
	} else if (!strcmp(word, "flows")) {
		rc = list(e, &names);
		for (size_t i = 0; i < names.n; i++)
			printf("%s\n", names.v[i]);
		names_fini(&names);
	} else {
		rc = err_set(e, ERR_USAGE, "%s is not known", word);
	}
	return rc;
}

static int
get_ready(char **argv, struct err *e)
{
	unsigned challenges;

	ops = strcmp(argv[1], "iptables") ? nftables_backend() : iptables_backend();
	if (policy_load(&policy, argv[2], e) < 0 || challenges_parse(argv[3], &challenges, e) < 0)
		return -1;
	ports = challenges_ports(challenges);
	return ops->open(&backend, e);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	char word[64];

	if (argc != 4 || get_ready(argv, &e) < 0) {
		fprintf(stderr, "flows: %s\n", argc == 4 ? e.msg : "BACKEND POLICY CHALLENGES");
		return 2;
	}
	while (scanf("%63s", word) == 1) {
		e = ERR_INIT;
		if (do_word(word, &e) < 0)
			printf("error: %s\n", e.msg);
		printf(".\n");
		fflush(stdout);
	}
	if (cover)
		ops->cover_free(cover);
	json_decref(record);
	names_fini(&spared);
	policy_fini(&policy);
	ops->close(backend);
	return 0;
}
