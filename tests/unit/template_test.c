/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "template.h"

static struct scope outer, scope;

static int
make_scope(void **state)
{
	(void)state;
	outer.names = json_pack("{s:s,s:s}", "secret.token", "s3/cr et", "zone", "hidden");
	scope.names = json_pack("{s:s,s:s,s:s,s:i,s:I,s:[i,i],s:n,s:s,s:b,s:s}", "zone", "a/b c",
				"q", "say \"hi\"\\\n", "each.family", "ipv4", "n", 42, "deadline",
				(json_int_t)1767225600, "list", 1, 2, "nil", "utf", "\xc3\xa4",
				"flag", 1, "empty", "");
	scope.parent = &outer;
	return scope.names != NULL && outer.names != NULL ? 0 : -1;
}

static int
drop_scope(void **state)
{
	(void)state;
	json_decref(scope.names);
	json_decref(outer.names);
	return 0;
}

struct expansion {
	const char *template, *text;
};

static void
expect_expansions(const struct expansion *all, size_t n, enum template_use use)
{
	for (size_t i = 0; i < n; i++) {
		struct err e = ERR_INIT;
		char *got = template_expand(all[i].template, &scope, use, &e);

		if (got == NULL)
			fail_msg("%s: %s", all[i].template, e.msg);
		assert_string_equal(got, all[i].text);
		free(got);
	}
}
#define EXPECT_EXPANSIONS(all, use) expect_expansions(all, sizeof(all) / sizeof(all[0]), use)

static void
variables_become_their_values(void **state)
{
	static const struct expansion all[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "${zone}", "a/b c" },
		{ "/x/${zone}/${n}!", "/x/a/b c/42!" },
		{ "$$", "$" },
		{ "a$$b$$$$", "a$b$$" },
		{ "$${zone}", "${zone}" },
		{ "${each.family}", "ipv4" },
		{ "${secret.token}", "s3/cr et" },
		{ "<${missing?}>", "<>" },
		{ "<${empty}>", "<>" },
		{ "}${n}}", "}42}" },
	};

	(void)state;
	EXPECT_EXPANSIONS(all, TEMPLATE_TEXT);
}

static void
paths_are_encoded(void **state)
{
	static const struct expansion all[] = {
		{ "/zones/${zone}/a b", "/zones/a%2Fb%20c/a b" },
		{ "/${zone|raw}", "/a/b c" },
		{ "/${zone|urlenc}", "/a%2Fb%20c" },
		{ "/${utf}", "/%C3%A4" },
		{ "/${q|jsonstr}", "/say%20%5C%22hi%5C%22%5C%5C%5Cn" },
	};

	(void)state;
	EXPECT_EXPANSIONS(all, TEMPLATE_PATH);
}

static void
filters_do_what_they_say(void **state)
{
	static const struct expansion all[] = {
		{ "${q|jsonstr}", "say \\\"hi\\\"\\\\\\n" },
		{ "${zone|urlenc}", "a%2Fb%20c" },
		{ "${each.family|base64}", "aXB2NA==" },
		{ "${utf|base64}", "w6Q=" },
		{ "${empty|base64}", "" },
		{ "${zone|upper}", "A/B C" },
		{ "${each.family|capital}", "Ipv4" },
		{ "${empty|capital}", "" },
		{ "${zone|upper|urlenc}", "A%2FB%20C" },
		{ "${deadline|epoch}", "1767225600" },
		{ "${deadline|rfc3339}", "2026-01-01T00:00:00Z" },
		{ "${n|minutes}", "1m" },
		{ "${n|seconds}", "42s" },
		{ "${n|number}", "42" },
		{ "${zone|raw}", "a/b c" },
	};

	(void)state;
	EXPECT_EXPANSIONS(all, TEMPLATE_TEXT);
}

static void
refuse(const char *template, const char *why)
{
	struct err e = ERR_INIT;
	char *got = template_expand(template, &scope, TEMPLATE_TEXT, &e);

	if (got != NULL)
		fail_msg("%s became \"%s\"", template, got);
	assert_int_equal(e.code, ERR_FAILED);
	if (strstr(e.msg, why) == NULL)
		fail_msg("%s: \"%s\" is not in \"%s\"", template, why, e.msg);
	assert_null(strstr(e.msg, "s3/cr et"));
}

static void
errors_name_the_variable_and_no_value(void **state)
{
	(void)state;
	refuse("x ${missing} y", "the template \"x ${missing} y\": there is no value for "
				 "\"missing\"");
	refuse("${list}", "${list}: its value is neither text nor a number");
	refuse("${nil}", "neither text nor a number");
	refuse("${flag}", "neither text nor a number");
	refuse("${secret.token|epoch}",
	       "${secret.token}: its value is not a whole number of seconds");
	refuse("${secret.token|rfc3339}", "not a whole number");
	refuse("${empty|minutes}", "not a whole number");
	refuse("${secret.token|number}", "its value is not a number");
}

static void
broken_templates_are_refused(void **state)
{
	(void)state;
	refuse("a $ b", "a $ begins ${name}; the sign itself is $$");
	refuse("end$", "a $ begins ${name}");
	refuse("${zone", "a } is missing after \"zone\"");
	refuse("${zone?", "a } is missing");
	refuse("${zone|upper", "a } is missing");
	refuse("${zone|upr}", "unknown filter \"upr\"");
	refuse("${zone|}", "unknown filter \"\"");
	refuse("${zone|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", "unknown filter");
	refuse("${}", "no name of a variable");
	refuse("${Zone}", "no name of a variable: \"Zone\"");
	refuse("${a b}", "no name of a variable");
	refuse("${a..b}", "no name of a variable");
	refuse("${a.}", "no name of a variable");
	refuse("${1a}", "no name of a variable");
	refuse("${\xc3\xa4}", "no name of a variable: \"\\xc3\\xa4\"");
	refuse("${a23456789012345678901234567890123456789012345678z}", "no name of a variable");
	refuse("${zone|upper|upper|upper|upper|upper}", "too many filters at \"zone\"");
}

static void
expect_json(const char *template, const char *text)
{
	struct err e = ERR_INIT;
	json_t *before = json_loads(template, JSON_DECODE_ANY, NULL);
	json_t *expected = json_loads(text, JSON_DECODE_ANY, NULL);
	json_t *got = template_expand_json(before, &scope, &e);

	assert_non_null(expected);
	if (got == NULL || json_equal(got, expected) != 1) {
		char *dump = json_dumps(got, JSON_ENCODE_ANY);

		fail_msg("%s: expected %s, got %s; %s", template, text, dump, e.msg);
	}
	json_decref(got);
	json_decref(expected);
	json_decref(before);
}

static void
whole_variables_keep_their_types(void **state)
{
	(void)state;
	expect_json("\"${n}\"", "42");
	expect_json("\"${n} \"", "\"42 \"");
	expect_json("\"${n|raw}\"", "\"42\"");
	expect_json("\"${each.family}\"", "\"ipv4\"");
	expect_json("{\"a\":[\"${list}\",1,true,null,2.5],\"${n}\":\"$$\"}",
		    "{\"a\":[[1,2],1,true,null,2.5],\"${n}\":\"$\"}");
	expect_json("\"${deadline|number}\"", "1767225600");
	expect_json("\"${deadline|epoch}\"", "\"1767225600\"");
	expect_json("\"${nil}\"", "null");
	expect_json("\"\"", "\"\"");
}

static void
optional_members_are_left_out(void **state)
{
	(void)state;
	expect_json("{\"a\":\"${missing?}\",\"b\":\"${n?}\"}", "{\"b\":42}");
	expect_json("{\"a\":\"${missing?|upper}\",\"b\":\"x${missing?}\"}", "{\"b\":\"x\"}");
	expect_json("[\"${missing?}\",[\"${missing?}\"],{\"a\":\"${missing?}\"}]", "[[],{}]");
}

static void
what_is_expanded_is_a_copy(void **state)
{
	struct err e = ERR_INIT;
	json_t *whole = json_string("${list}");
	json_t *got = template_expand_json(whole, &scope, &e);

	(void)state;
	assert_int_equal(json_array_clear(got), 0);
	expect_json("\"${list}\"", "[1,2]");
	json_decref(got);
	json_decref(whole);
}

static int
note(void *data, const char *name, bool optional, struct err *e)
{
	strcat(data, name);
	strcat(data, optional ? "? " : " ");
	return strcmp(name, "stop") == 0 ? err_set(e, ERR_POLICY, "stopped") : 0;
}

static void
variables_are_listed(void **state)
{
	char names[256] = "";
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(template_variables("a${b}$$${c.d?|upper}${b}", note, names, &e), 0);
	assert_string_equal(names, "b c.d? b ");
	assert_int_equal(template_variables("${stop}${b}", note, names, &e), -1);
	assert_string_equal(names, "b c.d? b stop ");
	assert_string_equal(e.msg, "stopped");
	e = ERR_INIT;
	assert_int_equal(template_variables("${b|nix}", note, names, &e), -1);
	assert_string_equal(e.msg, "the template \"${b|nix}\": unknown filter \"nix\"");
	e = ERR_INIT;
	assert_int_equal(template_variables("x${b|number}", note, names, &e), -1);
	assert_non_null(strstr(e.msg, "must stand alone"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_become_their_values),
		cmocka_unit_test(paths_are_encoded),
		cmocka_unit_test(filters_do_what_they_say),
		cmocka_unit_test(errors_name_the_variable_and_no_value),
		cmocka_unit_test(broken_templates_are_refused),
		cmocka_unit_test(whole_variables_keep_their_types),
		cmocka_unit_test(optional_members_are_left_out),
		cmocka_unit_test(what_is_expanded_is_a_copy),
		cmocka_unit_test(variables_are_listed),
	};

	return cmocka_run_group_tests(tests, make_scope, drop_scope);
}
