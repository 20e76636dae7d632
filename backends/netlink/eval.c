/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "eval.h"

#include <string.h>

#include "element.h"
#include "eval_step.h"
#include "expr.h"
#include "nf.h"

static enum truth
both(enum truth a, enum truth b)
{
	if (a == TRUTH_NO || b == TRUTH_NO)
		return TRUTH_NO;
	return a == TRUTH_YES && b == TRUTH_YES ? TRUTH_YES : TRUTH_MAYBE;
}

/* A test of the source, or of a mark that tells of it. */
enum truth
step_by_view(const struct step *s, bool inverted)
{
	if (s->packet->addressed)
		s->eval->source_unclear = true;
	if (s->view == VIEW_INSIDE)
		return TRUTH_YES;
	if (s->view == VIEW_ANYWHERE)
		return TRUTH_MAYBE;
	return inverted ? TRUTH_YES : TRUTH_NO;
}

/* --- comparisons --- */

/* Known bytes only: <0, 0, >0, or *known false when it depends on others. */
static int
compare_known(const struct registers *r, uint32_t reg, const struct expr_data *to, bool *known)
{
	size_t at = reg_word(reg) * 4;

	for (size_t i = 0; i < to->len && at + i < REG_WORDS * 4; i++) {
		*known = r->known[at + i];
		if (!*known)
			return 0;
		if (r->value[at + i] != to->v[i])
			return r->value[at + i] < to->v[i] ? -1 : 1;
	}
	*known = true;
	return 0;
}

static bool
some_byte_differs(const struct registers *r, uint32_t reg, const struct expr_data *to)
{
	size_t at = reg_word(reg) * 4;

	for (size_t i = 0; i < to->len && at + i < REG_WORDS * 4; i++) {
		if (r->known[at + i] && r->value[at + i] != to->v[i])
			return true;
	}
	return false;
}

/* "lo": validation never comes from there. */
static bool
is_loopback(const struct expr_data *d)
{
	uint32_t index;

	if (d->len == 4) {
		memcpy(&index, d->v, 4);
		return index == 1;
	}
	return d->len >= 3 && memcmp(d->v, "lo", 3) == 0;
}

static bool
is_zero(const struct expr_data *d)
{
	for (size_t i = 0; i < d->len; i++) {
		if (d->v[i])
			return false;
	}
	return true;
}

static enum truth
compare(const struct step *s, const struct expr *x)
{
	enum tag tag = step_tag(&s->r, x->sreg, x->a.len);
	bool known, inverted = x->op == NFT_CMP_NEQ;
	int order;

	if (step_is_viewed(s, x->sreg, x->a.len))
		return step_by_view(s, inverted);
	if (tag == TAG_INTERFACE && is_loopback(&x->a))
		return truth_of(inverted);
	if (tag == TAG_ROUTE && is_zero(&x->a) && (inverted || x->op == NFT_CMP_EQ))
		return truth_of(inverted); /* `missing` */
	if (inverted && some_byte_differs(&s->r, x->sreg, &x->a))
		return TRUTH_YES;
	if (x->op == NFT_CMP_EQ && some_byte_differs(&s->r, x->sreg, &x->a))
		return TRUTH_NO;
	order = compare_known(&s->r, x->sreg, &x->a, &known);
	if (!known || x->a.len == 0)
		return TRUTH_MAYBE;
	switch (x->op) {
	case NFT_CMP_EQ:
		return truth_of(order == 0);
	case NFT_CMP_NEQ:
		return truth_of(order != 0);
	case NFT_CMP_LT:
		return truth_of(order < 0);
	case NFT_CMP_LTE:
		return truth_of(order <= 0);
	case NFT_CMP_GT:
		return truth_of(order > 0);
	case NFT_CMP_GTE:
		return truth_of(order >= 0);
	default:
		return TRUTH_MAYBE;
	}
}

static enum truth
compare_range(const struct step *s, const struct expr *x)
{
	bool inverted = x->op == NFT_RANGE_NEQ, from_known, to_known, in;
	int from, to;

	if (step_is_viewed(s, x->sreg, x->a.len))
		return step_by_view(s, inverted);
	from = compare_known(&s->r, x->sreg, &x->a, &from_known);
	to = compare_known(&s->r, x->sreg, &x->b, &to_known);
	if (!from_known || !to_known)
		return TRUTH_MAYBE;
	in = from >= 0 && to <= 0;
	return truth_of(in != inverted);
}

/* --- the rest --- */

static enum truth
rate(const struct step *s, const struct expr *x)
{
	bool over = (x->flags & 1) != 0;

	/* A single connection is below every limit: `limit rate over` does not match. */
	return truth_of(over == s->eval->over_limits);
}

static enum truth
update_set(const struct step *s, const struct expr *x)
{
	struct expr nested;

	/* `add @set { ip saddr limit rate over ... }`: as the limit. */
	/* Without one the set may have it; the kernel does not say so in the rule. */
	if (!x->nested || !expr_parse(x->nested, &nested))
		return TRUTH_MAYBE;
	if (nested.kind == EXPR_LIMIT || nested.kind == EXPR_CONNLIMIT || nested.kind == EXPR_QUOTA)
		return rate(s, &nested);
	return TRUTH_YES;
}

void
step_end_with(struct step *s, uint32_t verdict, const char *chain)
{
	step_add_branch(s->result, verdict, chain);
	s->stop = true;
}

static enum truth
immediate(struct step *s, const struct expr *x)
{
	if (x->dreg != NFT_REG_VERDICT)
		step_set_known(&s->r, x->dreg, x->a.v ? x->a.v : (const uint8_t *)"", x->a.len);
	else if (x->is_verdict)
		step_end_with(s, x->verdict, x->chain);
	return TRUTH_YES;
}

/* To another port, as far as that is known. */
static void
translate(struct step *s, const struct expr *x)
{
	size_t at = reg_word(x->sreg) * 4;
	uint16_t port = 0;

	if (x->sreg == EXPR_NO_REG)
		return; /* the port stays */
	if (s->r.known[at] && s->r.known[at + 1])
		port = (uint16_t)(s->r.value[at] << 8 | s->r.value[at + 1]);
	if (port == s->packet->port.number)
		return;
	s->result->translates = true;
	s->result->redirects = x->kind == EXPR_REDIR;
	s->result->to_port = port;
}

static enum truth
evaluate_terminal(struct step *s, const struct expr *x)
{
	if (x->kind == EXPR_REDIR || (x->kind == EXPR_NAT && x->op == NFT_NAT_DNAT))
		translate(s, x);
	step_end_with(s, x->kind == EXPR_REJECT ? NF_DROP : NF_ACCEPT, NULL);
	return TRUTH_YES;
}

static enum truth
evaluate(struct step *s, const struct expr *x)
{
	switch (x->kind) {
	case EXPR_META:
	case EXPR_CT:
	case EXPR_PAYLOAD:
		return step_load_or_store(s, x);
	case EXPR_BITWISE:
	case EXPR_BYTEORDER:
		return step_transform(s, x);
	case EXPR_CMP:
		return compare(s, x);
	case EXPR_RANGE:
		return compare_range(s, x);
	case EXPR_LOOKUP:
		return step_look_up(s, x);
	case EXPR_IMMEDIATE:
		return immediate(s, x);
	case EXPR_LIMIT:
	case EXPR_QUOTA:
	case EXPR_CONNLIMIT:
		return rate(s, x);
	case EXPR_DYNSET:
		return update_set(s, x);
	case EXPR_FIB:
		/* Whether there is a route back is known, of which type an address is not. */
		step_set_unknown(&s->r, x->dreg, 16,
				 x->key == NFT_FIB_RESULT_ADDRTYPE ? TAG_NONE : TAG_ROUTE);
		return TRUTH_YES;
	case EXPR_OBJREF:
		/* A named limit or quota: whether it is one that is exceeded is not seen here. */
		return x->key == NFT_OBJECT_LIMIT || x->key == NFT_OBJECT_QUOTA ||
				       x->key == NFT_OBJECT_CONNLIMIT
			       ? TRUTH_MAYBE
			       : TRUTH_YES;
	case EXPR_NEUTRAL:
		return TRUTH_YES;
	case EXPR_REJECT:
	case EXPR_STOLEN:
	case EXPR_NAT:
	case EXPR_REDIR:
		return evaluate_terminal(s, x);
	case EXPR_MATCH:
		return step_extension_match(s, x);
	case EXPR_TARGET:
		return step_extension_target(s, x);
	case EXPR_OTHER:
		break;
	}
	/* It may have written any register. */
	s->eval->source_unclear |= s->packet->addressed && strcmp(x->name, "xfrm") == 0;
	memset(&s->r, 0, sizeof(s->r));
	return TRUTH_MAYBE;
}

void
eval_rule(struct eval *eval, const struct rule *rule, const struct packet *packet, enum view view,
	  struct evaluation *result)
{
	struct step s = {
		.eval = eval, .rule = rule, .packet = packet, .view = view, .result = result
	};

	result->match = rule->ours ? TRUTH_NO : TRUTH_YES;
	result->n = 0;
	result->translates = result->redirects = result->unread = false;
	result->to_port = 0;
	for (size_t i = rule->core; i < rule->n && !s.stop && result->match != TRUTH_NO; i++)
		result->match = both(result->match, evaluate(&s, &rule->v[i]));
	if (result->n == 0 && !result->unread)
		step_add_branch(result, (uint32_t)NFT_CONTINUE, NULL);
}
