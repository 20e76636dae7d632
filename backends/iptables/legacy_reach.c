/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_reach.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64u
#define UNKNOWN_YET 0xffu

static const struct {
	const char *chain;
	unsigned hook;
} base[] = {
	{ "PREROUTING", HOOK_PREROUTING },
	{ "INPUT", HOOK_INPUT },
	{ "FORWARD", HOOK_FORWARD },
};

static size_t
index_of(const struct reach *reach, const struct rule *rule)
{
	return (size_t)(rule->at - reach->save->rules);
}

/* Does the packet come by the rule's chain in this form? */
static bool
comes_by(const struct reach *reach, const struct rule *rule, size_t k)
{
	const size_t chain = reach->save->rules[index_of(reach, rule)].chain;

	return !reach->packets[k].translated || reach->hooks[chain] & HOOKS_BEHIND_NAT;
}

bool
reach_meets(const struct reach *reach, const struct rule *rule, size_t k)
{
	return comes_by(reach, rule, k) &&
	       reach->answers[index_of(reach, rule) * reach->n_packets + k] != TRUTH_NO;
}

enum truth
reach_meets_unnamed(const struct reach *reach, const struct rule *rule, size_t k)
{
	if (rule->named || !comes_by(reach, rule, k))
		return TRUTH_NO;
	return (enum truth)reach->answers[index_of(reach, rule) * reach->n_packets + k];
}

bool
reach_excludes(const struct reach *reach, const struct rule *rule)
{
	for (size_t k = 0; k < reach->n_packets; k++)
		if (reach_meets(reach, rule, k))
			return false;
	return true;
}

struct rule *
reach_rule(const struct reach *reach, size_t index)
{
	struct rule *rule = &reach->rules[index];
	unsigned char *answers = &reach->answers[index * reach->n_packets];

	if (reach->known[index])
		return rule;
	reach->known[index] = true;
	rule_read(rule, reach->save, index);
	for (size_t k = 0; k < reach->n_packets; k++)
		answers[k] = (unsigned char)packet_meets(&reach->packets[k], rule, NULL);
	return rule;
}

/* --- what any source may meet with --- */

static bool rule_may(const struct reach *reach, const struct rule *rule, enum rule_target verdict,
		     unsigned char *chains);

static bool
chain_may(const struct reach *reach, size_t index, enum rule_target verdict, unsigned char *chains)
{
	const struct save_chain *chain = &reach->save->chains[index];

	if (chains[index] != UNKNOWN_YET)
		return chains[index];
	/* Whoever comes back to it has met nothing new. */
	chains[index] = false;
	for (size_t i = chain->first; i < chain->first + chain->n && !chains[index]; i++)
		chains[index] = rule_may(reach, reach_rule(reach, i), verdict, chains);
	return chains[index];
}

static bool
rule_may(const struct reach *reach, const struct rule *rule, enum rule_target verdict,
	 unsigned char *chains)
{
	if (reach_excludes(reach, rule))
		return false;
	if (rule->target == RULE_CHAIN)
		return chain_may(reach, rule->chain, verdict, chains);
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
		const unsigned hooks = reach->hooks[reach->save->rules[i].chain];
		const struct rule *rule;

		if (!hooks || reach->save->rules[i].dull)
			continue;
		rule = reach_rule(reach, i);
		if (rule->target != RULE_CHAIN || !(hooks & ~reach->hooks[rule->chain]) ||
		    reach_excludes(reach, rule))
			continue;
		reach->hooks[rule->chain] |= hooks;
		more = true;
	}
	return more;
}

/* --- packets --- */

static void
add_packet(struct reach *reach, struct legacy_packet packet)
{
	reach->packets[reach->n_packets++] = packet;
}

static void
make_packets(struct reach *reach, const struct legacy_nat *nat)
{
	const struct ports *ports = &reach->ports;
	size_t n = nat ? nat->n : 0;

	for (size_t i = 0; i < ports->n; i++)
		add_packet(reach, (struct legacy_packet){ .port = ports->v[i],
							  .original = ports->v[i].number });
	for (size_t i = 0; i < n; i++)
		add_packet(reach,
			   (struct legacy_packet){ .port = { nat->v[i].from.proto, nat->v[i].to },
						   .original = nat->v[i].from.number,
						   .translated = true });
	if (nat && nat->unknown && ports->n)
		add_packet(reach, (struct legacy_packet){ .port = ports->v[0],
							  .original = ports->v[0].number,
							  .any_port = true,
							  .translated = true });
}

/* --- what becomes of a packet that nothing names --- */

static unsigned from_rule(const struct reach *reach, size_t chain, size_t rule, size_t k);

unsigned
reach_verdict(const struct reach *reach, const struct rule *rule, size_t k)
{
	if (rule->target == RULE_CHAIN)
		return from_rule(reach, rule->chain, reach->save->chains[rule->chain].first, k);
	return rule_outcomes(rule);
}

void
reach_rule_means(const struct reach *reach, const struct rule *rule, bool *denies, bool *accepts)
{
	unsigned outcomes = 0;

	*denies = reach_rule_denies(reach, rule);
	*accepts = reach_rule_accepts(reach, rule);
	if (!*denies || !*accepts)
		return;
	for (size_t k = 0; k < reach->n_packets; k++)
		if (reach_meets(reach, rule, k))
			outcomes |= reach_verdict(reach, rule, k);
	if (!(outcomes & (MAY_DROP | MAY_ACCEPT)))
		return;
	*denies = (outcomes & MAY_DROP) != 0;
	*accepts = (outcomes & MAY_ACCEPT) != 0;
}

/* Falling out of it ends the chain that it is in. */
static bool
ends_chain(const struct rule *rule)
{
	return rule->target == RULE_RETURN || (rule->target == RULE_CHAIN && rule->is_goto);
}

static unsigned
with_rule(const struct reach *reach, const struct rule *rule, size_t k, unsigned after)
{
	enum truth answer = reach_meets_unnamed(reach, rule, k);
	unsigned verdict;

	if (answer == TRUTH_NO)
		return after;
	verdict = reach_verdict(reach, rule, k);
	if (verdict & MAY_FALL && !ends_chain(rule))
		verdict = (verdict & ~(unsigned)MAY_FALL) | after;
	return answer == TRUTH_YES ? verdict : verdict | after;
}

/* From the chain's end, so that each rule is looked at once. */
static void
follow(const struct reach *reach, size_t index, size_t k)
{
	const struct save_chain *chain = &reach->save->chains[index];
	unsigned after = MAY_FALL;

	for (size_t i = chain->first + chain->n; i-- > chain->first;) {
		after = with_rule(reach, reach_rule(reach, i), k, after);
		reach->after[i * reach->n_packets + k] = (unsigned char)after;
	}
}

static unsigned
from_rule(const struct reach *reach, size_t index, size_t rule, size_t k)
{
	const struct save_chain *chain = &reach->save->chains[index];
	unsigned char *first;

	if (rule >= chain->first + chain->n)
		return MAY_FALL;
	first = &reach->after[chain->first * reach->n_packets + k];
	if (*first == UNKNOWN_YET) {
		*first = MAY_FALL; /* should it lead to itself, which the kernel refuses */
		follow(reach, index, k);
	}
	return reach->after[rule * reach->n_packets + k];
}

unsigned
reach_after(const struct reach *reach, size_t rule, size_t k)
{
	return from_rule(reach, reach->save->rules[rule].chain, rule + 1, k);
}

/* Behind all rules that lead to the chain. */
static unsigned
behind_jumps(const struct reach *reach, size_t chain, size_t k)
{
	unsigned outcomes = 0;

	for (size_t i = 0; i < reach->save->n_rules; i++) {
		const struct rule *rule = reach_rule(reach, i);
		unsigned after = MAY_FALL;

		if (rule->target != RULE_CHAIN || rule->chain != chain ||
		    !reach->hooks[rule->at->chain] || !reach_meets(reach, rule, k))
			continue;
		if (!rule->is_goto)
			after = reach_after(reach, i, k);
		if (after & MAY_FALL)
			after = (after & ~(unsigned)MAY_FALL) |
				reach_end(reach, rule->at->chain, k);
		outcomes |= after;
	}
	return outcomes;
}

unsigned
reach_end(const struct reach *reach, size_t index, size_t k)
{
	const struct save_chain *chain = &reach->save->chains[index];
	unsigned char *end = &reach->ends[index * reach->n_packets + k];

	if (chain->policy)
		return strcmp(chain->policy, "ACCEPT") ? MAY_DROP : MAY_ACCEPT;
	if (*end == UNKNOWN_YET) {
		*end = 0;
		*end = (unsigned char)behind_jumps(reach, index, k);
	}
	return *end;
}

bool
reach_denied_after(const struct reach *reach, size_t rule)
{
	size_t chain = reach->save->rules[rule].chain;

	for (size_t k = 0; k < reach->n_packets; k++) {
		unsigned after;

		if (!reach_meets(reach, reach_rule(reach, rule), k))
			continue;
		after = reach_after(reach, rule, k);
		if (after & MAY_DROP || (after & MAY_FALL && reach_end(reach, chain, k) & MAY_DROP))
			return true;
	}
	return false;
}

/* --- all of it --- */

static bool
make_room(struct reach *reach)
{
	size_t rules = reach->save->n_rules + 1, chains = reach->save->n_chains + 1;
	size_t n = reach->n_packets + 1;

	reach->rules = reallocarray(NULL, rules, sizeof(*reach->rules));
	reach->known = calloc(rules, sizeof(*reach->known));
	reach->hooks = calloc(chains, sizeof(*reach->hooks));
	reach->denies = malloc(chains);
	reach->accepts = malloc(chains);
	reach->answers = calloc(rules, n);
	reach->after = malloc(rules * n);
	reach->ends = malloc(chains * n);
	if (!reach->rules || !reach->known || !reach->hooks || !reach->denies || !reach->accepts ||
	    !reach->answers || !reach->after || !reach->ends)
		return false;
	memset(reach->denies, UNKNOWN_YET, chains);
	memset(reach->accepts, UNKNOWN_YET, chains);
	memset(reach->after, UNKNOWN_YET, rules * n);
	memset(reach->ends, UNKNOWN_YET, chains * n);
	return true;
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory while looking at the rules");
}

int
reach_init(struct reach *reach, const struct save *save, const struct ports *ports,
	   const struct legacy_nat *nat, struct err *e)
{
	*reach = (struct reach){ .save = save, .ports = *ports };
	make_packets(reach, nat);
	if (!make_room(reach)) {
		reach_fini(reach);
		return no_memory(e);
	}
	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++) {
		size_t chain = save_chain(save, base[i].chain);

		if (chain != SAVE_NONE && save->chains[chain].policy)
			reach->hooks[chain] = base[i].hook;
	}
	while (spread(reach))
		;
	return 0;
}

int
reach_done(struct reach *reach, int rc, struct err *e)
{
	const bool failed = reach->save && save_failed(reach->save);

	reach_fini(reach);
	return rc == 0 && failed ? no_memory(e) : rc;
}

void
reach_fini(struct reach *reach)
{
	free(reach->rules);
	free(reach->known);
	free(reach->hooks);
	free(reach->denies);
	free(reach->accepts);
	free(reach->answers);
	free(reach->after);
	free(reach->ends);
	*reach = (struct reach){ 0 };
}

static bool
falls_off(const struct reach *reach, size_t index, unsigned depth)
{
	const struct save_chain *chain = &reach->save->chains[index];

	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		const struct rule *rule = reach_rule(reach, i);

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

bool
reach_leaves_chain(const struct reach *reach, const struct rule *rule)
{
	return rule->target == RULE_RETURN ||
	       (rule->is_goto && reach_falls_off(reach, rule->chain));
}

void
reach_leaving(const struct reach *reach, size_t index, bool *saves, bool *keeps)
{
	const struct rule *rule = reach_rule(reach, index);

	*saves = *keeps = false;
	for (size_t k = 0; k < reach->n_packets; k++) {
		unsigned after, end;

		if (!reach_meets(reach, rule, k))
			continue;
		after = reach_after(reach, index, k);
		end = reach_end(reach, rule->at->chain, k);
		*saves |= after & MAY_DROP && end & MAY_ACCEPT;
		*keeps |= after & MAY_ACCEPT && end & MAY_DROP;
	}
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
