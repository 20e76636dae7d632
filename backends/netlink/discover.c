/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alike.h"
#include "backend.h"
#include "classify.h"
#include "copy.h"
#include "describe.h"
#include "facts.h"
#include "indirect.h"
#include "ipset.h"
#include "leads.h"
#include "mark.h"
#include "nf.h"
#include "select.h"
#include "sends.h"

#define TEXT_MAX 512

struct look {
	struct nl *nl;
	struct ruleset rs;
	struct packets packets;
	struct eval eval;
	struct selection sel;
	const char *backend;
	bool iptables; /* only iptables' tables; else all others */
	struct observations *found;
	struct alike alike;
	enum effect effects[ALIKE_MAX];
	struct err *e;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory while looking for geo-blocks");
}

static char *
copy_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* Table names as the policy has them, unescaped. */
static char *
table_name(const struct look *look, const struct table *table)
{
	char *text;

	if (look->iptables)
		return strdup(table->name);
	return asprintf(&text, "%s %s", family_name(table->family), table->name) < 0 ? NULL : text;
}

static void
observe_place(struct look *look, struct observation *o, const struct rule *rule)
{
	char text[TEXT_MAX];

	o->chain = strdup(rule->chain->name);
	o->handle = rule->handle;
	o->comment = copy_or_null(rule->comment);
	o->text = strdup(describe_rule(text, sizeof(text), &look->rs, rule));
	o->hook = strdup(describe_hooks(text, sizeof(text), &look->rs, rule));
}

static const char *
refusal_of(const struct rule *rule)
{
	const char *why = copy_refusal(rule);

	if (why)
		return why;
	if (rule->at & AT_BRIDGE)
		return "bridge and arp tables are not supported";
	if (rule->at == AT_OUTGOING)
		return "it is reached from an output, postrouting or egress hook: it blocks "
		       "replies";
	return NULL;
}

static int
observe_set(struct look *look, struct observation *o, const struct set *set)
{
	struct set *readable = ruleset_set(&look->rs, set->table, set->name);

	if (!(set->flags & NFT_SET_ANONYMOUS))
		o->set = strdup(set->name);
	o->set_comment = copy_or_null(set->comment);
	return facts_read(&o->facts, look->nl, readable, look->e);
}

static int
observe_ipset(struct look *look, struct observation *o, const char *name)
{
	struct err unread = ERR_INIT;

	o->set = strdup(name);
	/* Facts or nothing: a set of another kind, or one that went away, is not counted. */
	if (ipset_facts(look->nl, name, &o->facts, &unread) < 0)
		o->facts = (struct set_facts){ .elements = SIZE_MAX };
	return o->set ? 0 : no_memory(look->e);
}

/* Rules that let through matter only where something drops the rest. */
static enum effect
find_effect(struct look *look, const struct suspect *s)
{
	unsigned outside;

	if (s->concerns == 0 || s->effect != EFFECT_ALLOW)
		return s->concerns == 0 ? EFFECT_NONE : s->effect;
	outside = classify_outside(&look->eval, s->rule, s->concerns, &look->packets);
	return outside & MAY_DROP ? EFFECT_ALLOW : EFFECT_NONE;
}

static void
observe_effect(struct look *look, struct observation *o, const struct suspect *s)
{
	size_t kind;

	if (!alike_seen(&look->alike, s, &kind))
		look->effects[kind] = find_effect(look, s);
	o->effect = look->effects[kind];
	o->kinds[0] = kind + 1;
}

static int
tell_numbers(struct observations *found, size_t from)
{
	for (size_t i = from; i < found->n; i++) {
		struct observation *o = &found->v[i];
		char *text = o->text;

		if (o->n_more == 0)
			continue;
		if (asprintf(&o->text, "%s (and %zu more like this)", text, o->n_more) < 0) {
			o->text = text;
			return -1;
		}
		free(text);
	}
	return 0;
}

static int
observe_suspect(struct look *look, const struct suspect *s)
{
	const struct criterion *c = &s->criterion;
	const struct set *set = s->by_mark ? s->marked_by : c->set;
	const char *ipset = s->by_mark ? s->marked_by_ipset : c->ipset;
	bool elsewhere = s->by_mark && (set || ipset);
	char why[INDIRECT_WHY_MAX];
	struct observation *o = observations_add(look->found);

	if (!o)
		return no_memory(look->e);
	o->backend = look->backend;
	/* Policies name what wrote the mark; the rules that test it follow, in every table. */
	o->table = table_name(look, (elsewhere ? s->writer : s->rule)->chain->table);
	observe_place(look, o, s->rule);
	o->source = !elsewhere                          ? c->kind
		    : set && (set->flags & NFT_SET_MAP) ? SOURCE_MAP
							: SOURCE_SET;
	o->inverted = c->inverted;
	o->by_mark = s->by_mark;
	o->destination = c->of == OF_DESTINATION;
	o->sends =
		s->concerns && sends_by_source(&look->eval, s->rule, s->concerns, &look->packets);
	facts_of_literal(&o->facts, s->rule, c);
	if (set && observe_set(look, o, set) < 0)
		return -1;
	if (ipset && observe_ipset(look, o, ipset) < 0)
		return -1;
	if (leads_find(&o->leads_to, look->nl, &look->rs, s->rule, c, look->e) < 0)
		return -1;
	o->spared_by = s->spared_by ? strdup(s->spared_by->name) : NULL;
	if (!o->destination)
		observe_effect(look, o, s);
	o->refusal = copy_or_null(refusal_of(s->rule));
	if (!o->refusal && look->iptables && o->table && strcmp(o->table, "nat") == 0) {
		o->effect = EFFECT_DENY;
		o->refusal = strdup(OBSERVATION_IN_NAT);
	}
	if (!o->destination && s->concerns && !o->refusal &&
	    indirect_refusal(&look->eval, &look->sel, s, &look->packets, true, why)) {
		o->effect = EFFECT_DENY;
		o->refusal = strdup(why);
	}
	if (!o->refusal && s->concerns && indirect_marks_unseen(&look->eval, s))
		o->refusal = strdup(OBSERVATION_MARKS);
	return o->table && o->chain && o->text && o->hook ? 0 : no_memory(look->e);
}

/* The rule that uses the set: it says where the ports are opened. */
static const struct rule *
user_of(const struct ruleset *rs, const struct set *set)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		for (size_t j = 0; chain->table == set->table && j < chain->n; j++) {
			for (size_t k = chain->rules[j]->core; k < chain->rules[j]->n; k++) {
				const char *name = chain->rules[j]->v[k].set;

				if (name && strcmp(name, set->name) == 0)
					return chain->rules[j];
			}
		}
	}
	return NULL;
}

static int
observe_own_set(struct look *look, const struct own_set *own)
{
	const struct rule *user = user_of(&look->rs, own->set);
	struct observation *o;

	if (!user || !select_is_port_set(own->set))
		return 0;
	o = observations_add(look->found);
	if (!o)
		return no_memory(look->e);
	o->backend = look->backend;
	o->table = table_name(look, own->set->table);
	observe_place(look, o, user);
	o->source = SOURCE_OWN_SET;
	o->set = strdup(own->set->name);
	o->set_comment = copy_or_null(own->set->comment);
	o->facts.timeout = true;
	o->facts.dynamic = (own->set->flags & NFT_SET_EVAL) != 0;
	o->facts.interval = (own->set->flags & NFT_SET_INTERVAL) != 0;
	o->effect = EFFECT_ALLOW;
	return o->table && o->set && o->chain && o->text && o->hook ? 0 : no_memory(look->e);
}

static bool
is_repeated(const struct selection *sel, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (sel->own_sets[j].set == sel->own_sets[i].set)
			return true;
	}
	return false;
}

/* A policy can name three tables of iptables; of nat is told what cannot be lifted. */
static bool
is_told(struct look *look, const struct suspect *s)
{
	const char *table = s->rule->chain->table->name;

	if (!look->iptables)
		return true;
	if (strcmp(table, "nat") == 0)
		return sends_by_iptables(&look->eval, s->rule, s->concerns, &look->packets);
	return strcmp(table, "filter") == 0 || strcmp(table, "mangle") == 0 ||
	       strcmp(table, "raw") == 0;
}

static int
observe_all(struct look *look)
{
	size_t before = look->found->n;

	for (size_t i = 0; i < look->sel.n; i++) {
		const struct suspect *s = &look->sel.suspects[i];

		if (s->rule->chain->table->iptables != look->iptables || !is_told(look, s))
			continue;
		if (observe_suspect(look, s) < 0)
			return -1;
		if (observations_join(look->found, !look->iptables) < 0)
			return no_memory(look->e);
	}
	if (tell_numbers(look->found, before) < 0)
		return no_memory(look->e);
	for (size_t i = 0; i < look->sel.n_own_sets; i++) {
		if (!look->iptables && !is_repeated(&look->sel, i) &&
		    observe_own_set(look, &look->sel.own_sets[i]) < 0)
			return -1;
	}
	return look->e->code ? -1 : 0;
}

/* Which rules do packets no longer come to when this set of ports is filled? */
static int
spare(struct look *look, struct set *own)
{
	int rc;

	own->filled = true;
	rc = reach_find(&look->eval, &look->rs, &look->packets, look->e);
	own->filled = false;
	for (size_t i = 0; rc == 0 && i < look->sel.n; i++) {
		struct suspect *s = &look->sel.suspects[i];

		if (!s->rule->reached && s->rule->chain->table == own->table)
			s->spared_by = own;
	}
	return rc;
}

static int
spare_all(struct look *look)
{
	for (size_t i = 0; i < look->sel.n_own_sets; i++) {
		struct set *own = look->sel.own_sets[i].set;

		if (select_is_port_set(own) && spare(look, own) < 0)
			return -1;
	}
	return 0;
}

int
discover(struct nl *nl, const struct ports *ports, const char *backend, bool iptables,
	 const struct unseen_nat *unseen, struct observations *found, struct err *e)
{
	struct look look = { .nl = nl,
			     .packets = packets_of(ports),
			     .backend = backend,
			     .iptables = iptables,
			     .found = found,
			     .e = e };
	int rc;

	if (ruleset_load(&look.rs, nl, every_table, NULL, e) < 0)
		return -1;
	look.eval = (struct eval){ .nl = nl, .rs = &look.rs, .budget = EVAL_BUDGET, .e = e };
	look.eval.read_source_maps = true;
	reach_translate(&look.eval, &look.rs, unseen, &look.packets);
	rc = select_everything(&look.sel, &look.eval, &look.packets, e);
	if (rc == 0)
		rc = spare_all(&look);
	if (rc == 0)
		rc = reach_find(&look.eval, &look.rs, &look.packets, e);
	if (rc == 0) {
		classify(&look.eval, look.sel.suspects, look.sel.n, &look.packets, NULL);
		rc = observe_all(&look);
	}
	selection_fini(&look.sel);
	ruleset_fini(&look.rs);
	return rc;
}
