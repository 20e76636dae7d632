/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_fwmark.h"
#include "legacy_lift.h"
#include "legacy_mark.h"
#include "legacy_reach.h"
#include "legacy_set.h"

static enum effect
effect_of_leaving(const struct reach *reach, size_t index)
{
	bool saves, keeps;

	reach_leaving(reach, index, &saves, &keeps);
	if (keeps)
		return EFFECT_DENY;
	return saves ? EFFECT_ALLOW : EFFECT_NONE;
}

static int
effect_of_mark(enum effect *effect, const struct fwmark_place *place, const struct rule *rule,
	       struct err *e)
{
	struct fwmark_meaning meaning;

	if (fwmark_meaning(&meaning, place, rule, e) < 0)
		return -1;
	if (meaning.stops)
		*effect = EFFECT_DENY;
	else if (meaning.lets)
		*effect = EFFECT_ALLOW;
	return 0;
}

static int
find_effect(enum effect *effect, const struct fwmark_place *place, size_t index, struct err *e)
{
	const struct reach *reach = place->reach;
	const struct rule *rule = &reach->rules[index];

	*effect = EFFECT_NONE;
	if (!reach->hooks[rule->at->chain] || reach_excludes(reach, rule))
		return 0;
	if (reach_rule_denies(reach, rule))
		*effect = EFFECT_DENY;
	else if (rule->sources && fwmark_is_set(reach, rule))
		return effect_of_mark(effect, place, rule, e);
	else if (reach_rule_accepts(reach, rule))
		*effect = reach_denied_after(reach, index) ? EFFECT_ALLOW : EFFECT_NONE;
	else if (reach_leaves_chain(reach, rule))
		*effect = effect_of_leaving(reach, index);
	return 0;
}

static char *
hook_of(const struct reach *reach, const struct rule *rule)
{
	unsigned hooks = reach->hooks[rule->at->chain];
	char *text = strdup(hooks ? reach_hooks_text(hooks) : "output");

	for (char *at = text; at && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	return text;
}

/* "-s 192.0.2.0/24 ..." with nothing else of the source: what follows the network, else NULL. */
static const char *
after_network(const struct rule *rule)
{
	const struct save_token *t = rule->at->tokens;

	if (rule->source != RULE_LITERAL || rule->sources != 1 || rule->inverted ||
	    !rule->source_is_option || rule->from != 0)
		return NULL;
	return t[1].raw + t[1].raw_len;
}

/* How many rules from this one on say the same of one network each. */
static size_t
count_alike(const struct reach *reach, size_t first)
{
	const char *rest = after_network(&reach->rules[first]);
	size_t i = first + 1;

	while (rest && i < reach->save->n_rules &&
	       reach->rules[i].at->chain == reach->rules[first].at->chain) {
		const char *other = after_network(&reach->rules[i]);

		if (!other || strcmp(rest, other) != 0)
			break;
		i++;
	}
	return i - first;
}

static void
read_source(struct observation *o, const struct reach *reach, size_t index, size_t n)
{
	const struct rule *rule = &reach->rules[index];

	o->source = rule->source == RULE_SET       ? SOURCE_SET
		    : rule->source == RULE_LITERAL ? SOURCE_LITERAL
						   : SOURCE_FOREIGN;
	o->facts.elements = o->facts.hosts = o->facts.special = SIZE_MAX;
	if (o->set) {
		legacy_set_facts(&o->facts, o->set);
	} else if (after_network(rule)) {
		o->source = n > 1 ? SOURCE_ANONYMOUS : SOURCE_LITERAL;
		o->facts = (struct set_facts){ .interval = true };
		for (size_t i = index; i < index + n; i++)
			legacy_set_count(&o->facts, reach->rules[i].at->tokens[1].text);
	}
}

/* n rules that differ in nothing but one network each. */
static int
observe(struct observations *found, const struct fwmark_place *place, size_t index, size_t n,
	struct err *e)
{
	const struct reach *reach = place->reach;
	const struct rule *rule = &reach->rules[index];
	struct observation *o = observations_add(found);
	const char *chain = reach->save->chains[mark_home(reach->save, rule->at->chain)].name;
	char spec[NAME_BUF], more[48] = "";

	if (!o)
		return err_set(e, ERR_FAILED, "out of memory");
	o->backend = "iptables";
	o->table = strdup(place->table);
	o->chain = strdup(chain);
	o->hook = hook_of(reach, rule);
	o->inverted = rule->inverted;
	o->destination = rule->destination;
	o->comment = rule->comment ? strdup(rule->comment) : NULL;
	o->set = rule->set ? strdup(rule->set) : NULL;
	read_source(o, reach, index, n);
	if (find_effect(&o->effect, place, index, e) < 0)
		return -1;
	if (n > 1)
		snprintf(more, sizeof(more), " (and %zu more)", n - 1);
	if (asprintf(&o->text, "-A %s %s%s", chain, err_name(spec, rule->at->spec), more) < 0) {
		o->text = NULL;
		return err_set(e, ERR_FAILED, "out of memory");
	}
	return o->table && o->chain && o->hook ? 0 : err_set(e, ERR_FAILED, "out of memory");
}

static int
discover_table(const struct legacy_host *host, enum family family, const char *table,
	       const struct ports *ports, bool nat_elsewhere, struct observations *found,
	       struct err *e)
{
	struct legacy_nat nat;
	struct reach reach = { .save = NULL };
	const struct fwmark_place place = {
		.host = host, .family = family, .table = table, .reach = &reach, .nat = &nat
	};
	struct save save;
	size_t n = 1;
	int rc;

	if (!host_has(family, table))
		return 0;
	if (host_save(host, family, table, &save, e) < 0)
		return -1;
	rc = legacy_nat_read(&nat, host, family, ports, nat_elsewhere, e);
	if (rc == 0)
		rc = reach_init(&reach, &save, ports, &nat, e);
	for (size_t i = 0; rc == 0 && i < save.n_rules; i += n) {
		const struct rule *rule = &reach.rules[i];

		n = count_alike(&reach, i);
		if ((rule->sources || rule->destination) && !mark_is_our_rule(rule))
			rc = observe(found, &place, i, n, e);
	}
	reach_fini(&reach);
	save_fini(&save);
	return rc;
}

int
legacy_discover(const struct legacy_host *host, const struct ports *ports,
		struct observations *found, struct err *e)
{
	const bool nat_elsewhere = legacy_nat_is_elsewhere();

	for (size_t t = 0; t < LEGACY_TABLES; t++)
		for (enum family family = 0; family < FAMILIES; family++)
			if (discover_table(host, family, legacy_tables[t], ports, nat_elsewhere,
					   found, e) < 0)
				return -1;
	return 0;
}
