/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is different in tables of iptables-nft. Its tools save what they show: our prefix before the
 * administrator's rule is not, a rule of ours is; and `ct` hides the whole table from them, so that
 * an empty one is saved. So rules that drop are skipped wherever that is enough, and a rule that
 * lets through has, beside our prefix, tests that iptables shows: its ports, and when it ends.
 */
#include <string.h>
#include <time.h>

#include "lift.h"
#include "lift_private.h"
#include "nf.h"

#define MANY_RULES 16 /* of one chain; with more, the jump to it is changed instead */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory while planning");
}

/* --- rules of our own --- */

static bool
is_wanted(const struct lift_step *step, const struct port *port)
{
	return step->protos & (port->proto == IPPROTO_TCP ? 1u : 2u);
}

size_t
lift_step_protos(const struct lift *lift, const struct lift_step *step, uint8_t protos[2])
{
	const struct ports *ports = lift_step_ports(lift, step);
	size_t n = 0;

	for (size_t k = 0; k < 2; k++) {
		uint8_t proto = k == 0 ? IPPROTO_TCP : IPPROTO_UDP;
		bool asked = false;

		for (size_t i = 0; i < ports->n; i++)
			asked |= ports->v[i].proto == proto && is_wanted(step, &ports->v[i]);
		if (asked)
			protos[n++] = proto;
	}
	return n;
}

size_t
lift_step_marks(const struct lift *lift, const struct lift_step *step)
{
	const struct ports *asked = &lift->request.ports;
	uint8_t protos[2];
	size_t n = 0;

	if (step->protos == 0)
		return 1;
	if (step->action == ACTION_SKIP)
		return 1 + (step->by_original ? lift_step_protos(lift, step, protos) : 0);
	if (!step->by_original)
		return lift_step_protos(lift, step, protos);
	for (size_t i = 0; i < asked->n; i++)
		n += is_wanted(step, &asked->v[i]);
	return n;
}

void
lift_iptables_step(const struct lift *lift, struct lift_step *step)
{
	const struct lift_request *request = &lift->request;

	for (size_t p = 0; p < lift->packets.n; p++) {
		if (step->suspect.concerns & 1u << p)
			step->protos |= lift->packets.v[p].port.proto == IPPROTO_TCP ? 1u : 2u;
	}
	step->until =
		time(NULL) + (time_t)(request->window_s > request->expiry_s ? request->window_s
									    : request->expiry_s);
}

int
lift_iptables_notes(struct lift *lift)
{
	for (size_t i = 0; i < lift->n; i++) {
		const struct lift_step *step = &lift->steps[i];
		char where[WHERE_BUF];
		int rc = 0;

		if (step->action == ACTION_SET || step->protos == 0)
			continue;
		lift_where_rule(where, step->suspect.rule);
		if (step->action == ACTION_WIDEN)
			rc = names_addf(&lift->notes,
					"a rule of geopause's stands behind %s while the window is "
					"open, and iptables shows it; should it be saved, its `-m "
					"time --datestop` is over after the window",
					where);
		else if (step->by_original)
			rc = names_addf(&lift->notes,
					"a rule of geopause's stands before %s while the window is "
					"open, and iptables shows it: it blocks as that rule does, "
					"but only what was published by other ports than the "
					"lifted ones",
					where);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* --- many rules of one chain --- */

static size_t
count_steps(const struct lift *lift, const struct chain *chain)
{
	size_t n = 0;

	for (size_t i = 0; i < lift->n; i++)
		n += lift->steps[i].action == ACTION_SKIP &&
		     lift->steps[i].suspect.rule->chain == chain;
	return n;
}

/* Does a packet pass the rule, or leave the chain by it as at its end? */
static bool
passes(struct eval *eval, const struct rule *rule, const struct packets *packets)
{
	for (size_t p = 0; p < packets->n; p++) {
		struct evaluation result;

		if (!(rule->reached & 1u << p))
			continue;
		eval_new_packet(eval);
		eval_rule(eval, rule, &packets->v[p], VIEW_ANYWHERE, &result);
		for (size_t b = 0; result.match != TRUTH_NO && b < result.n; b++) {
			if (rule != rule->chain->rules[rule->chain->n - 1] ||
			    (int32_t)result.v[b].verdict != NFT_RETURN)
				return false;
		}
	}
	return true;
}

static bool
only_blocks(struct eval *eval, const struct lift *lift, const struct chain *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		if (!lift_is_planned(lift, chain->rules[i]) &&
		    !passes(eval, chain->rules[i], &lift->packets))
			return false;
	}
	return true;
}

/* The one rule of the table that leads to the chain, if it is a jump that comes back. */
static struct rule *
find_jump(const struct ruleset *rs, const struct chain *to)
{
	struct rule *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		for (size_t j = 0; chain->table == to->table && j < chain->n; j++) {
			for (size_t k = 0; k < chain->rules[j]->n; k++) {
				const struct expr *x = &chain->rules[j]->v[k];

				if (!x->is_verdict || !x->chain || strcmp(x->chain, to->name) != 0)
					continue;
				found = (int32_t)x->verdict == NFT_JUMP ? chain->rules[j] : NULL;
				n++;
			}
		}
	}
	return n == 1 ? found : NULL;
}

/* Takes the chain's steps out of the plan; *jump gets what they had in common. */
static void
drop_steps(struct lift *lift, const struct chain *chain, struct suspect *jump)
{
	size_t kept = 0;

	for (size_t i = 0; i < lift->n; i++) {
		const struct lift_step *step = &lift->steps[i];

		if (step->action != ACTION_SKIP || step->suspect.rule->chain != chain) {
			lift->steps[kept++] = *step;
			continue;
		}
		jump->target = step->suspect.target;
		jump->concerns |= step->suspect.concerns;
	}
	lift->n = kept;
}

static int
take_jump(struct lift *lift, struct eval *eval, const struct chain *chain, struct err *e)
{
	struct suspect jump = { .effect = EFFECT_DENY };
	size_t n = count_steps(lift, chain);
	char where[WHERE_BUF];

	if (n <= MANY_RULES || chain->base || !only_blocks(eval, lift, chain))
		return 0;
	jump.rule = find_jump(&lift->rs, chain);
	if (!jump.rule || lift_is_planned(lift, jump.rule))
		return 0;
	drop_steps(lift, chain, &jump);
	jump.rule->lifted = true;
	if (names_addf(&lift->notes,
		       "the %zu rules of the chain that rule %s jumps to are lifted by that jump",
		       n, lift_where_rule(where, jump.rule)) < 0)
		return no_memory(e);
	return lift_plan_skip(lift, &jump, e);
}

int
lift_iptables_jumps(struct lift *lift, struct eval *eval, struct err *e)
{
	for (size_t i = 0; lift->n > MANY_RULES && i < lift->rs.n_chains; i++) {
		const struct chain *chain = lift->rs.chains[i];

		if (chain->table->iptables && take_jump(lift, eval, chain, e) < 0)
			return -1;
	}
	return 0;
}
