/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The history's file: what is written, and what becomes of it when it is damaged or too long. */
#include "history_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "history.h"
#include "log.h"

#define FILE_MAX (4u << 20)
#define DAY INT64_C(86400)

static char base[] = "/tmp/geopause-history-XXXXXX";
static char dir[sizeof(base) + 8];
static char file[sizeof(dir) + 16];
static unsigned warnings;

void __wrap_log_event_take(int priority, const char *event, json_t *fields, const char *fmt, ...);

void
__wrap_log_event_take(int priority, const char *event, json_t *fields, const char *fmt, ...)
{
	(void)fmt;
	assert_int_equal(priority, LOG_WARNING);
	assert_string_equal(event, "history");
	json_decref(fields);
	warnings++;
}

static void
write_bytes(const char *bytes, size_t len, int flags)
{
	int fd = open(file, O_WRONLY | O_CREAT | flags, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static char *
read_bytes(size_t *len)
{
	struct stat st;
	int fd = open(file, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	char *bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	bytes[st.st_size] = '\0';
	close(fd);
	*len = (size_t)st.st_size;
	return bytes;
}

static struct history
read_all(void)
{
	struct history h;
	struct err e = ERR_INIT;
	assert_int_equal(history_read(&h, dir, &e), 0);
	return h;
}

/* --- written and read back --- */

static void
a_window_is_read_back(void **state)
{
	struct sample s = sample(A);
	struct stat st;
	(void)state;
	s.journal.opened -= 42;
	s.journal.opened_wall -= 42;
	history_opened(dir, &s.journal, &s.lease);
	history_closed(dir, &s.journal, "post", true);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	struct history h = read_all();
	assert_int_equal(h.n, 1);
	assert_int_equal(h.skipped, 0);
	assert_string_equal(h.v[0].window, A);
	assert_int_equal(h.v[0].opened_wall, s.journal.opened_wall);
	assert_in_range(h.v[0].seconds, 42, 44);
	assert_in_range(h.v[0].closed_wall - h.v[0].opened_wall, 42, 44);
	assert_string_equal(h.v[0].ports, "tcp 80, tcp 443");
	assert_string_equal(h.v[0].targets, "input, edge");
	assert_string_equal(h.v[0].who, "certbot (process 123)");
	assert_string_equal(h.v[0].how, "post");
	assert_true(h.v[0].exact && h.v[0].expires_itself);
	history_fini(&h);
	sample_fini(&s);
}

static void
everybody_who_joined_is_named(void **state)
{
	char name[] = "web";
	struct lease by_name = { .kind = LEASE_NAME, .name = name };
	struct lease timed = { .kind = LEASE_TIMED };
	struct sample s = sample(A);
	(void)state;
	history_opened(dir, &s.journal, &s.lease);
	history_joined(dir, &s.journal, &by_name);
	*s.lease.owner_name = '\0';
	history_joined(dir, &s.journal, &s.lease);
	for (int i = 0; i < 3; i++)
		history_joined(dir, &s.journal, &timed);
	history_joined(dir, &s.journal, &by_name);
	struct history h = read_all();
	assert_int_equal(h.n, 1);
	assert_string_equal(h.v[0].who,
			    "certbot (process 123), lease web, process 123, a timed lease");
	assert_null(h.v[0].how);
	assert_int_equal(h.v[0].closed_wall, 0);
	assert_in_range(h.v[0].seconds, 599, 601);
	history_fini(&h);
	sample_fini(&s);
}

static void
names_from_outside_stay_printable(void **state)
{
	struct sample s = sample(A);
	(void)state;
	assert_int_equal(names_add(&s.journal.lifts.v[0].targets, "\033[2J\n\"\xc3\xa9"), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(names_addf(&s.journal.lifts.v[0].targets, "target-%d", i), 0);
	history_opened(dir, &s.journal, &s.lease);
	struct history h = read_all();
	assert_int_equal(h.n, 1);
	assert_non_null(strstr(h.v[0].targets, "input, edge, \\x1b[2J\\x0a\\x22\\xc3\\xa9, "));
	assert_string_equal(h.v[0].targets + strlen(h.v[0].targets) - 5, ", ...");
	history_fini(&h);
	sample_fini(&s);
}

/* The leases may reach further than what a heartbeat keeps the lifts open for. */
static void
the_last_expiry_is_that_of_the_leases(void **state)
{
	struct sample s = sample(A);
	(void)state;
	s.journal.expiry = s.journal.opened + 60;
	s.journal.leases.v[0].expires = s.journal.opened + 3600;
	history_opened(dir, &s.journal, &s.lease);
	struct history h = read_all();
	assert_in_range(h.v[0].seconds, 3599, 3601);
	history_fini(&h);
	sample_fini(&s);
}

static void
an_expired_window_ended_at_its_expiry(void **state)
{
	struct sample s = sample(A);
	(void)state;
	s.journal.opened -= 5000;
	s.journal.opened_wall -= 5000;
	s.journal.expiry = s.journal.opened + 600;
	history_opened(dir, &s.journal, &s.lease);
	history_closed(dir, &s.journal, "expired", true);
	memcpy(s.journal.window, B, TXN_BUF);
	s.journal.lifts.v[0].expires_itself = false;
	history_opened(dir, &s.journal, &s.lease);
	history_closed(dir, &s.journal, "expired", true);
	struct history h = read_all();
	assert_int_equal(h.n, 2);
	assert_in_range(h.v[0].seconds, 599, 601);
	assert_in_range(h.v[0].closed_wall - h.v[0].opened_wall, 599, 601);
	assert_in_range(h.v[1].seconds, 4999, 5002);
	history_fini(&h);
	sample_fini(&s);
}

/* --- damage --- */

/* How many windows there are in the first n lines: A opened, A closed, B opened. */
static size_t
windows_in(size_t n)
{
	return n == 0 ? 0 : n < 3 ? 1 : 2;
}

static void
a_file_cut_anywhere_loses_one_line(void **state)
{
	struct sample s = sample(A);
	size_t len, lines = 0;
	(void)state;
	history_opened(dir, &s.journal, &s.lease);
	history_closed(dir, &s.journal, "post", true);
	memcpy(s.journal.window, B, TXN_BUF);
	history_opened(dir, &s.journal, &s.lease);
	char *whole = read_bytes(&len);
	memcpy(s.journal.window, C, TXN_BUF);
	for (size_t cut = 0; cut <= len; cut++) {
		/* A line is complete without its newline. */
		lines += cut < len && whole[cut] == '\n';
		bool torn = cut && cut < len && whole[cut - 1] != '\n' && whole[cut] != '\n';
		write_bytes(whole, cut, O_TRUNC);
		for (size_t later = 0; later < 2; later++) {
			struct history h = read_all();
			assert_int_equal(h.skipped, torn);
			assert_int_equal(h.n, windows_in(lines) + later);
			assert_true(!later || !strcmp(h.v[h.n - 1].window, C));
			history_fini(&h);
			history_opened(dir, &s.journal, &s.lease);
		}
	}
	free(whole);
	assert_int_equal(warnings, 0);
	sample_fini(&s);
}

static void
a_huge_line_is_passed_over(void **state)
{
	struct sample s = sample(A);
	const size_t len = 3u << 20;
	char *huge = malloc(len);
	(void)state;
	assert_non_null(huge);
	memset(huge, 'x', len);
	assert_int_equal(mkdir(dir, 0700), 0);
	write_bytes(huge, len, O_TRUNC);
	history_opened(dir, &s.journal, &s.lease);
	struct history h = read_all();
	assert_int_equal(h.n, 1);
	assert_int_equal(h.skipped, 1);
	history_fini(&h);
	free(huge);
	sample_fini(&s);
}

/* Nothing is followed, made, changed or waited for; one warning. */
static void
refused(const char *says)
{
	struct sample s = sample(A);
	struct history h;
	struct err e = ERR_INIT;
	history_opened(dir, &s.journal, &s.lease);
	history_joined(dir, &s.journal, &s.lease);
	history_closed(dir, &s.journal, "post", true);
	assert_int_equal(history_read(&h, dir, &e), -1);
	assert_int_equal(e.code, ERR_FAILED);
	assert_non_null(strstr(e.msg, dir));
	if (!strstr(e.msg, says))
		fail_msg("%s", e.msg);
	sample_fini(&s);
}

static void
what_is_no_file_of_ours_is_left_alone(void **state)
{
	char elsewhere[sizeof(base) + 16];
	struct stat st;
	(void)state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", base);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(symlink(elsewhere, file), 0);
	refused("symbolic links");
	assert_int_equal(stat(elsewhere, &st), -1);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	refused("not a regular file");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	refused("");
	assert_int_equal(rmdir(file), 0);
	write_bytes("", 0, 0);
	assert_int_equal(chmod(file, 0620), 0);
	refused("nobody else may write it");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	refused("others can write it");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 0);
	/* Only the first of a process is said; other tests may have been there before. */
	assert_true(warnings <= 1);
}

/* SIGXFSZ would kill a hook that has opened a window. */
static void
a_limit_of_file_sizes_kills_nobody(void **state)
{
	struct sample s = sample(A);
	struct rlimit limit, tight;
	struct stat st;
	(void)state;
	history_opened(dir, &s.journal, &s.lease);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	for (rlim_t room = 0; room < 100; room += 50) {
		tight = (struct rlimit){ (rlim_t)st.st_size + room, limit.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
		history_closed(dir, &s.journal, "post", true);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	}
	history_closed(dir, &s.journal, "post", true);
	struct history h = read_all();
	assert_int_equal(h.n, 1);
	assert_int_equal(h.skipped, 0);
	assert_true(h.v[0].closed_wall);
	history_fini(&h);
	sample_fini(&s);
}

static void
a_missing_file_is_empty(void **state)
{
	struct history h = read_all();
	(void)state;
	assert_int_equal(h.n, 0);
	assert_int_equal(h.skipped, 0);
	history_fini(&h);
	assert_int_equal(mkdir(dir, 0700), 0);
	h = read_all();
	assert_int_equal(h.n, 0);
	history_fini(&h);
	assert_int_equal(access(file, F_OK), -1);
}

/* --- the bound --- */

/* Appends windows that were opened at this time until the file has at least this size. */
static size_t
fill(int64_t at, size_t size)
{
	static struct text t;
	struct stat st = { 0 };
	size_t n = 0;
	do {
		t.len = 0;
		for (int i = 0; i < 100; i++, n++) {
			char window[TXN_BUF];
			snprintf(window, sizeof(window), "%04x%08zx", (unsigned)(at & 0xffff), n);
			opened(&t, window, at, at + 60);
		}
		write_bytes(t.v, t.len, O_APPEND);
		assert_int_equal(stat(file, &st), 0);
	} while ((size_t)st.st_size < size);
	return n;
}

static void
old_events_go_first(void **state)
{
	struct sample s = sample(A);
	size_t len;
	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	fill(wall_now() - 401 * DAY, 3u << 20);
	write_bytes("torn\n", 5, O_APPEND);
	size_t recent = fill(wall_now() - 399 * DAY, FILE_MAX);
	history_opened(dir, &s.journal, &s.lease);
	free(read_bytes(&len));
	assert_true(len < FILE_MAX / 4 * 3);
	struct history h = read_all();
	assert_int_equal(h.n, recent + 1);
	assert_int_equal(h.skipped, 0);
	assert_string_equal(h.v[recent].window, A);
	history_fini(&h);
	history_closed(dir, &s.journal, "post", true);
	h = read_all();
	assert_int_equal(h.n, recent + 1);
	assert_string_equal(h.v[recent].how, "post");
	history_fini(&h);
	assert_int_equal(warnings, 0);
	sample_fini(&s);
}

static void
then_the_newest_half_stays(void **state)
{
	struct sample s = sample(A);
	struct stat st;
	size_t len;
	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	size_t n = fill(wall_now() - DAY, FILE_MAX);
	history_opened(dir, &s.journal, &s.lease);
	free(read_bytes(&len));
	assert_in_range(len, FILE_MAX / 2 - 1000, FILE_MAX / 2 + 20000);
	struct history h = read_all();
	assert_in_range(h.n, n / 2 - 5, n / 2 + 100);
	assert_int_equal(h.skipped, 0);
	assert_string_equal(h.v[h.n - 1].window, A);
	assert_int_equal(strtoul(h.v[h.n - 2].window + 4, NULL, 16), n - 1);
	history_fini(&h);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(warnings, 0);
	sample_fini(&s);
}

static void
a_file_that_is_far_too_long(void **state)
{
	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	fill(wall_now() - DAY, FILE_MAX * 2 + 4096);
	struct history h = read_all();
	assert_true(h.n > 10000 && h.skipped == 1);
	history_fini(&h);
}

/* A hook has about two milliseconds for everything; sanitizers and valgrind are allowed more. */
static void
an_event_is_cheap(void **state)
{
	enum {
		ROUNDS = 2000
	};
	struct sample s = sample(A);
	struct timespec from, to;
	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < ROUNDS; i++)
		history_opened(dir, &s.journal, &s.lease);
	clock_gettime(CLOCK_MONOTONIC, &to);
	int64_t ns = (to.tv_sec - from.tv_sec) * INT64_C(1000000000) + to.tv_nsec - from.tv_nsec;
	print_message("%" PRId64 " ns an event\n", ns / ROUNDS);
	assert_true(ns / ROUNDS < 1000000);
	sample_fini(&s);
}

static int
set_up(void **state)
{
	(void)state;
	warnings = 0;
	return 0;
}

static int
tear_down(void **state)
{
	char tmp[sizeof(file) + 8];
	(void)state;
	snprintf(tmp, sizeof(tmp), "%s.tmp", file);
	if (!access(tmp, F_OK))
		return -1; /* somebody left his temporary file */
	(void)chmod(dir, 0700);
	if (unlink(file) && errno != ENOENT && errno != ENOTDIR)
		return -1;
	return rmdir(dir) && errno != ENOENT ? -1 : 0;
}

static int
make_base(void **state)
{
	(void)state;
	if (!mkdtemp(base))
		return -1;
	snprintf(dir, sizeof(dir), "%s/d", base);
	snprintf(file, sizeof(file), "%s/history", dir);
	return 0;
}

static int
remove_base(void **state)
{
	(void)state;
	return rmdir(base);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_window_is_read_back),
		TEST(everybody_who_joined_is_named),
		TEST(names_from_outside_stay_printable),
		TEST(the_last_expiry_is_that_of_the_leases),
		TEST(an_expired_window_ended_at_its_expiry),
		TEST(a_file_cut_anywhere_loses_one_line),
		TEST(a_huge_line_is_passed_over),
		TEST(what_is_no_file_of_ours_is_left_alone),
		TEST(a_limit_of_file_sizes_kills_nobody),
		TEST(a_missing_file_is_empty),
		TEST(old_events_go_first),
		TEST(then_the_newest_half_stays),
		TEST(a_file_that_is_far_too_long),
		TEST(an_event_is_cheap),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
