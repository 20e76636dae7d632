/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
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

/* One rule of iptables, as observed; then what it is joined to. */
static void
add_network(struct observations *all, uint64_t kind, enum effect effect, size_t hosts)
{
	struct observation *o = add(all, "filter", "GEO", NULL, NULL);

	o->backend = "iptables";
	o->source = SOURCE_LITERAL;
	o->effect = effect;
	o->facts = (struct set_facts){ .interval = true, .elements = 1, .hosts = hosts };
	o->kinds[0] = kind;
	assert_int_equal(observations_join(all, false), 0);
}

static void
rules_a_network_are_a_list(void **state)
{
	struct observations all = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		add_network(&all, 9, EFFECT_NONE, 0); /* logs */
		add_network(&all, 1, EFFECT_DENY, 0);
		add_network(&all, 2, EFFECT_DENY, 0);
	}
	add_network(&all, 2, EFFECT_DENY, 1);
	assert_int_equal(all.n, 2);
	assert_int_equal(all.v[1].facts.elements, 7);
	assert_int_equal(all.v[1].source, SOURCE_ANONYMOUS);
	add_network(&all, 3, EFFECT_DENY, 1); /* a ban in words of its own */
	assert_int_equal(all.n, 3);
	add_network(&all, 1, EFFECT_DENY, 0); /* nor is it what others are taken into */
	assert_int_equal(all.n, 4);
	add_network(&all, 1, EFFECT_ALLOW, 0);
	add_network(&all, 1, EFFECT_DENY, 0);
	assert_int_equal(all.n, 6);
	observations_fini(&all);
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
add_own_set(struct observations *all, const char *name)
{
	struct observation *o = add(all, "inet filter", "input", name, NULL);

	o->source = SOURCE_OWN_SET;
	o->effect = EFFECT_NONE;
}

static void
own_sets_come_first(void **state)
{
	struct observations all = { 0 };
	struct observation *o;

	(void)state;
	o = add(&all, "inet filter", "input", "geo4", NULL);
	o->spared_by = strdup("acme_open");
	add(&all, "ip other", "input", "geo4", NULL);
	add_own_set(&all, "acme_open");
	expect(&all, VERDICT_CERTAIN,
	       "[{\"name\":\"ip-other\",\"backend\":\"nftables\",\"table\":\"ip other\","
	       "\"rules\":{\"set\":\"geo4\"}},"
	       "{\"name\":\"inet-filter\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"set\":\"acme_open\"},\"action\":\"set\"}]");
}

static void
own_sets_do_not_help_behind_a_block(void **state)
{
	struct observations all = { 0 };
	struct observation *o;

	(void)state;
	o = add(&all, "inet filter", "input", "geo4", NULL);
	o->spared_by = strdup("temporary"); /* nothing says that it is made for us */
	add_own_set(&all, "acme_open");
	expect(&all, VERDICT_CERTAIN,
	       "[{\"name\":\"inet-filter\",\"backend\":\"nftables\",\"table\":\"inet filter\","
	       "\"rules\":{\"set\":\"geo4\"}},"
	       "{\"name\":\"inet-filter-2\",\"backend\":\"nftables\",\"table\":\"inet filter\","
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

static void
expect_equal_patterns(const struct patterns *a, const struct patterns *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_string_equal(a->v[i].text, b->v[i].text);
}

/* In all but lines and the file. */
static void
expect_equal(const struct target *a, const struct target *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->backend, b->backend);
	assert_int_equal(a->table == NULL, a->command != NULL || a->recipe != NULL);
	assert_string_equal(target_where(a), target_where(b));
	assert_int_equal(a->deadline_s, b->deadline_s);
	assert_int_equal(a->action, b->action);
	assert_int_equal(a->index, b->index);
	expect_equal_patterns(&a->rules.chain, &b->rules.chain);
	expect_equal_patterns(&a->rules.set, &b->rules.set);
	expect_equal_patterns(&a->rules.map, &b->rules.map);
	expect_equal_patterns(&a->rules.comment, &b->rules.comment);
	assert_int_equal(a->rules.n_handles, b->rules.n_handles);
	for (size_t i = 0; i < a->rules.n_handles; i++)
		assert_true(a->rules.handles[i] == b->rules.handles[i]);
	assert_true(target_same(a, b));
}

/* Through a document and back; false if the text is not a policy. */
static bool
goes_round(const char *text, size_t len)
{
	struct policy policy;
	struct policy back;
	struct err e = ERR_INIT;
	json_t *document;
	char *written;

	if (policy_parse(&policy, "p", text, len, &e) != 0)
		return false;
	document = policy_document(policy.targets, policy.n_targets);
	assert_non_null(document);
	written = json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(document);
	if (policy_parse(&back, "p", written, strlen(written), &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(back.n_targets, policy.n_targets);
	for (size_t i = 0; i < back.n_targets; i++)
		expect_equal(&policy.targets[i], &back.targets[i]);
	free(written);
	policy_fini(&policy);
	policy_fini(&back);
	return true;
}

static void
documents_lose_nothing(void **state)
{
	static const char all[] =
		"{\"version\":1,\"targets\":[{\"name\":\"\u00e9 \\\"\\n\","
		"\"backend\":\"nftables\",\"table\":\"bridge a b\\\\\",\"note\":\"n\","
		"\"rules\":{\"chain\":[\"c\",\"c\",\"[!x]*\"],\"set\":\"s\\\\*\","
		"\"map\":[\"m\"],\"comment\":[\" \\t\",\"?\"],"
		"\"handle\":[9223372036854775807,1]},\"action\":\"widen\"},"
		"{\"backend\":\"nftables\",\"table\":\"ip a\",\"rules\":{}},"
		"{\"backend\":\"nftables\",\"table\":\"ip a\",\"action\":\"skip\"}]}";

	(void)state;
	assert_true(goes_round(all, sizeof(all) - 1));
}

static void
accepted_policies_go_round(void **state)
{
	static char text[1u << 16];
	DIR *dir = opendir(GOLDEN_POLICIES);
	size_t n = 0;

	(void)state;
	assert_non_null(dir);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		char path[4096];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s/policy.json", GOLDEN_POLICIES, entry->d_name);
		f = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (f == NULL)
			continue;
		n += goes_round(text, fread(text, 1, sizeof(text), f));
		fclose(f);
	}
	closedir(dir);
	assert_true(n >= 14);
}

/* A document may be several times as long as the file that it came from. */
static void
the_longest_policy_goes_round(void **state)
{
	static const char one[] = "{\"backend\":\"nftables\",\"table\":\"ip a\","
				  "\"rules\":{\"handle\":1}}";
	const size_t n = POLICY_FILE_MAX / sizeof(one) - 1;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	fputs("{\"version\":1,\"targets\":[", f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s", i > 0 ? "," : "", one);
	fputs("]}", f);
	fclose(f);
	assert_in_range(len, POLICY_FILE_MAX * 9 / 10, POLICY_FILE_MAX);
	assert_true(goes_round(text, len));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_target_a_table),
		cmocka_unit_test(rules_a_network_are_a_list),
		cmocka_unit_test(refused_ones_are_targets),
		cmocka_unit_test(comments_before_handles),
		cmocka_unit_test(shared_comments_are_not_used),
		cmocka_unit_test(own_sets_come_first),
		cmocka_unit_test(own_sets_do_not_help_behind_a_block),
		cmocka_unit_test(doubt_must_be_asked_for),
		cmocka_unit_test(nameless_lists_beside_named_ones),
		cmocka_unit_test(odd_names_still_match),
		cmocka_unit_test(documents_lose_nothing),
		cmocka_unit_test(accepted_policies_go_round),
		cmocka_unit_test(the_longest_policy_goes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
