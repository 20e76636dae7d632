/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever the bytes: no crash, an error with a place or a policy; and a policy's targets, written
 * as a document, are understood the same.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void
same_patterns(const struct patterns *a, const struct patterns *b)
{
	MUST(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		MUST(strcmp(a->v[i].text, b->v[i].text) == 0);
		MUST(a->v[i].line > 0);
	}
}

static void
same_target(const struct target *a, const struct target *b)
{
	MUST(strcmp(a->name, b->name) == 0);
	MUST(strcmp(a->backend, b->backend) == 0);
	MUST((a->table == NULL) == (b->table == NULL) &&
	     (a->table == NULL) == (a->command != NULL || a->recipe != NULL));
	MUST(a->table == NULL || strcmp(a->table, b->table) == 0);
	MUST(a->command == NULL || (a->command[0][0] == '/' && a->deadline_s > 0));
	MUST(a->recipe == NULL ||
	     (strcmp(a->recipe, b->recipe) == 0 && a->deadline_s == b->deadline_s));
	MUST(a->action == b->action && a->line > 0 && a->table_line >= a->line);
	same_patterns(&a->rules.chain, &b->rules.chain);
	same_patterns(&a->rules.set, &b->rules.set);
	same_patterns(&a->rules.map, &b->rules.map);
	same_patterns(&a->rules.comment, &b->rules.comment);
	MUST(a->rules.n_handles == b->rules.n_handles);
	for (size_t i = 0; i < a->rules.n_handles; i++)
		MUST(a->rules.handles[i] == b->rules.handles[i]);
}

static void
round_trip(const struct policy *policy)
{
	json_t *document = policy_document(policy->targets, policy->n_targets);
	struct err e = ERR_INIT;
	struct policy back;
	char *text;

	MUST(document != NULL);
	text = json_dumps(document, JSON_INDENT(2));
	json_decref(document);
	MUST(text != NULL);
	MUST(policy_parse(&back, "again", text, strlen(text), &e) == 0);
	MUST(back.n_targets == policy->n_targets);
	for (size_t i = 0; i < back.n_targets; i++) {
		same_target(&policy->targets[i], &back.targets[i]);
		MUST(target_same(&policy->targets[i], &back.targets[i]));
	}
	policy_fini(&back);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct policy policy;

	if (policy_parse(&policy, "fuzz", size == 0 ? "" : (const char *)data, size, &e) == 0) {
		MUST(policy.n_targets > 0 && policy.window_s <= policy.max_window_s);
		MUST(policy.alert == NULL || policy.alert[0][0] == '/');
		round_trip(&policy);
	} else {
		MUST(e.code == ERR_POLICY && strncmp(e.msg, "fuzz:", 5) == 0);
		for (const char *p = e.msg; *p != '\0'; p++)
			MUST(*p >= 0x20 && *p < 0x7f);
	}
	policy_fini(&policy);
	return 0;
}
