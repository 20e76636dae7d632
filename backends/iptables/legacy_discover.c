/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_fwmark.h"
#include "legacy_lift.h"
#include "legacy_mark.h"
#include "legacy_part.h"
#include "legacy_reach.h"
#include "legacy_set.h"

struct finding {
	const struct legacy_host *host;
	const struct ports *ports;
	bool nat_elsewhere;
	struct nl *sets; /* NULL: they cannot be asked */
	struct observations *found;
};

static enum effect
effect_of_leaving(const struct reach *reach, size_t index)
{
	bool saves, keeps;

	reach_leaving(reach, index, &saves, &keeps);
	if (keeps)
		return EFFECT_DENY;
	return saves ? EFFECT_ALLOW : EFFECT_NONE;
}

/* A mark may as well be for routes, or for those who count. */
static int
observe_mark(struct observation *o, const struct fwmark_place *place, const struct rule *rule,
	     struct err *e)
{
	struct fwmark_meaning meaning;

	if (fwmark_meaning(&meaning, place, rule, e) < 0)
		return -1;
	if (meaning.stops)
		o->effect = EFFECT_DENY;
	else if (meaning.lets)
		o->effect = EFFECT_ALLOW;
	else
		o->refusal = strdup(OBSERVATION_MARKS);
	return 0;
}

/* Packets that go on are marked, and stopped by that mark. */
static int
observe_spared(struct observation *o, const struct fwmark_place *place, size_t index, struct err *e)
{
	const struct rule *rule = reach_rule(place->reach, index);
	size_t mark;

	if (!rule->sources || (rule->target != RULE_RETURN && rule->target != RULE_ACCEPT))
		return 0;
	if (fwmark_stopping(&mark, place, index + 1, e) < 0)
		return -1;
	if (mark != SAVE_NONE)
		o->effect = EFFECT_ALLOW;
	return 0;
}

/* Whoever is named there may be stopped. */
static enum effect
effect_of_queue(struct observation *o)
{
	o->refusal = strdup(RULE_QUEUES);
	return EFFECT_DENY;
}

static bool
stops_replies(const struct reach *reach, const struct rule *rule)
{
	return reach->save->chains[rule->at->chain].policy && !reach->hooks[rule->at->chain] &&
	       reach_rule_denies(reach, rule);
}

static int
find_effect(struct observation *o, const struct fwmark_place *place, size_t index, struct err *e)
{
	const struct reach *reach = place->reach;
	const struct rule *rule = reach_rule(reach, index);
	bool denies, accepts;

	o->effect = EFFECT_NONE;
	if (stops_replies(reach, rule))
		o->refusal = strdup("it is reached from an output or postrouting hook: it blocks "
				    "replies");
	if (!reach->hooks[rule->at->chain] || reach_excludes(reach, rule))
		return 0;
	reach_rule_means(reach, rule, &denies, &accepts);
	if (denies)
		o->effect = EFFECT_DENY;
	else if (rule->sources && fwmark_is_set(reach, rule))
		return observe_mark(o, place, rule, e);
	else if (accepts)
		o->effect = reach_denied_after(reach, index) ? EFFECT_ALLOW : EFFECT_NONE;
	else if (reach_leaves_chain(reach, rule))
		o->effect = effect_of_leaving(reach, index);
	else if (rule->sources && rule_queues(rule))
		o->effect = effect_of_queue(o);
	return o->effect == EFFECT_NONE ? observe_spared(o, place, index, e) : 0;
}

static bool
is_nat(const struct fwmark_place *place)
{
	return !strcmp(place->table, "nat");
}

static void
refuse_table(struct observation *o, const struct fwmark_place *place)
{
	o->effect = is_nat(place) ? EFFECT_DENY : EFFECT_NONE;
	o->refusal = strdup(is_nat(place) ? OBSERVATION_IN_NAT
					  : "it stops packets in table security, which geopause "
					    "does not change: block countries in the table "
					    "filter, mangle or raw instead");
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

/* The one network, or range of addresses, that the rule takes packets from; else NULL. */
static const struct save_token *
network_of(const struct rule *rule)
{
	if (rule->source != RULE_LITERAL || rule->sources != 1 || rule->inverted || !rule->whole)
		return NULL;
	return &rule->at->tokens[rule->to - 1];
}

/* What of the rule stands before and behind its test of the source. */
static size_t
before_network(const struct rule *rule)
{
	const struct save_token *t = rule->at->tokens;

	return (size_t)(t[rule->from].raw - t[0].raw);
}

static const char *
behind_network(const struct rule *rule)
{
	const struct save_token *network = &rule->at->tokens[rule->to - 1];

	return network->raw + network->raw_len;
}

static bool
is_alike(const struct rule *a, const struct rule *b)
{
	size_t before = before_network(a);

	return a->at->chain == b->at->chain && network_of(b) && before_network(b) == before &&
	       memcmp(a->at->tokens[0].raw, b->at->tokens[0].raw, before) == 0 &&
	       strcmp(behind_network(a), behind_network(b)) == 0;
}

/* Of what is_alike() compares. */
static uint64_t
kind_of(const struct rule *rule)
{
	const struct save_token *t = rule->at->tokens;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < before_network(rule); i++)
		hash = (hash ^ (unsigned char)t[0].raw[i]) * UINT64_C(0x100000001b3);
	for (const char *at = behind_network(rule); *at; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	return hash;
}

/* How many rules from this one on say the same of one network each. */
static size_t
count_alike(const struct reach *reach, size_t first)
{
	const struct rule *rule = reach_rule(reach, first);
	size_t i = first + 1;

	while (network_of(rule) && i < reach->save->n_rules && is_alike(rule, reach_rule(reach, i)))
		i++;
	return i - first;
}

static void
read_source(struct observation *o, struct nl *sets, const struct reach *reach, size_t index,
	    size_t n)
{
	const struct rule *rule = reach_rule(reach, index);

	o->set = rule->set ? strdup(rule->set) : NULL;
	o->source = rule->source == RULE_SET       ? SOURCE_SET
		    : rule->source == RULE_LITERAL ? SOURCE_LITERAL
						   : SOURCE_FOREIGN;
	o->facts.elements = o->facts.hosts = o->facts.special = SIZE_MAX;
	if (o->set) {
		legacy_set_facts(&o->facts, sets, o->set);
	} else if (network_of(rule)) {
		o->source = n > 1 ? SOURCE_ANONYMOUS : SOURCE_LITERAL;
		o->kinds[0] = kind_of(rule);
		o->facts = (struct set_facts){ .interval = true };
		for (size_t i = index; i < index + n; i++) {
			const struct save_token *network = network_of(reach_rule(reach, i));

			if (network)
				legacy_set_count(&o->facts, network->text);
		}
	}
}

/* One of several tests of the source in a rule. */
static void
read_test(struct observation *o, struct nl *sets, const struct part *test)
{
	bool set = test->option == OPT_MATCH_SET;
	bool literal = test->option == OPT_SOURCE || test->option == OPT_SRC_RANGE;

	o->inverted = test->inverted;
	o->source = set ? SOURCE_SET : literal ? SOURCE_LITERAL : SOURCE_FOREIGN;
	o->facts.elements = o->facts.hosts = o->facts.special = SIZE_MAX;
	if (set && (o->set = strdup(test->values[0])))
		legacy_set_facts(&o->facts, sets, o->set);
}

/* n rules that differ in nothing but one network each; or one rule, of several tests this one. */
static int
observe(const struct finding *finding, const struct fwmark_place *place, size_t index, size_t n,
	const struct part *test, struct err *e)
{
	const struct reach *reach = place->reach;
	const struct rule *rule = reach_rule(reach, index);
	struct observation *o = observations_add(finding->found);
	const char *chain = reach->save->chains[mark_home(reach->save, rule->at->chain)].name;
	char spec[NAME_BUF];

	if (!o)
		return err_set(e, ERR_FAILED, "out of memory");
	o->backend = "iptables";
	o->table = strdup(place->table);
	o->chain = strdup(chain);
	o->hook = hook_of(reach, rule);
	o->inverted = rule->inverted;
	/* Beside a test of the source it is one of the ports or places that the rule asks for. */
	o->destination = rule->destination && !rule->sources;
	o->comment = rule->comment ? strdup(rule->comment) : NULL;
	if (test)
		read_test(o, finding->sets, test);
	else
		read_source(o, finding->sets, reach, index, n);
	if (!place->nat)
		refuse_table(o, place);
	else if (find_effect(o, place, index, e) < 0)
		return -1;
	if (asprintf(&o->text, "-A %s %s", chain, err_name(spec, rule->at->spec)) < 0) {
		o->text = NULL;
		return err_set(e, ERR_FAILED, "out of memory");
	}
	if (!o->table || !o->chain || !o->hook)
		return err_set(e, ERR_FAILED, "out of memory");
	if (observations_join(finding->found, false) < 0)
		return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}

/* Each test on its own: only one of them may be the geo-block's. A network is an exception. */
static int
observe_tests(const struct finding *finding, const struct fwmark_place *place, size_t index,
	      struct err *e)
{
	const struct rule *rule = reach_rule(place->reach, index);
	size_t n = 0;
	struct part part;

	for (size_t i = 0;
	     i < rule->at->n && part_read(rule->at, i, &part) && !part_is_target(&part);
	     i = part.to) {
		if (!part_is_source(&part) || part.option == OPT_SOURCE)
			continue;
		n++;
		if (observe(finding, place, index, 1, &part, e) < 0)
			return -1;
	}
	return n ? 0 : observe(finding, place, index, 1, NULL, e);
}

static int
discover_table(const struct finding *finding, enum family family, const char *table, struct err *e)
{
	const struct legacy_host *host = finding->host;
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
	rc = legacy_nat_read(&nat, host, family, finding->ports, finding->nat_elsewhere, e);
	if (rc == 0)
		rc = reach_init(&reach, &save, finding->ports, &nat, e);
	for (size_t i = 0; rc == 0 && i < save.n_rules; i += n) {
		const struct rule *rule = reach_rule(&reach, i);

		n = count_alike(&reach, i);
		if (mark_is_our_rule(rule))
			continue;
		if (rule->sources > 1)
			rc = observe_tests(finding, &place, i, e);
		else if (rule->sources || rule->destination)
			rc = observe(finding, &place, i, n, NULL, e);
	}
	rc = reach_done(&reach, rc, e);
	save_fini(&save);
	return rc;
}

/* In table nat, or security. */
static bool
decides_elsewhere(const struct fwmark_place *place, const struct rule *rule)
{
	return rule->sources && (is_nat(place) ? legacy_nat_decides(place->reach, rule)
					       : reach_rule_denies(place->reach, rule) &&
							 place->reach->hooks[rule->at->chain]);
}

/* No policy can name its rules, but whoever looks for what blocks him has to hear of them. */
static int
discover_elsewhere(const struct finding *finding, enum family family, const char *table,
		   struct err *e)
{
	struct reach reach;
	const struct fwmark_place place = {
		.host = finding->host, .family = family, .table = table, .reach = &reach
	};
	struct save save;
	size_t n = 1;
	int rc;

	if (!host_has(family, table))
		return 0;
	if (host_save(finding->host, family, table, &save, e) < 0)
		return -1;
	rc = reach_init(&reach, &save, finding->ports, NULL, e);
	for (size_t i = 0; rc == 0 && i < save.n_rules; i += n) {
		n = count_alike(&reach, i);
		if (decides_elsewhere(&place, reach_rule(&reach, i)))
			rc = observe(finding, &place, i, n, NULL, e);
	}
	rc = reach_done(&reach, rc, e);
	save_fini(&save);
	return rc;
}

/* Of a list whose rules have a network each the text is the first one's. */
static int
tell_numbers(struct observations *found, size_t from, struct err *e)
{
	for (size_t i = from; i < found->n; i++) {
		struct observation *o = &found->v[i];
		char *text = o->text;

		if (o->source != SOURCE_ANONYMOUS || o->facts.elements < 2)
			continue;
		if (asprintf(&o->text, "%s (and %zu more like this)", text, o->facts.elements - 1) <
		    0) {
			o->text = text;
			return err_set(e, ERR_FAILED, "out of memory");
		}
		free(text);
	}
	return 0;
}

int
legacy_discover(const struct legacy_host *host, const struct ports *ports,
		struct observations *found, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct nl sets;
	const bool asks = nl_open(&sets, &ignored) == 0;
	const struct finding finding = { .host = host,
					 .ports = ports,
					 .nat_elsewhere = legacy_nat_is_elsewhere(),
					 .sets = asks ? &sets : NULL,
					 .found = found };
	const size_t before = found->n;
	int rc = 0;

	for (size_t t = 0; rc == 0 && t < LEGACY_TABLES; t++)
		for (enum family family = 0; rc == 0 && family < FAMILIES; family++)
			rc = discover_table(&finding, family, legacy_tables[t], e);
	for (enum family family = 0; rc == 0 && family < FAMILIES; family++) {
		rc = discover_elsewhere(&finding, family, "nat", e);
		if (rc == 0)
			rc = discover_elsewhere(&finding, family, "security", e);
	}
	if (asks)
		nl_close(&sets);
	return rc == 0 ? tell_numbers(found, before, e) : rc;
}
