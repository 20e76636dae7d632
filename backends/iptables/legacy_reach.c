/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_reach.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64u

static const struct {
	const char *chain;
	unsigned hook;
} base[] = {
	{ "PREROUTING", HOOK_PREROUTING },
	{ "INPUT", HOOK_INPUT },
	{ "FORWARD", HOOK_FORWARD },
};

bool
reach_excludes(const struct reach *reach, const struct rule *rule)
{
	for (size_t i = 0; i < reach->ports.n; i++)
		if (!rule_excludes(rule, reach->ports.v[i]))
			return false;
	return true;
}

static bool
rule_may(const struct reach *reach, const struct rule *rule, enum rule_target verdict,
	 const unsigned char *chains)
{
	if (reach_excludes(reach, rule))
		return false;
	if (rule->target == RULE_CHAIN)
		return chains[rule->chain];
	return rule->target == verdict;
}

bool
reach_rule_denies(const struct reach *reach, const struct rule *rule)
{
	return rule_may(reach, rule, RULE_DENY, reach->denies);
}

bool
reach_rule_accepts(const struct reach *reach, const struct rule *rule)
{
	return rule_may(reach, rule, RULE_ACCEPT, reach->accepts);
}

/* One round of spreading from chain to chain; true if something is new. */
static bool
spread(struct reach *reach)
{
	bool more = false;

	for (size_t i = 0; i < reach->save->n_rules; i++) {
		const struct rule *rule = &reach->rules[i];
		size_t in = reach->save->rules[i].chain;
		unsigned hooks = reach->hooks[in];

		if (!reach->denies[in] && reach_rule_denies(reach, rule))
			reach->denies[in] = more = true;
		if (!reach->accepts[in] && reach_rule_accepts(reach, rule))
			reach->accepts[in] = more = true;
		if (rule->target != RULE_CHAIN || !(hooks & ~reach->hooks[rule->chain]) ||
		    reach_excludes(reach, rule))
			continue;
		reach->hooks[rule->chain] |= hooks;
		more = true;
	}
	return more;
}

int
reach_init(struct reach *reach, const struct save *save, const struct ports *ports, struct err *e)
{
	*reach = (struct reach){ .save = save, .ports = *ports };
	reach->rules = calloc(save->n_rules + 1, sizeof(*reach->rules));
	reach->hooks = calloc(save->n_chains + 1, sizeof(*reach->hooks));
	reach->denies = calloc(save->n_chains + 1, 1);
	reach->accepts = calloc(save->n_chains + 1, 1);
	if (!reach->rules || !reach->hooks || !reach->denies || !reach->accepts) {
		reach_fini(reach);
		return err_set(e, ERR_FAILED, "out of memory while looking at the rules");
	}
	for (size_t i = 0; i < save->n_rules; i++)
		rule_read(&reach->rules[i], save, i);
	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++) {
		size_t chain = save_chain(save, base[i].chain);

		if (chain != SAVE_NONE && save->chains[chain].policy)
			reach->hooks[chain] = base[i].hook;
	}
	while (spread(reach))
		;
	return 0;
}

void
reach_fini(struct reach *reach)
{
	free(reach->rules);
	free(reach->hooks);
	free(reach->denies);
	free(reach->accepts);
	*reach = (struct reach){ 0 };
}

static bool
denied_after(const struct reach *reach, size_t index, unsigned depth)
{
	const struct save *save = reach->save;
	size_t in = save->rules[index].chain;
	const struct save_chain *chain = &save->chains[in];

	for (size_t i = index + 1; i < chain->first + chain->n; i++)
		if (reach_rule_denies(reach, &reach->rules[i]))
			return true;
	if (chain->policy)
		return strcmp(chain->policy, "ACCEPT") != 0;
	if (depth == 0)
		return true;
	for (size_t i = 0; i < save->n_rules; i++)
		if (reach->rules[i].target == RULE_CHAIN && reach->rules[i].chain == in &&
		    reach->hooks[save->rules[i].chain] && denied_after(reach, i, depth - 1))
			return true;
	return false;
}

bool
reach_denied_after(const struct reach *reach, size_t rule)
{
	return denied_after(reach, rule, 8);
}

static bool
falls_off(const struct reach *reach, size_t index, unsigned depth)
{
	const struct save_chain *chain = &reach->save->chains[index];

	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		const struct rule *rule = &reach->rules[i];

		if (rule->target == RULE_RETURN)
			return true;
		if (!rule->total || rule->odd)
			continue;
		if (rule->target == RULE_DENY || rule->target == RULE_ACCEPT)
			return false;
		if (rule->target == RULE_CHAIN && depth > 0 &&
		    !falls_off(reach, rule->chain, depth - 1))
			return false;
	}
	return true;
}

bool
reach_falls_off(const struct reach *reach, size_t chain)
{
	return falls_off(reach, chain, DEPTH_MAX);
}

const char *
reach_hooks_text(unsigned hooks)
{
	static const char *const texts[] = {
		[0] = "nowhere",
		[HOOK_PREROUTING] = "PREROUTING",
		[HOOK_INPUT] = "INPUT",
		[HOOK_FORWARD] = "FORWARD",
		[HOOK_INPUT | HOOK_FORWARD] = "INPUT and FORWARD",
		[HOOK_PREROUTING | HOOK_INPUT] = "PREROUTING and INPUT",
		[HOOK_PREROUTING | HOOK_FORWARD] = "PREROUTING and FORWARD",
		[HOOK_PREROUTING | HOOK_INPUT | HOOK_FORWARD] = "PREROUTING, INPUT and FORWARD",
	};

	return hooks < sizeof(texts) / sizeof(texts[0]) ? texts[hooks] : "several hooks";
}
