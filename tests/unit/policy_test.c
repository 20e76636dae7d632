/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What needs files or no file at all; the format itself is tested by golden/policy. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy.h"

static const char small[] =
	"{\"version\":1,\"targets\":[{\"backend\":\"nftables\",\"table\":\"ip a\"}]}";

static char dir[] = "/tmp/geopause-policy-test.XXXXXX";
static char path[64];

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/policy.json", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void
write_file(const char *text, size_t len, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
refuse(const char *why)
{
	struct policy policy;
	struct err e = ERR_INIT;

	assert_int_equal(policy_load(&policy, path, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	if (strstr(e.msg, why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, e.msg);
	assert_null(policy.file);
	assert_int_equal(policy.n_targets, 0);
}

static void
good_file_is_read(void **state)
{
	struct policy policy;
	struct err e = ERR_INIT;

	(void)state;
	write_file(small, sizeof(small) - 1, 0644);
	assert_int_equal(policy_load(&policy, path, &e), 0);
	assert_string_equal(policy.file, path);
	assert_int_equal(policy.n_targets, 1);
	assert_ptr_equal(policy.targets[0].file, policy.file);
	assert_string_equal(policy.targets[0].name, "target-1");
	assert_int_equal(policy.window_s, POLICY_WINDOW_DEFAULT_S);
	policy_fini(&policy);
	policy_fini(&policy);
}

static void
missing_file_is_no_error(void **state)
{
	struct policy policy;
	struct err e = ERR_INIT;

	(void)state;
	unlink(path);
	assert_int_equal(policy_load(&policy, path, &e), 0);
	assert_null(policy.file);
	assert_int_equal(policy.n_targets, 0);
	assert_int_equal(policy.max_window_s, POLICY_MAX_WINDOW_DEFAULT_S);
	assert_int_equal(policy.challenges, CHALLENGE_DEFAULT);
	policy_fini(&policy);
}

static void
links_are_followed(void **state)
{
	struct policy policy;
	struct err e = ERR_INIT;
	char real[80];

	(void)state;
	snprintf(real, sizeof(real), "%s/real.json", dir);
	write_file(small, sizeof(small) - 1, 0600);
	assert_int_equal(rename(path, real), 0);
	assert_int_equal(symlink("real.json", path), 0);
	assert_int_equal(policy_load(&policy, path, &e), 0);
	policy_fini(&policy);
	assert_int_equal(unlink(real), 0);
	refuse("symbolic link to nothing");
}

static void
unsafe_files_are_refused(void **state)
{
	(void)state;
	write_file(small, sizeof(small) - 1, 0664);
	refuse("chmod go-w");
	write_file(small, sizeof(small) - 1, 0602);
	refuse("chmod go-w");
	if (geteuid() == 0) {
		write_file(small, sizeof(small) - 1, 0600);
		assert_int_equal(chown(path, 65534, 65534), 0);
		refuse("chown root:root");
	}
}

static void
other_files_are_refused(void **state)
{
	char *big = calloc(1, POLICY_FILE_MAX + 2);

	(void)state;
	assert_non_null(big);
	memset(big, ' ', POLICY_FILE_MAX + 1);
	write_file(big, POLICY_FILE_MAX + 1, 0600);
	free(big);
	refuse("more than");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse("not a regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse("not a regular file");
	assert_int_equal(rmdir(path), 0);
	write_file("", 0, 0600);
	refuse("policy.json:1:");
}

static void
hostile_text_is_refused(void **state)
{
	struct policy policy;
	char *deep = malloc(200001);

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', 200000);
	deep[200000] = '\0';
	for (size_t len = 0; len < sizeof(small) - 1; len++) {
		struct err e = ERR_INIT;

		assert_int_equal(policy_parse(&policy, "p", small, len, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
	}
	for (size_t len = 100; len <= 200000; len *= 10) {
		struct err e = ERR_INIT;

		assert_int_equal(policy_parse(&policy, "p", deep, len, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
	}
	free(deep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file_is_read),
		cmocka_unit_test(missing_file_is_no_error),
		cmocka_unit_test(links_are_followed),
		cmocka_unit_test(unsafe_files_are_refused),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(hostile_text_is_refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
