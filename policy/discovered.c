/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From observations to targets, and from targets to a policy; declared in signature.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signature.h"

enum selection {
	BY_OWN_SET,
	BY_SET,
	BY_MAP,
	BY_COMMENT, /* and chain */
	BY_HANDLE,  /* and chain */
	BY_CHAIN,   /* alone: a list of rules, or iptables, which has no handles */
};

struct builder {
	struct target *v;
	enum selection *by; /* how each selects its rules */
	size_t n;
};

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The name as a pattern that matches it alone; malloced, or NULL. */
static char *
exactly(const char *name)
{
	char *pattern = malloc(2 * strlen(name) + 1);
	char *p = pattern;

	if (pattern == NULL)
		return NULL;
	for (; *name != '\0'; name++) {
		/* A policy is plain text: a byte that is not stands for any one. */
		if (!isprint((unsigned char)*name)) {
			*p++ = '?';
			continue;
		}
		if (strchr("*?[\\", *name) != NULL)
			*p++ = '\\';
		*p++ = *name;
	}
	*p = '\0';
	return pattern;
}

static bool
can_block(const struct observation *o)
{
	return o->effect != EFFECT_NONE && !o->destination;
}

static bool
is_wanted(const struct observations *all, const struct observation *o, enum verdict least)
{
	if (o->source != SOURCE_OWN_SET && !can_block(o))
		return false;
	return least > VERDICT_LEFT_ALONE && signature_judge(all, o).verdict >= least;
}

/* True when the comment is on rules that must be left alone, too. */
static bool
is_shared_comment(const struct observations *all, const struct observation *o, const bool *wanted)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct observation *other = &all->v[i];

		if (other != o && same(other->backend, o->backend) &&
		    same(other->table, o->table) && same(other->chain, o->chain) &&
		    same(other->comment, o->comment) && can_block(other) && !wanted[i])
			return true;
	}
	return false;
}

/* True when its chain holds nothing else that blocks by source. */
static bool
is_whole_chain(const struct observations *all, const struct observation *o, const bool *wanted)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct observation *other = &all->v[i];

		if (same(other->backend, o->backend) && same(other->table, o->table) &&
		    same(other->chain, o->chain) && can_block(other) && !wanted[i])
			return false;
	}
	return true;
}

static enum selection
selection_of(const struct observations *all, const struct observation *o, const bool *wanted)
{
	bool has_set = o->set != NULL && o->set[0] != '\0';

	if (o->source == SOURCE_OWN_SET)
		return BY_OWN_SET;
	if (o->source == SOURCE_MAP && has_set)
		return BY_MAP;
	if ((o->source == SOURCE_SET || o->source == SOURCE_FOREIGN) && has_set)
		return BY_SET;
	if (o->comment != NULL && o->comment[0] != '\0' && !is_shared_comment(all, o, wanted))
		return BY_COMMENT;
	/* The name of a chain that is full of countries outlives its rules' handles. */
	if (o->n_more > 0 && signature_judge(all, o).verdict == VERDICT_CERTAIN &&
	    is_whole_chain(all, o, wanted))
		return BY_CHAIN;
	return same(o->backend, "iptables") ? BY_CHAIN : BY_HANDLE;
}

/* A set made for us is the cleanest way in: what stands behind it needs no change. */
static bool
is_spared(const struct observations *all, const struct observation *o)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].source == SOURCE_OWN_SET && same(all->v[i].backend, o->backend) &&
		    same(all->v[i].table, o->table) && same(all->v[i].set, o->spared_by) &&
		    signature_judge(all, &all->v[i]).verdict == VERDICT_CERTAIN)
			return true;
	return false;
}

static bool
name_is_taken(const struct builder *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (same(b->v[i].name, name))
			return true;
	return false;
}

/* "inet-filter", "inet-filter-2"; malloced, or NULL. */
static char *
new_name(const struct builder *b, const char *table)
{
	char *name = NULL;
	size_t base = strlen(table);

	for (size_t number = 1; number <= b->n + 1; number++) {
		int len = number == 1 ? asprintf(&name, "%s", table)
				      : asprintf(&name, "%s-%zu", table, number);

		if (len < 0)
			return NULL;
		for (size_t i = 0; i < base; i++)
			if (!isalnum((unsigned char)name[i]) && strchr("_.", name[i]) == NULL)
				name[i] = '-';
		if (!name_is_taken(b, name))
			return name;
		free(name);
	}
	return NULL;
}

/* Adds a pattern once. */
static int
add_exactly(struct patterns *patterns, const char *name)
{
	char *pattern = exactly(name);
	int rc = 0;

	if (pattern == NULL)
		return -1;
	for (size_t i = 0; i < patterns->n; i++) {
		if (strcmp(patterns->v[i].text, pattern) == 0) {
			free(pattern);
			return 0;
		}
	}
	rc = patterns_add(patterns, pattern, 0);
	free(pattern);
	return rc;
}

static int
add_handle(struct rule_selector *rules, uint64_t handle)
{
	uint64_t *grown;

	for (size_t i = 0; i < rules->n_handles; i++)
		if (rules->handles[i] == handle)
			return 0;
	grown = reallocarray(rules->handles, rules->n_handles + 1, sizeof(*grown));
	if (grown == NULL)
		return -1;
	rules->handles = grown;
	grown[rules->n_handles++] = handle;
	return 0;
}

static int
add_handles(struct rule_selector *rules, const struct observation *o)
{
	int rc = add_handle(rules, o->handle);

	for (size_t i = 0; rc == 0 && i < o->n_more; i++)
		rc = add_handle(rules, o->more[i]);
	return rc;
}

static int
select_rule(struct target *target, enum selection by, const struct observation *o)
{
	switch (by) {
	case BY_OWN_SET:
	case BY_SET:
		return add_exactly(&target->rules.set, o->set);
	case BY_MAP:
		return add_exactly(&target->rules.map, o->set);
	case BY_COMMENT:
		return add_exactly(&target->rules.comment, o->comment);
	case BY_HANDLE:
		return add_handles(&target->rules, o);
	case BY_CHAIN:
		return 0; /* the target has it */
	}
	return -1;
}

static bool
is_chain_of(const struct target *target, const char *chain)
{
	const struct patterns *chains = &target->rules.chain;
	char *pattern = chain == NULL ? NULL : exactly(chain);
	bool found = pattern != NULL && chains->n > 0 && strcmp(chains->v[0].text, pattern) == 0;

	free(pattern);
	return found;
}

static struct target *
find_target(const struct builder *b, enum selection by, const struct observation *o)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->by[i] == by && same(b->v[i].backend, o->backend) &&
		    same(b->v[i].table, o->table) &&
		    (by < BY_COMMENT || is_chain_of(&b->v[i], o->chain)))
			return &b->v[i];
	return NULL;
}

static struct target *
new_target(struct builder *b, enum selection by, const struct observation *o)
{
	struct target *v = reallocarray(b->v, b->n + 1, sizeof(*v));
	enum selection *bys = reallocarray(b->by, b->n + 1, sizeof(*bys));
	struct target t = { .index = b->n };

	if (v != NULL)
		b->v = v;
	if (bys != NULL)
		b->by = bys;
	t.action = by == BY_OWN_SET ? ACTION_SET : ACTION_AUTO;
	t.name = new_name(b, o->table);
	t.backend = strdup(o->backend);
	t.table = strdup(o->table);
	if (v == NULL || bys == NULL || t.name == NULL || t.backend == NULL || t.table == NULL ||
	    (by >= BY_COMMENT && o->chain != NULL && add_exactly(&t.rules.chain, o->chain) != 0)) {
		target_fini(&t);
		return NULL;
	}
	b->v[b->n] = t;
	b->by[b->n] = by;
	return &b->v[b->n++];
}

static int
add_observation(struct builder *b, enum selection by, const struct observation *o)
{
	struct target *target = find_target(b, by, o);

	if (target == NULL)
		target = new_target(b, by, o);
	return target == NULL ? -1 : select_rule(target, by, o);
}

static void
builder_fini(struct builder *b)
{
	for (size_t i = 0; i < b->n; i++)
		target_fini(&b->v[i]);
	free(b->v);
	free(b->by);
}

/* A geo-block that no policy can name: said, rather than left out or taken with its neighbours. */
static int
cannot_be_named(const struct observation *o, struct err *e)
{
	char chain[NAME_BUF];

	return err_set(e, ERR_POLICY,
		       "chain %s of iptables' table %s blocks countries beside other sources, and "
		       "nothing tells the rules apart: give those of the geo-block a comment (-m "
		       "comment --comment geoblock) or a chain of their own",
		       err_name(chain, o->chain), o->table);
}

/* Beside what is lifted it would go on keeping the CA out. */
static int
cannot_be_lifted(const struct observation *o, struct err *e)
{
	char chain[NAME_BUF];

	return err_set(e, ERR_POLICY, "chain %s of iptables' table nat has a geo-block: %s",
		       err_name(chain, o->chain), o->refusal);
}

/* The one table of iptables that is looked at, but is none for a policy. */
static bool
is_in_nat(const struct observation *o)
{
	return o->refusal != NULL && same(o->backend, "iptables") && same(o->table, "nat");
}

int
signature_targets(const struct observations *all, enum verdict least, struct target **targets,
		  size_t *n, struct err *e)
{
	struct builder b = { 0 };
	bool *wanted = calloc(all->n + 1, sizeof(*wanted)); /* judging is not for nothing */

	*targets = NULL;
	*n = 0;
	if (wanted == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	for (size_t i = 0; i < all->n; i++)
		wanted[i] = is_wanted(all, &all->v[i], least);
	for (size_t i = 0; i < all->n; i++) {
		const struct observation *o = &all->v[i];
		enum selection by;
		int failed = 0;

		if (!wanted[i] || (o->source != SOURCE_OWN_SET && is_spared(all, o)))
			continue;
		by = selection_of(all, o, wanted);
		if (is_in_nat(o)) {
			if (signature_judge(all, o).verdict < VERDICT_CERTAIN)
				continue;
			failed = cannot_be_lifted(o, e);
		} else if (by == BY_CHAIN && !is_whole_chain(all, o, wanted)) {
			if (signature_judge(all, o).verdict < VERDICT_CERTAIN)
				continue;
			failed = cannot_be_named(o, e);
		} else if (add_observation(&b, by, o) != 0) {
			failed = err_set(e, ERR_FAILED, "out of memory");
		}
		if (failed) {
			free(wanted);
			builder_fini(&b);
			return -1;
		}
	}
	free(wanted);
	free(b.by);
	*targets = b.v;
	*n = b.n;
	return 0;
}

/* Sets a member, as a string or an array of strings; nothing when there are no patterns. */
static int
set_patterns(json_t *rules, const char *key, const struct patterns *patterns)
{
	json_t *array;

	if (patterns->n == 0)
		return 0;
	if (patterns->n == 1)
		return json_object_set_new(rules, key, json_string(patterns->v[0].text));
	array = json_array();
	for (size_t i = 0; i < patterns->n; i++) {
		if (json_array_append_new(array, json_string(patterns->v[i].text)) != 0) {
			json_decref(array);
			return -1;
		}
	}
	return json_object_set_new(rules, key, array);
}

static int
set_handles(json_t *rules, const struct rule_selector *selector)
{
	json_t *array;

	if (selector->n_handles == 0)
		return 0;
	array = json_array();
	for (size_t i = 0; i < selector->n_handles; i++) {
		if (json_array_append_new(array, json_integer((json_int_t)selector->handles[i])) !=
		    0) {
			json_decref(array);
			return -1;
		}
	}
	return json_object_set_new(rules, "handle", array);
}

static json_t *
rules_document(const struct rule_selector *selector)
{
	json_t *rules = json_object();

	if (rules != NULL && set_patterns(rules, "chain", &selector->chain) == 0 &&
	    set_patterns(rules, "set", &selector->set) == 0 &&
	    set_patterns(rules, "map", &selector->map) == 0 &&
	    set_patterns(rules, "comment", &selector->comment) == 0 &&
	    set_handles(rules, selector) == 0)
		return rules;
	json_decref(rules);
	return NULL;
}

static json_t *
exec_document(const struct target *target)
{
	json_t *command = json_array();
	json_t *object;

	for (char **word = target->command; *word != NULL; word++)
		if (json_array_append_new(command, json_string(*word)) != 0) {
			json_decref(command);
			return NULL;
		}
	object = json_pack("{s:s, s:s, s:o, s:i}", "name", target->name, "backend", target->backend,
			   "command", command, "deadline", (int)target->deadline_s);
	if (object != NULL && target->config != NULL &&
	    json_object_set(object, "config", target->config) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *
table_document(const struct target *target)
{
	static const char note[] =
		"handles change when the ruleset is reloaded: give the rule a comment";
	json_t *object =
		json_pack("{s:s, s:s, s:s, s:o}", "name", target->name, "backend", target->backend,
			  "table", target->table, "rules", rules_document(&target->rules));
	int rc = 0;

	if (object == NULL)
		return NULL;
	if (target->action != ACTION_AUTO)
		rc |= json_object_set_new(object, "action",
					  json_string(action_name(target->action)));
	if (target->rules.n_handles > 0)
		rc |= json_object_set_new(object, "note", json_string(note));
	if (rc == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *
rest_document(const struct target *target)
{
	return json_pack("{s:s, s:s, s:s, s:O*, s:O*, s:s*, s:s*, s:b, s:i}", "name", target->name,
			 "backend", target->backend, "recipe", target->recipe, "params",
			 target->params, "secrets", target->secrets, "ca_file", target->ca_file,
			 "pin", target->pin, "plain", target->plain, "deadline",
			 (int)target->deadline_s);
}

static json_t *
target_document(const struct target *target)
{
	if (target->recipe != NULL)
		return rest_document(target);
	return target->command != NULL ? exec_document(target) : table_document(target);
}

json_t *
policy_document(const struct target *targets, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(array, target_document(&targets[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return json_pack("{s:i, s:o}", "version", 1, "targets", array);
}
