/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lets the Nth allocation fail, for every N, until all is done without one failing. Under
 * AddressSanitizer this finds what is lost or freed twice on the way out. Linked with
 * --wrap=malloc,calloc,reallocarray,strdup.
 */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "entry.h"
#include "policy.h"
#include "recipe.h"
#include "signature.h"

static long left = -1; /* allocations until one fails; -1: none does */
static long counted;   /* all of them */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

static bool
fails(void)
{
	counted++;
	return left >= 0 && left-- == 0;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

/* No longer strings than jansson's buffer, 16 bytes: it overruns what it could not make longer. */
static const char text[] =
	"{ \"version\": 1, \"window\": \"10m\", \"challenges\": [\"http-01\", \"dns-01\"],"
	"  \"on_refresh\": \"stop\", \"alert\": [\"/bin/x\", \"a\", \"b\"],"
	"  \"targets\": ["
	"  { \"name\": \"a\", \"backend\": \"nftables\", \"table\": \"inet filter\","
	"    \"rules\": { \"set\": [\"geo4\", \"geo6\"], \"chain\": \"input\" } },"
	"  { \"backend\": \"nftables\", \"table\": \"ip filter\","
	"    \"rules\": { \"comment\": \"geoip*\", \"handle\": [1, 2] }, \"action\": \"skip\" },"
	"  { \"backend\": \"nftables\", \"table\": \"ip6 filter\","
	"    \"rules\": { \"set\": \"acme\" }, \"action\": \"set\" },"
	"  { \"backend\": \"iptables\", \"table\": \"filter\", \"rules\": { \"set\": \"geo\" } },"
	"  { \"backend\": \"exec\", \"command\": [\"/bin/x\", \"y\"],"
	"    \"config\": { \"a\": [1, \"b\"] } },"
	"  { \"backend\": \"rest\", \"recipe\": \"a\", \"params\": { \"b\": \"c\" },"
	"    \"secrets\": { \"d\": { \"file\": \"/e\" } }, \"ca_file\": \"/f\" } ] }";

static int
parse(struct err *e)
{
	struct policy policy;
	json_t *document;

	if (policy_parse(&policy, "p", text, sizeof(text) - 1, e) != 0)
		return -1;
	document = policy_document(policy.targets, policy.n_targets);
	policy_fini(&policy);
	if (document == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	json_decref(document);
	return 0;
}

/* What an exec target's program answers, and is asked. */
static int
ask(struct err *e)
{
	static const char text_of_plan[] =
		"{ \"steps\": [ { \"where\": \"w\", \"rule\": \"r\", \"before\": \"b\","
		"  \"after\": \"a\", \"reason\": \"x\" } ], \"notes\": [\"n\", \"m\"],"
		"  \"record\": { \"a\": [1] } }";
	char name[] = "t", path[] = "/bin/x";
	char *command[] = { path, NULL };
	const struct target target = { .name = name, .command = command, .deadline_s = 1 };
	const struct lift_request request = { .ports = challenges_ports(CHALLENGE_DEFAULT),
					      .txn = "0123456789ab" };
	struct answer answer;
	struct entry entry;
	json_t *asked = NULL, *json;
	int rc;

	if (answer_parse(&answer, OPERATION_PLAN, "it", text_of_plan, sizeof(text_of_plan) - 1,
			 e) != 0)
		return -1;
	answer_fini(&answer);
	json = entry_make(&target, &request);
	rc = json == NULL ? err_set(e, ERR_FAILED, "out of memory") : entry_parse(&entry, json, e);
	if (rc == 0)
		asked = entry_request(&entry, "apply", 1);
	if (rc == 0 && asked == NULL)
		rc = err_set(e, ERR_FAILED, "out of memory");
	json_decref(asked);
	json_decref(json);
	return rc;
}

static char *own_recipe; /* its text */
static struct target own_target;

static int
load_recipe(struct err *e)
{
	const struct ports ports = challenges_ports(CHALLENGE_DEFAULT);
	struct recipe *recipe;
	int rc;

	if (recipe_parse(&recipe, "own.json", own_recipe, strlen(own_recipe), e) != 0)
		return -1;
	rc = recipe_check_target(recipe, &own_target, &ports, e);
	recipe_free(recipe);
	return rc;
}

static int
discover(struct err *e)
{
	struct observations all = { 0 };
	struct target *targets;
	size_t n = 0;
	int rc = -1;

	for (size_t i = 0; i < 6; i++) {
		struct observation *o = observations_add(&all);

		if (o == NULL)
			goto out;
		o->backend = "nftables";
		o->table = strdup(i < 3 ? "inet filter" : "ip filter");
		o->chain = strdup("geoblock");
		o->set = i % 3 == 0 ? strdup("geo") : NULL;
		o->comment = i % 3 == 1 ? strdup("geoip") : NULL;
		o->source = i % 3 == 0 ? SOURCE_SET : SOURCE_ANONYMOUS;
		o->effect = EFFECT_DENY;
		o->facts = (struct set_facts){ .interval = true, .elements = 20 };
		if (o->table == NULL || o->chain == NULL)
			goto out;
	}
	rc = signature_targets(&all, VERDICT_CERTAIN, &targets, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		target_fini(&targets[i]);
	if (rc == 0)
		free(targets);
out:
	observations_fini(&all);
	return rc;
}

/* from: allocations that do not fail. */
static void
fail_each(int (*work)(struct err *e), long from)
{
	for (long n = from; n < from + 10000; n++) {
		struct err e = ERR_INIT;
		int rc;

		left = n;
		rc = work(&e);
		if (left >= 0) {
			left = -1;
			assert_int_equal(rc, 0);
			assert_true(n > from + 5);
			return;
		}
		/* jansson takes some of its own failures for errors in the text. */
		if (rc != 0 && e.code != ERR_NONE)
			assert_true(e.code == ERR_FAILED || e.code == ERR_POLICY);
	}
	fail_msg("more allocations than expected");
}

static void
parsing_survives(void **state)
{
	(void)state;
	json_set_alloc_funcs(__wrap_malloc, free);
	fail_each(parse, 0);
}

static void
asking_survives(void **state)
{
	(void)state;
	json_set_alloc_funcs(__wrap_malloc, free);
	fail_each(ask, 0);
}

/* From where jansson has read the text, see above. */
static void
recipes_survive(void **state)
{
	char name[] = "t";
	json_t *json;

	(void)state;
	json_set_alloc_funcs(__wrap_malloc, free);
	json = json_load_file(GOLDEN_RECIPES "/own.json", 0, NULL);
	own_recipe = json_dumps(json, 0);
	json_decref(json);
	assert_non_null(own_recipe);
	own_target = (struct target){ .name = name,
				      .params = json_pack("{s:s}", "firewall", "0123abcd"),
				      .secrets = json_pack("{s:{}, s:{}}", "user", "password") };
	counted = 0;
	json_decref(json_loads(own_recipe, 0, NULL));
	fail_each(load_recipe, counted);
	json_decref(own_target.params);
	json_decref(own_target.secrets);
	free(own_recipe);
}

static void
discovery_survives(void **state)
{
	(void)state;
	fail_each(discover, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing_survives),
		cmocka_unit_test(asking_survives),
		cmocka_unit_test(recipes_survive),
		cmocka_unit_test(discovery_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
