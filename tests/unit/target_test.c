/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "target.h"

static void
actions_have_names(void **state)
{
	(void)state;
	for (enum action a = ACTION_AUTO; a <= ACTION_SET; a++) {
		enum action back = ACTION_AUTO;

		assert_int_equal(action_by_name(action_name(a), &back), 0);
		assert_int_equal(back, a);
	}
	assert_int_equal(action_by_name("accept", &(enum action){ 0 }), -1);
	assert_string_equal(action_name((enum action)99), "?");
}

static void
patterns_match_whole_names(void **state)
{
	struct patterns p = { 0 };

	(void)state;
	assert_null(patterns_match(&p, "x"));
	assert_int_equal(patterns_add(&p, "geo4", 7), 0);
	assert_int_equal(patterns_add(&p, "country-*", 8), 0);
	assert_int_equal(patterns_add(&p, "a\\*b", 9), 0);
	assert_ptr_equal(patterns_match(&p, "geo4"), &p.v[0]);
	assert_ptr_equal(patterns_match(&p, "country-ru/4"), &p.v[1]);
	assert_ptr_equal(patterns_match(&p, "a*b"), &p.v[2]);
	assert_null(patterns_match(&p, "geo46"));
	assert_null(patterns_match(&p, "axb"));
	assert_null(patterns_match(&p, NULL));
	assert_false(pattern_is_wild(&p.v[0]));
	assert_true(pattern_is_wild(&p.v[1]));
	assert_true(pattern_is_wild(&p.v[2]));
	assert_int_equal(p.v[1].line, 8);

	struct target t = { .rules.set = p };

	target_fini(&t);
	assert_int_equal(t.rules.set.n, 0);
}

static void
errors_say_where(void **state)
{
	struct target t = { .name = strdup("in\nput"), .file = "p.json", .line = 3, .index = 2 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(target_err(&e, &t, "rules.set[1]", 9, "no set %s", "x"), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_string_equal(e.msg, "p.json:9: targets[2].rules.set[1]: no set x");
	e = ERR_INIT;
	target_err(&e, &t, NULL, 0, "none");
	assert_string_equal(e.msg, "p.json:3: targets[2]: none");
	e = ERR_INIT;
	t.file = NULL;
	target_err(&e, &t, "table", 0, "gone");
	assert_string_equal(e.msg, "discovered target in\\x0aput: gone");
	target_fini(&t);
}

static struct target
input_target(void)
{
	struct target t = { .name = strdup("input"),
			    .backend = strdup("nftables"),
			    .table = strdup("inet filter"),
			    .action = ACTION_SKIP };

	assert_int_equal(patterns_add(&t.rules.set, "geo4", 7), 0);
	assert_int_equal(patterns_add(&t.rules.set, "geo6", 8), 0);
	assert_int_equal(patterns_add(&t.rules.chain, "input", 9), 0);
	t.rules.handles = calloc(2, sizeof(*t.rules.handles));
	assert_non_null(t.rules.handles);
	t.rules.handles[0] = 4;
	t.rules.handles[1] = 5;
	t.rules.n_handles = 2;
	return t;
}

static void
give(char **member, const char *text)
{
	free(*member);
	*member = strdup(text);
}

static void
add_set(struct target *t)
{
	patterns_add(&t->rules.set, "geo5", 0);
}

static void
add_chain(struct target *t)
{
	patterns_add(&t->rules.chain, "forward", 0);
}

static void
add_map(struct target *t)
{
	patterns_add(&t->rules.map, "geo4", 0);
}

static void
add_comment(struct target *t)
{
	patterns_add(&t->rules.comment, "geo4", 0);
}

static void
other_pattern(struct target *t)
{
	give(&t->rules.set.v[1].text, "geo*");
}

static void
fewer_patterns(struct target *t)
{
	give(&t->rules.set.v[1].text, "geo4");
}

static void
other_handle(struct target *t)
{
	t->rules.handles[1] = 6;
}

static void
fewer_handles(struct target *t)
{
	t->rules.n_handles = 1;
}

static void
other_table(struct target *t)
{
	give(&t->table, "ip filter");
}

static void
other_backend(struct target *t)
{
	give(&t->backend, "iptables");
}

static void
other_action(struct target *t)
{
	t->action = ACTION_AUTO;
}

static void
same_rules_are_the_same_target(void **state)
{
	static void (*const changes[])(struct target * t) = {
		add_set,       add_chain,      add_map,      add_comment,
		other_pattern, fewer_patterns, other_handle, fewer_handles,
		other_table,   other_backend,  other_action,
	};
	struct target a = input_target();

	(void)state;
	assert_true(target_same(&a, &a));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct target b = input_target();

		assert_true(target_same(&a, &b));
		changes[i](&b);
		if (target_same(&a, &b) || target_same(&b, &a))
			fail_msg("change %zu is not seen", i);
		target_fini(&b);
	}
	target_fini(&a);
}

static struct target
exec_target(const char *config)
{
	struct target t = { .name = strdup("router"),
			    .backend = strdup("exec"),
			    .command = calloc(3, sizeof(*t.command)),
			    .deadline_s = 30,
			    .config = config ? json_loads(config, JSON_DECODE_ANY, NULL) : NULL };

	assert_non_null(t.command);
	t.command[0] = strdup("/bin/x");
	t.command[1] = strdup("eth0");
	return t;
}

static void
expect_same(bool same, struct target *b)
{
	struct target a = exec_target("{\"a\":[1],\"b\":null}");

	assert_int_equal(target_same(&a, b), same);
	assert_int_equal(target_same(b, &a), same);
	target_fini(&a);
	target_fini(b);
}

static void
exec_targets_are_what_they_run(void **state)
{
	struct target b = exec_target("{\"b\":null, \"a\":[1]}");

	(void)state;
	b.deadline_s = 5;
	assert_string_equal(target_where(&b), "/bin/x");
	expect_same(true, &b);
	b = exec_target("{\"a\":[1.0],\"b\":null}");
	expect_same(false, &b);
	b = exec_target(NULL);
	expect_same(false, &b);
	b = exec_target("{\"a\":[1],\"b\":null}");
	give(&b.name, "other");
	expect_same(false, &b);
	b = exec_target("{\"a\":[1],\"b\":null}");
	give(&b.command[1], "eth1");
	expect_same(false, &b);
	b = exec_target("{\"a\":[1],\"b\":null}");
	free(b.command[1]);
	b.command[1] = NULL;
	expect_same(false, &b);
	b = input_target();
	expect_same(false, &b);
}

static struct target
rest_target(void)
{
	struct target t = { .name = strdup("edge"),
			    .backend = strdup("rest"),
			    .recipe = strdup("cloudflare-waf"),
			    .params = json_pack("{s:s}", "zone", "0123"),
			    .secrets = json_pack("{s:{s:s}}", "token", "file", "/t"),
			    .ca_file = strdup("/ca.pem"),
			    .deadline_s = 30 };

	return t;
}

static void
other_recipe(struct target *t)
{
	give(&t->recipe, "vultr");
}

static void
other_param(struct target *t)
{
	json_object_set_new(t->params, "zone", json_string("0124"));
}

static void
no_params(struct target *t)
{
	json_decref(t->params);
	t->params = NULL;
}

static void
other_secret(struct target *t)
{
	json_object_set_new(t->secrets, "token", json_pack("{s:s}", "credential", "t"));
}

static void
no_ca_file(struct target *t)
{
	free(t->ca_file);
	t->ca_file = NULL;
}

static void
a_pin(struct target *t)
{
	give(&t->pin, "sha256//x");
}

static void
without_tls(struct target *t)
{
	t->plain = true;
}

static void
rest_targets_are_what_they_ask_for(void **state)
{
	static void (*const changes[])(struct target * t) = {
		other_recipe, other_param, no_params, other_secret, no_ca_file, a_pin, without_tls,
	};
	struct target a = rest_target();

	(void)state;
	assert_string_equal(target_where(&a), "cloudflare-waf");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct target b = rest_target();

		give(&b.name, "other");
		b.deadline_s = 5;
		assert_true(target_same(&a, &b));
		changes[i](&b);
		if (target_same(&a, &b) || target_same(&b, &a))
			fail_msg("change %zu is not seen", i);
		target_fini(&b);
	}
	target_fini(&a);
}

/* What is said twice, in another order, under another name and elsewhere is the same. */
static void
names_places_and_order_do_not_count(void **state)
{
	struct target a = input_target();
	struct target b = input_target();

	(void)state;
	give(&b.name, "other");
	give(&b.rules.set.v[0].text, "geo6");
	give(&b.rules.set.v[1].text, "geo4");
	assert_int_equal(patterns_add(&b.rules.set, "geo4", 99), 0);
	b.rules.handles[0] = 5;
	b.rules.handles[1] = 4;
	b.rules.handle_line = 12;
	b.file = "p.json";
	b.line = b.table_line = 17;
	b.index = 3;
	assert_true(target_same(&a, &b));
	assert_true(target_same(&b, &a));
	target_fini(&a);
	target_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_have_names),
		cmocka_unit_test(patterns_match_whole_names),
		cmocka_unit_test(errors_say_where),
		cmocka_unit_test(same_rules_are_the_same_target),
		cmocka_unit_test(exec_targets_are_what_they_run),
		cmocka_unit_test(rest_targets_are_what_they_ask_for),
		cmocka_unit_test(names_places_and_order_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
