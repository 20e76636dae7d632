/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plan says to people. */
#include <stdio.h>
#include <string.h>

#include "lift.h"
#include "lift_private.h"

const char *
lift_where_rule(char buf[WHERE_BUF], const struct rule *rule)
{
	char name[NAME_BUF];

	snprintf(buf, WHERE_BUF, "%s %s handle %llu", rule->chain->table->text,
		 err_name(name, rule->chain->name), (unsigned long long)rule->handle);
	return buf;
}

char *
lift_where(const struct lift *lift, size_t i)
{
	const struct lift_step *step = &lift->steps[i];
	char where[WHERE_BUF], name[NAME_BUF];

	if (step->action != ACTION_SET)
		return strdup(lift_where_rule(where, step->suspect.rule));
	snprintf(where, sizeof(where), "%s set %s", step->set->table->text,
		 err_name(name, step->set->name));
	return strdup(where);
}

static const char *
by_what(char *buf, size_t size, const struct suspect *s)
{
	const struct criterion *c = &s->criterion;
	char name[NAME_BUF];

	if (!s->has_criterion)
		snprintf(buf, size, "packets");
	else if (s->by_mark && (s->marked_by || s->marked_by_ipset))
		snprintf(buf, size, "packets whose mark was set by %s%s",
			 s->marked_by ? "@" : "ipset ",
			 err_name(name, s->marked_by ? s->marked_by->name : s->marked_by_ipset));
	else if (c->of == OF_MARK || c->of == OF_CTMARK)
		snprintf(buf, size, "packets by their mark");
	else if (c->kind == SOURCE_ANONYMOUS)
		snprintf(buf, size, "sources%s in its anonymous set", c->inverted ? " not" : "");
	else if (c->set || c->ipset)
		snprintf(buf, size, "sources%s in %s%s", c->inverted ? " not" : "",
			 c->set ? "@" : "ipset ", err_name(name, criterion_name(c)));
	else
		snprintf(buf, size, "sources by address");
	return buf;
}

char *
lift_reason(const struct lift *lift, size_t i)
{
	const struct lift_step *step = &lift->steps[i];
	char what[NAME_BUF + 64], *text;
	int n;

	if (step->action == ACTION_SET)
		return strdup(
			"the ruleset opens the ports that are in this set; no rule is touched");
	by_what(what, sizeof(what), &step->suspect);
	if (step->action == ACTION_SKIP && step->suspect.effect == EFFECT_NONE)
		n = asprintf(&text,
			     "marks %s, as others that must stay out: packets to the lifted ports "
			     "skip this rule and do not get the mark",
			     what);
	else if (step->action == ACTION_SKIP)
		n = asprintf(&text,
			     "denies %s: packets to the lifted ports skip this rule and meet the "
			     "next",
			     what);
	else if (step->suspect.effect == EFFECT_NONE)
		n = asprintf(&text,
			     "sends %s through what may keep some of them out: a copy without that "
			     "test sends all packets to the lifted ports there",
			     what);
	else
		n = asprintf(&text,
			     "lets through %s, others are dropped later: a copy without that test "
			     "takes all packets to the lifted ports",
			     what);
	return n < 0 ? NULL : text;
}
