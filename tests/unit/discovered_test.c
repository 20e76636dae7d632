/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "signature.h"

static struct observation *
add(struct observations *all, const char *table, const char *chain, const char *set,
    const char *comment)
{
	struct observation *o = observations_add(all);

	assert_non_null(o);
	o->backend = "nftables";
	o->table = strdup(table);
	o->chain = strdup(chain);
	o->set = set != NULL ? strdup(set) : NULL;
	o->comment = comment != NULL ? strdup(comment) : NULL;
	o->source = set != NULL ? SOURCE_SET : SOURCE_ANONYMOUS;
	o->effect = EFFECT_DENY;
	o->handle = all->n + 10;
	o->facts = (struct set_facts){ .interval = true, .elements = 20 };
	return o;
}

/* As JSON text on one line; the caller frees it. The document must be accepted by policy_parse. */
static char *
targets_text(const struct observations *all, enum verdict least)
{
	struct target *targets;
	struct policy policy;
	struct err e = ERR_INIT;
	json_t *document;
	char *text;
	size_t n;

	assert_int_equal(signature_targets(all, least, &targets, &n, &e), 0);
	document = policy_document(targets, n);
	assert_non_null(document);
	text = json_dumps(document, JSON_COMPACT);
	assert_int_equal(policy_parse(&policy, "p", text, strlen(text), &e), n > 0 ? 0 : -1);
	for (size_t i = 0; i < n; i++) {
		assert_null(targets[i].file);
		assert_int_equal(targets[i].index, i);
		assert_string_equal(targets[i].name, policy.targets[i].name);
		target_fini(&targets[i]);
	}
	free(targets);
	policy_fini(&policy);
	free(text);
	text = json_dumps(json_object_get(document, "targets"), JSON_COMPACT);
	json_decref(document);
	return text;
}

static void
expect(struct observations *all, enum verdict least, const char *text)
{
	char *got = targets_text(all, least);

	assert_string_equal(got, text);
	free(got);
	observations_fini(all);
}

static void
one_target_a_table(void **state)
{
	struct observations all = { 0 };

	(void)state;
	add(&all, "inet filter", "input", "geo4", NULL);
	add(&all, "ip x", "input", "geo4", NULL);
	add(&all, "inet filter", "forward", "geo6", NULL)->effect = EFFECT_ALLOW;
	add(&all, "inet filter", "forward", "geo4", NULL);
	add(&all, "inet filter", "forward", "geo_none", NULL)->effect = EFFECT_NONE;
	add(&all, "inet filter", "forward", "geo_dst", NULL)->destination = true;
	add(&all, "inet filter", "forward", "blacklist", NULL);
	add(&all, "inet filter", "forward", "geo_map", NULL)->source = SOURCE_MAP;
	expect(&all, VERDICT_CERTAIN,
	       "[{\"name\":\"inet-filter\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"set\":[\"geo4\",\"geo6\"]}},"
	       "{\"name\":\"ip-x\",\"backend\":\"nftables\",\"table\":\"ip x\","
	       "\"rules\":{\"set\":\"geo4\"}},"
	       "{\"name\":\"inet-filter-2\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"map\":\"geo_map\"}}]");
}

static void
refused_ones_are_targets(void **state)
{
	struct observations all = { 0 };

	(void)state;
	add(&all, "inet filter", "input", "geo4", NULL)->refusal = strdup("a bound chain");
	expect(&all, VERDICT_CERTAIN,
	       "[{\"name\":\"inet-filter\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"set\":\"geo4\"}}]");
}

static void
comments_before_handles(void **state)
{
	struct observations all = { 0 };

	(void)state;
	add(&all, "inet filter", "input", NULL, "geoip RU");
	add(&all, "inet filter", "input", NULL, NULL);
	add(&all, "inet filter", "input", NULL, "geoip *?[\\]");
	add(&all, "inet filter", "input", NULL, "");
	expect(&all, VERDICT_CANDIDATE,
	       "[{\"name\":\"inet-filter\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"chain\":\"input\",\"comment\":[\"geoip RU\","
	       "\"geoip \\\\*\\\\?\\\\[\\\\\\\\]\"]}},"
	       "{\"name\":\"inet-filter-2\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"chain\":\"input\",\"handle\":[12,14]},"
	       "\"note\":\"handles change when the ruleset is reloaded: give the rule a "
	       "comment\"}]");
}

/* The comment "geoip" is on a rule for private networks, too. */
static void
shared_comments_are_not_used(void **state)
{
	struct observations all = { 0 };

	(void)state;
	add(&all, "inet filter", "input", NULL, "geoip");
	add(&all, "inet filter", "input", NULL, "geoip")->facts.special = 20;
	expect(&all, VERDICT_CERTAIN,
	       "[{\"name\":\"inet-filter\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"chain\":\"input\",\"handle\":[11]},"
	       "\"note\":\"handles change when the ruleset is reloaded: give the rule a "
	       "comment\"}]");
}

static void
own_sets_come_first(void **state)
{
	struct observations all = { 0 };
	struct observation *o;

	(void)state;
	add(&all, "inet filter", "input", "geo4", NULL);
	add(&all, "ip other", "input", "geo4", NULL);
	o = add(&all, "inet filter", "input", "acme_open", NULL);
	o->source = SOURCE_OWN_SET;
	o->effect = EFFECT_NONE;
	expect(&all, VERDICT_CERTAIN,
	       "[{\"name\":\"ip-other\",\"backend\":\"nftables\",\"table\":\"ip other\","
	       "\"rules\":{\"set\":\"geo4\"}},"
	       "{\"name\":\"inet-filter\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"set\":\"acme_open\"},\"action\":\"set\"}]");
}

static void
doubt_must_be_asked_for(void **state)
{
	struct observations all = { 0 };

	(void)state;
	add(&all, "inet filter", "input", "deny4", NULL);
	assert_int_equal(signature_judge(&all, &all.v[0]).verdict, VERDICT_CANDIDATE);
	expect(&all, VERDICT_CERTAIN, "[]");
	add(&all, "inet filter", "input", "deny4", NULL);
	expect(&all, VERDICT_CANDIDATE,
	       "[{\"name\":\"inet-filter\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"set\":\"deny4\"}}]");
}

/* A list without a name, beside one that speaks of countries: whoever wrote one wrote the other. */
static void
nameless_lists_beside_named_ones(void **state)
{
	struct observations all = { 0 };

	(void)state;
	add(&all, "inet filter", "input", NULL, "geoip RU");
	add(&all, "inet filter", "input", NULL, NULL);
	add(&all, "inet filter", "forward", NULL, NULL);
	assert_int_equal(signature_judge(&all, &all.v[1]).verdict, VERDICT_CERTAIN);
	assert_int_equal(signature_judge(NULL, &all.v[1]).verdict, VERDICT_CANDIDATE);
	assert_int_equal(signature_judge(&all, &all.v[2]).verdict, VERDICT_CANDIDATE);
	all.v[1].facts.hosts = 1;
	assert_int_equal(signature_judge(&all, &all.v[1]).verdict, VERDICT_CANDIDATE);
	observations_fini(&all);
}

static void
odd_names_still_match(void **state)
{
	static const char odd[] = "geo *[a]?\\ \"\xc3\xa9\x01";
	struct observations all = { 0 };
	struct target *targets;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	add(&all, "inet filter", "input", odd, NULL);
	assert_int_equal(signature_targets(&all, VERDICT_CERTAIN, &targets, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_non_null(patterns_match(&targets[0].rules.set, odd));
	assert_null(patterns_match(&targets[0].rules.set, "geo x[a]?\\ \"\xc3\xa9\x01"));
	target_fini(&targets[0]);
	free(targets);
	observations_fini(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_target_a_table),
		cmocka_unit_test(refused_ones_are_targets),
		cmocka_unit_test(comments_before_handles),
		cmocka_unit_test(shared_comments_are_not_used),
		cmocka_unit_test(own_sets_come_first),
		cmocka_unit_test(doubt_must_be_asked_for),
		cmocka_unit_test(nameless_lists_beside_named_ones),
		cmocka_unit_test(odd_names_still_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
