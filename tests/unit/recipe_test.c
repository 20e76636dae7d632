/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of recipes, and targets that use one; what stands in a recipe is tested by golden/recipe.
 */
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pointer.h"
#include "recipe.h"

static char dir[] = "/tmp/geopause-recipe-test.XXXXXX";
static char path[64];

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/patch.json", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static json_t *
golden(const char *name)
{
	char file[PATH_MAX];
	json_t *json;

	snprintf(file, sizeof(file), "%s/%s", GOLDEN_RECIPES, name);
	json = json_load_file(file, 0, NULL);
	assert_non_null(json);
	return json;
}

static void
write_file(const char *text, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
refuse(const char *name, const char *why)
{
	struct recipe *recipe = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(recipe_load(&recipe, name, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_null(recipe);
	if (strstr(e.msg, why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, e.msg);
}

static void
files_are_read(void **state)
{
	json_t *json = golden("patch.json");
	char *text = json_dumps(json, 0);
	struct recipe *recipe;
	struct err e = ERR_INIT;

	(void)state;
	write_file(text, 0644);
	if (recipe_load(&recipe, path, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(json_equal(recipe->json, json));
	assert_string_equal(recipe->name, "patch");
	assert_string_equal(recipe->title, "A provider that has rules only");
	assert_string_equal(recipe->opens, "the path");
	assert_int_equal(recipe->mode, RECIPE_PATCH);
	assert_ptr_equal(recipe->part, json_object_get(recipe->json, "patch"));
	assert_ptr_equal(recipe->auth, json_object_get(recipe->json, "auth"));
	assert_ptr_equal(recipe->deadman, json_object_get(recipe->json, "deadman"));
	assert_null(recipe->ok);
	assert_null(recipe->retry);
	recipe_free(recipe);
	recipe_free(NULL);
	free(text);
	json_decref(json);
}

static void
unsafe_files_are_refused(void **state)
{
	(void)state;
	write_file("{}", 0664);
	refuse(path, "patch.json: others than its owner can write it (mode 0664)");
	write_file("{}", 0602);
	refuse(path, "chmod go-w");
	unlink(path);
	refuse(path, "there is no recipe");
	refuse(dir, "is not a regular file");
	refuse("no-such-provider", "there is no recipe no-such-provider: ");
}

static void
broken_text_is_refused(void **state)
{
	char *large = malloc(RECIPE_MAX + 2);

	(void)state;
	assert_non_null(large);
	memset(large, ' ', RECIPE_MAX + 1);
	large[RECIPE_MAX + 1] = '\0';
	write_file("{\n \"version\": 1,\n \"name\" }", 0600);
	refuse(path, "patch.json:3:9: ':' expected near");
	write_file("{ \"version\": 1,\n \"version\": 1 }", 0600);
	refuse(path, "patch.json:2: the key \"version\" stands here a second time");
	write_file("[]", 0600);
	refuse(path, "patch.json:1: expected an object, got an array");
	write_file("{ \"version\": 2, \"later\": 1 }", 0600);
	refuse(path, "patch.json:1: version: version 2 is not known");
	write_file(large, 0600);
	refuse(path, "more than 262144 bytes: this is not a recipe");
	free(large);
}

static void
other_names_are_refused(void **state)
{
	struct recipe *recipe = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(recipe_parse(&recipe, "dir/recipe.txt", "{}", 2, &e), -1);
	assert_string_equal(e.msg, "dir/recipe.txt: a recipe's file is called NAME.json");
	e = ERR_INIT;
	assert_int_equal(recipe_parse(&recipe, "dir/.json", "{}", 2, &e), -1);
	assert_string_equal(e.msg, "dir/.json: a recipe's file is called NAME.json");
}

/* Beside the modules of an uninstalled program, and this test has none beside it. */
static void
recipes_have_a_directory(void **state)
{
	struct err e = ERR_INIT;
	char found[PATH_MAX];

	(void)state;
	assert_int_equal(recipe_directory(found, sizeof(found), &e), 0);
	assert_string_equal(found, GEOPAUSE_RECIPE_DIR);
	assert_int_equal(recipe_directory(found, 4, &e), -1);
}

static void
journaled_recipes_are_checked_again(void **state)
{
	json_t *json = golden("own.json");
	struct recipe *recipe;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(recipe_from_json(&recipe, json, &e), 0);
	assert_int_equal(recipe->mode, RECIPE_OWN);
	assert_true(json_equal(recipe->json, json));
	recipe_free(recipe);
	json_object_del(json, "base");
	assert_int_equal(recipe_from_json(&recipe, json, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_string_equal(e.msg, "the recipe of the journal:1: the key \"base\" is missing");
	json_decref(json);
}

/* --- targets ------------------------------------------------------------------------------------
 */

static struct target
make_target(void)
{
	struct target t = { .name = strdup("edge"),
			    .backend = strdup("rest"),
			    .recipe = strdup("own"),
			    .params = json_pack("{s:s}", "firewall", "0123abcd"),
			    .secrets = json_pack("{s:{s:s}, s:{s:s}}", "user", "file", "/u",
						 "password", "file", "/p"),
			    .deadline_s = 30,
			    .file = "p.json",
			    .line = 3,
			    .recipe_line = 4 };

	return t;
}

static int
check(const struct target *target, const char *recipe, unsigned challenges, struct err *e)
{
	const struct ports ports = challenges_ports(challenges);
	json_t *json = golden(recipe);
	struct recipe *loaded;
	int rc;

	assert_int_equal(recipe_from_json(&loaded, json, e), 0);
	json_decref(json);
	rc = recipe_check_target(loaded, target, &ports, e);
	recipe_free(loaded);
	return rc;
}

static void
fitting_targets_are_accepted(void **state)
{
	struct target t = make_target();
	struct err e = ERR_INIT;

	(void)state;
	if (check(&t, "own.json", CHALLENGE_DEFAULT | CHALLENGE_DNS_01, &e) != 0)
		fail_msg("%s", e.msg);
	json_object_set_new(t.params, "comment", json_string("ours"));
	json_object_set_new(t.params, "api", json_string("https://[::1]:8443/api"));
	json_object_set_new(t.secrets, "tenant", json_pack("{s:s}", "credential", "t"));
	if (check(&t, "own.json", CHALLENGE_DNS_01, &e) != 0)
		fail_msg("%s", e.msg);
	json_object_set_new(t.params, "api", json_string("http://127.0.0.1:8080"));
	t.plain = true;
	if (check(&t, "own.json", CHALLENGE_HTTP_01, &e) != 0)
		fail_msg("%s", e.msg);
	target_fini(&t);
}

struct misfit {
	const char *part, *key, *value; /* value NULL: removed */
	const char *why;
};

static const struct misfit misfits[] = {
	{ "params", "firewall", NULL, "params: \"firewall\" is missing: its id" },
	{ "params", "firewall", "0123abcg",
	  "params.firewall: \"0123abcg\" is not like [0-9a-f]{8}: its id" },
	{ "params", "firewall", "x0123abcd", "is not like" },
	{ "params", "firewall", "0123abcd\n", "\"0123abcd\\x0a\" is not like" },
	{ "params", "fire", "x", "params.fire: the recipe own has no such parameter" },
	{ "params", "firewal", "x", "no such parameter; did you mean \"firewall\"?" },
	{ "params", "api", "ftp://x",
	  "recipe: its base becomes ftp://x/rest, which does not begin with https://" },
	{ "params", "api", "http://x",
	  "recipe: its base becomes http://x/rest, without TLS: whoever is on the way" },
	{ "params", "api", "https://", "which is no host and path" },
	{ "params", "api", "https://:80", "which is no host and path" },
	{ "params", "api", "https://a@b", "which is no host and path" },
	{ "params", "api", "https://b?", "which is no host and path" },
	{ "params", "api", "https://b/#", "which is no host and path" },
	{ "secrets", "user", NULL, "secrets: \"user\" is missing: who" },
	{ "secrets", "password", NULL, "secrets: \"password\" is missing: how" },
	{ "secrets", "pasword", "x",
	  "secrets.pasword: the recipe own has no such secret; did you mean "
	  "\"password\"?" },
};

static void
misfits_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(misfits) / sizeof(misfits[0]); i++) {
		struct target t = make_target();
		json_t *part = strcmp(misfits[i].part, "params") == 0 ? t.params : t.secrets;
		struct err e = ERR_INIT;

		if (misfits[i].value != NULL)
			json_object_set_new(part, misfits[i].key, json_string(misfits[i].value));
		else
			json_object_del(part, misfits[i].key);
		assert_int_equal(check(&t, "own.json", CHALLENGE_DEFAULT, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
		if (strstr(e.msg, misfits[i].why) == NULL ||
		    strncmp(e.msg, "p.json:4: targets[0].", 21) != 0)
			fail_msg("\"%s\" is not in \"%s\"", misfits[i].why, e.msg);
		target_fini(&t);
	}
}

static void
nothing_at_all_is_missing_too(void **state)
{
	struct target t = { .name = strdup("edge"), .file = "p.json", .line = 3 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(check(&t, "own.json", CHALLENGE_DEFAULT, &e), -1);
	assert_string_equal(e.msg, "p.json:3: targets[0].params: \"firewall\" is missing: its id");
	target_fini(&t);
}

static void
other_challenges_are_refused_by_name(void **state)
{
	struct target t = { .name = strdup("edge"),
			    .params = json_pack("{s:s}", "policy", "p"),
			    .secrets = json_pack("{s:{s:s}}", "account", "file", "/a"),
			    .file = "p.json",
			    .recipe_line = 4 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(check(&t, "patch.json", CHALLENGE_HTTP_01, &e), 0);
	assert_int_equal(check(&t, "patch.json", CHALLENGE_DEFAULT, &e), -1);
	assert_string_equal(
		e.msg, "p.json:4: targets[0].recipe: patch serves http-01 alone, it cannot "
		       "open tcp 443: give --challenge http-01, or name it in \"challenges\" of "
		       "the policy");
	target_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(unsafe_files_are_refused),
		cmocka_unit_test(broken_text_is_refused),
		cmocka_unit_test(other_names_are_refused),
		cmocka_unit_test(recipes_have_a_directory),
		cmocka_unit_test(journaled_recipes_are_checked_again),
		cmocka_unit_test(fitting_targets_are_accepted),
		cmocka_unit_test(misfits_are_refused),
		cmocka_unit_test(nothing_at_all_is_missing_too),
		cmocka_unit_test(other_challenges_are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
