/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "history_lines.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "history.h"
#include "options.h"

#define OPENED INT64_C(1000000)

static void
joined(struct text *t, const char *window, const char *who, int64_t until)
{
	line(t,
	     "{\"event\":\"joined\",\"window\":\"%s\",\"netns\":\"1\",\"opened_wall\":%" PRId64
	     ",\"wall\":%" PRId64 ",\"ports\":\"tcp 80, tcp 443\",\"targets\":\"input, edge\","
	     "\"who\":\"%s\",\"expiry_wall\":%" PRId64 ",\"expires\":true}",
	     window, OPENED, OPENED, who, until);
}

static void
closed(struct text *t, const char *window, int64_t at, int64_t seconds, int64_t late)
{
	line(t,
	     "{\"event\":\"closed\",\"window\":\"%s\",\"netns\":\"1\",\"opened_wall\":%" PRId64
	     ",\"wall\":%" PRId64 ",\"ports\":\"\",\"targets\":\"\",\"how\":\"post\","
	     "\"seconds\":%" PRId64 ",\"late\":%" PRId64 ",\"exact\":true}",
	     window, at - seconds, at, seconds, late);
}

static struct history
parse(const struct text *t)
{
	struct history h;
	struct err e = ERR_INIT;
	assert_int_equal(history_parse(&h, t->v, t->len, &e), 0);
	return h;
}

/* --- damage --- */

static void
any_changed_byte_costs_its_line(void **state)
{
	struct text t = { 0 };
	(void)state;
	opened(&t, A, OPENED, OPENED + 600);
	closed(&t, A, OPENED + 60, 60, 0);
	for (size_t i = 0; i < t.len; i++) {
		t.v[i] ^= 1;
		struct history h = parse(&t);
		assert_true(h.skipped >= 1 && h.n <= 1);
		history_fini(&h);
		t.v[i] ^= 1;
	}
}

#define EVENT(event, window, opened, wall)                                                         \
	"{\"event\":\"" event "\",\"window\":\"" window                                            \
	"\",\"netns\":\"1\",\"opened_wall\":" opened ",\"wall\":" wall
#define OPENED_EVENT EVENT("opened", A, "5", "5")
#define CLOSED_EVENT EVENT("closed", A, "5", "5")

static void
foreign_lines_are_counted(void **state)
{
	static const char *const wrong[] = {
		"",
		"{}",
		"[]",
		"null",
		"1",
		"x",
		"{\"event\":\"opened\"}",
		OPENED_EVENT "}",
		OPENED_EVENT ",\"event\":\"opened\",\"expiry_wall\":9}",
		OPENED_EVENT ",\"expiry_wall\":-9223372036854775808}",
		OPENED_EVENT ",\"expiry_wall\":9,\"who\":\"\\u001b[2J\"}",
		OPENED_EVENT ",\"expiry_wall\":9,\"who\":7}",
		EVENT("sung", A, "5", "5") ",\"expiry_wall\":9}",
		EVENT("opened", "../../etc/xx", "5", "5") ",\"expiry_wall\":9}",
		EVENT("opened", A, "0", "5") ",\"expiry_wall\":9}",
		EVENT("opened", A, "5", "9223372036854775807") ",\"expiry_wall\":9}",
		EVENT("opened", A, "5", "5.5") ",\"expiry_wall\":9}",
		CLOSED_EVENT ",\"seconds\":-1,\"how\":\"post\"}",
		CLOSED_EVENT ",\"seconds\":1,\"late\":2,\"how\":\"post\"}",
		CLOSED_EVENT ",\"seconds\":1}",
	};
	const size_t n = sizeof(wrong) / sizeof(*wrong);
	struct text t = { 0 };
	(void)state;
	for (size_t i = 0; i < n; i++)
		line(&t, "%s", wrong[i]);
	memcpy(t.v + t.len, "nonsense\n\0\xff\n\n\n", 14);
	t.len += 14;
	opened(&t, B, OPENED, OPENED + 600);
	struct history h = parse(&t);
	assert_int_equal(h.skipped, n + 2);
	assert_int_equal(h.n, 1);
	history_fini(&h);
}

static void
a_newer_version_is_skipped(void **state)
{
	struct text t = { 0 };
	(void)state;
	opened(&t, A, OPENED, OPENED + 600);
	t.v[strlen("geopause-history ")] = '2';
	struct history h = parse(&t);
	assert_int_equal(h.skipped, 1);
	assert_int_equal(h.n, 0);
	history_fini(&h);
}

/* --- events that are missing or too many --- */

static void
the_first_end_counts(void **state)
{
	struct text t = { 0 };
	(void)state;
	opened(&t, A, OPENED, OPENED + 600);
	closed(&t, A, OPENED + 60, 60, 0);
	closed(&t, A, OPENED + 90, 90, 0);
	joined(&t, A, "late", OPENED + 5000);
	opened(&t, A, OPENED, OPENED + 5000);
	struct history h = parse(&t);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.skipped, 0);
	assert_int_equal(h.v[0].closed_wall, OPENED + 60);
	assert_int_equal(h.v[0].seconds, 60);
	assert_string_equal(h.v[0].who, "x");
	history_fini(&h);
}

static void
an_end_without_a_beginning_is_a_window(void **state)
{
	struct text t = { 0 };
	(void)state;
	closed(&t, A, OPENED + 60, 60, 30);
	joined(&t, B, "y", OPENED + 600);
	struct history h = parse(&t);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.v[0].opened_wall, OPENED);
	assert_int_equal(h.v[0].seconds, 60);
	assert_string_equal(h.v[0].ports, "");
	assert_string_equal(h.v[0].who, "");
	assert_string_equal(h.v[0].how, "post");
	assert_int_equal(h.v[1].seconds, 600);
	assert_string_equal(h.v[1].ports, "tcp 80, tcp 443");
	assert_string_equal(h.v[1].targets, "input, edge");
	assert_string_equal(h.v[1].who, "y");
	history_fini(&h);
}

static void
a_beginning_without_an_end_is_bounded(void **state)
{
	struct text t = { 0 };
	(void)state;
	opened(&t, A, OPENED, OPENED + 600);
	joined(&t, A, "y", OPENED + 900);
	joined(&t, A, "z", OPENED + 300);
	opened(&t, B, OPENED + 700, OPENED + 800);
	opened(&t, C, OPENED + 5000, OPENED + 5600);
	struct history h = parse(&t);
	assert_int_equal(h.n, 3);
	/* Until the next one of its namespace. */
	assert_int_equal(h.v[0].seconds, 700);
	assert_string_equal(h.v[0].who, "x, y, z");
	/* Until its expiry. */
	assert_int_equal(h.v[1].seconds, 100);
	assert_int_equal(h.v[2].seconds, 600);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(h.v[i].closed_wall, 0);
		assert_null(h.v[i].how);
	}
	history_fini(&h);
}

static void
namespaces_do_not_end_each_other(void **state)
{
	struct text t = { 0 };
	(void)state;
	opened(&t, A, OPENED, OPENED + 600);
	line(&t,
	     "{\"event\":\"opened\",\"window\":\"" B "\",\"netns\":\"2\",\"opened_wall\":%" PRId64
	     ",\"wall\":5,\"expiry_wall\":%" PRId64 "}",
	     OPENED + 10, OPENED + 20);
	struct history h = parse(&t);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.v[0].seconds, 600);
	assert_int_equal(h.v[1].seconds, 10);
	assert_false(h.v[1].expires_itself);
	history_fini(&h);
}

static void
a_clock_that_was_set_back_ends_nothing(void **state)
{
	struct text t = { 0 };
	(void)state;
	opened(&t, A, OPENED, OPENED + 600);
	opened(&t, B, OPENED - 5000, OPENED - 4400);
	struct history h = parse(&t);
	assert_int_equal(h.v[0].seconds, 600);
	assert_int_equal(h.v[1].seconds, 600);
	history_fini(&h);
}

static void
many_clients_of_one_window(void **state)
{
	static struct text t;
	(void)state;
	opened(&t, A, OPENED, OPENED + 600);
	for (int i = 0; i < 150; i++) {
		char who[32];
		snprintf(who, sizeof(who), "certbot (process %d)", 1000 + i % 75);
		joined(&t, A, who, OPENED + 600);
	}
	struct history h = parse(&t);
	assert_int_equal(h.n, 1);
	assert_true(strlen(h.v[0].who) < 1100);
	assert_string_equal(h.v[0].who + strlen(h.v[0].who) - 5, ", ...");
	history_fini(&h);
}

/* --- exposure --- */

static int64_t
exposed(const struct text *t, int64_t since, int64_t now)
{
	struct history h = parse(t);
	int64_t seconds = history_exposure(&h, since, now);
	history_fini(&h);
	return seconds;
}

static void
exposure_is_the_union(void **state)
{
	struct text t = { 0 };
	(void)state;
	assert_int_equal(exposed(&t, 0, OPENED * 2), 0);
	closed(&t, A, 1100, 100, 0);
	assert_int_equal(exposed(&t, 0, 5000), 100);
	/* Apart, overlapping, inside, the same, touching; in any order. */
	closed(&t, B, 3000, 100, 0);
	closed(&t, C, 1150, 100, 0);
	closed(&t, "dddddddddddd", 1090, 50, 0);
	closed(&t, "eeeeeeeeeeee", 1100, 100, 0);
	closed(&t, "ffffffffffff", 1200, 50, 0);
	assert_int_equal(exposed(&t, 0, 5000), 300);
	/* Clipped on either side. */
	assert_int_equal(exposed(&t, 1050, 5000), 250);
	assert_int_equal(exposed(&t, 1050, 2950), 200);
	assert_int_equal(exposed(&t, 1200, 2900), 0);
	assert_int_equal(exposed(&t, 2950, 2960), 10);
	assert_int_equal(exposed(&t, 5000, 0), 0);
}

static void
an_open_window_is_exposed_until_now(void **state)
{
	struct text t = { 0 };
	(void)state;
	opened(&t, A, 1000, 1600);
	assert_int_equal(exposed(&t, 0, 1010), 10);
	assert_int_equal(exposed(&t, 0, 5000), 600);
	assert_int_equal(exposed(&t, 0, 900), 0);
}

static void
extreme_times_do_not_overflow(void **state)
{
	struct text t = { 0 };
	const int64_t most = INT64_C(1) << 40;
	(void)state;
	opened(&t, A, 1, most);
	closed(&t, A, 1, 0, 0);
	opened(&t, B, most, 1);
	line(&t,
	     "{\"event\":\"closed\",\"window\":\"" C "\",\"netns\":\"1\",\"opened_wall\":1,"
	     "\"wall\":1,\"seconds\":%" PRId64 ",\"late\":%" PRId64 ",\"how\":\"x\"}",
	     most, most);
	assert_int_equal(exposed(&t, 0, most), 1);
	assert_true(exposed(&t, INT64_MIN, INT64_MAX) >= most);
}

/* --- memory --- */

static unsigned allocations_left = UINT_MAX;

static bool
none_left(void)
{
	return allocations_left != UINT_MAX && !allocations_left--;
}

void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

void *
__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return none_left() ? NULL : __real_reallocarray(old, n, size);
}

char *
__wrap_strdup(const char *text)
{
	return none_left() ? NULL : __real_strdup(text);
}

static void *
json_malloc(size_t size)
{
	return none_left() ? NULL : malloc(size);
}

/* A line that cannot be parsed for want of memory is as good as a foreign one. */
static void
memory_may_end_anywhere(void **state)
{
	struct text t = { 0 };
	unsigned n = 0, failed = 0;
	bool ended = true;
	(void)state;
	opened(&t, A, OPENED, OPENED + 600);
	joined(&t, A, "y", OPENED + 900);
	closed(&t, A, OPENED + 60, 60, 0);
	closed(&t, B, OPENED + 600, 60, 0);
	json_set_alloc_funcs(json_malloc, free);
	for (; ended; n++) {
		struct history h;
		struct err e = ERR_INIT;
		allocations_left = n;
		int rc = history_parse(&h, t.v, t.len, &e);
		ended = allocations_left == UINT_MAX;
		allocations_left = UINT_MAX;
		assert_true(rc ? e.code == ERR_FAILED && !h.n : h.n + h.skipped >= 2);
		failed += rc != 0;
		history_fini(&h);
	}
	json_set_alloc_funcs(malloc, free);
	assert_true(n > 50 && failed > 10);
}

static void
the_directory_follows_state(void **state)
{
	struct options options = { .state = "/run/geopause" };
	(void)state;
	assert_string_equal(history_directory(&options), GEOPAUSE_HISTORY_DIR);
	options.state_given = true;
	assert_string_equal(history_directory(&options), "/run/geopause");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_changed_byte_costs_its_line),
		cmocka_unit_test(foreign_lines_are_counted),
		cmocka_unit_test(a_newer_version_is_skipped),
		cmocka_unit_test(the_first_end_counts),
		cmocka_unit_test(an_end_without_a_beginning_is_a_window),
		cmocka_unit_test(a_beginning_without_an_end_is_bounded),
		cmocka_unit_test(namespaces_do_not_end_each_other),
		cmocka_unit_test(a_clock_that_was_set_back_ends_nothing),
		cmocka_unit_test(many_clients_of_one_window),
		cmocka_unit_test(exposure_is_the_union),
		cmocka_unit_test(an_open_window_is_exposed_until_now),
		cmocka_unit_test(extreme_times_do_not_overflow),
		cmocka_unit_test(memory_may_end_anywhere),
		cmocka_unit_test(the_directory_follows_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
