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
	assert_int_equal(policy.on_refresh, REFRESH_RELIFT);
	assert_int_equal(policy.flows, FLOWS_KEEP);
	assert_null(policy.alert);
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

/* A policy whose alert is this path below the test's directory. */
static void
write_alert(const char *program)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
			   "{\"version\":1,\n\"alert\":[\n\"%s/%s\", \"x\"],\n"
			   "\"targets\":[{\"backend\":\"nftables\",\"table\":\"ip a\"}]}",
			   dir, program);

	write_file(text, (size_t)len, 0600);
}

static void
load_alert(void)
{
	struct policy policy;
	struct err e = ERR_INIT;

	if (policy_load(&policy, path, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(policy.alert[1], "x");
	assert_null(policy.alert[2]);
	assert_int_equal(policy.alert_line, 3);
	policy_fini(&policy);
	assert_null(policy.alert);
}

/* DIR/sub/tell, its link DIR/link, and a policy that names program. */
static void
make_program(const char *program, char *sub, char *tell, char *link)
{
	int fd;

	snprintf(sub, 80, "%s/sub", dir);
	snprintf(tell, 80, "%s/sub/tell", dir);
	snprintf(link, 80, "%s/link", dir);
	assert_int_equal(mkdir(sub, 0755), 0);
	fd = open(tell, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(tell, 0755), 0);
	assert_int_equal(symlink("sub/tell", link), 0);
	write_alert(program);
}

static void
remove_program(const char *sub, const char *tell, const char *link)
{
	unlink(link);
	unlink(tell);
	rmdir(sub);
}

static void
alerts_are_checked(void **state)
{
	static const char *const ways[] = { "sub/tell", "link", "sub/../sub//tell" };
	char sub[80], tell[80], link[80];

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		make_program(ways[i], sub, tell, link);
		load_alert();
		assert_int_equal(chmod(tell, 0775), 0);
		refuse("policy.json:3: alert[0]: ");
		refuse("chmod go-w");
		assert_int_equal(chmod(tell, 0757), 0);
		refuse("/tell: others than its owner can write it (mode 0757)");
		assert_int_equal(chmod(tell, 0644), 0);
		refuse("cannot be executed (mode 0644)");
		assert_int_equal(chmod(tell, 0700), 0);
		load_alert();
		assert_int_equal(chmod(sub, 0777), 0);
		refuse("/sub: others than its owner can write it (mode 0777)");
		assert_int_equal(chmod(sub, 0755), 0);
		assert_int_equal(unlink(tell), 0);
		refuse("policy.json:3: alert[0]: the program ");
		refuse("No such file");
		assert_int_equal(mkdir(tell, 0755), 0);
		refuse("is not a regular file");
		assert_int_equal(rmdir(tell), 0);
		remove_program(sub, tell, link);
	}
}

/* As the alert's; who may write it is checked by the same function. */
static void
commands_are_checked(void **state)
{
	char sub[80], tell[80], link[80], text[512];
	struct policy policy;
	struct err e = ERR_INIT;
	int len;

	(void)state;
	make_program("link", sub, tell, link);
	len = snprintf(text, sizeof(text),
		       "{\"version\":1,\"targets\":[\n"
		       "{\"backend\":\"nftables\",\"table\":\"ip a\"},\n"
		       "{\"backend\":\"exec\",\"command\":[\n\"%s\"]}]}",
		       link);
	write_file(text, (size_t)len, 0644);
	if (policy_load(&policy, path, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(policy.targets[1].command[0], link);
	policy_fini(&policy);
	assert_int_equal(chmod(sub, 0777), 0);
	refuse("policy.json:4: targets[1].command[0]: ");
	refuse("/sub: others than its owner can write it (mode 0777)");
	assert_int_equal(chmod(sub, 0755), 0);
	assert_int_equal(chmod(tell, 0644), 0);
	refuse("policy.json:4: targets[1].command[0]: ");
	refuse("cannot be executed (mode 0644)");
	assert_int_equal(unlink(tell), 0);
	refuse("policy.json:4: targets[1].command[0]: the program ");
	remove_program(sub, tell, link);
}

/* A recipe of the administrator's own, and who may answer for the provider. */
static void
files_of_rest_targets_are_checked(void **state)
{
	static const char *const keys[] = { "recipe", "ca_file" };
	char file[80];

	(void)state;
	snprintf(file, sizeof(file), "%s/own.json", dir);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct policy policy;
		struct err e = ERR_INIT;
		char text[512];
		char where[64];

		snprintf(text, sizeof(text),
			 "{\"version\":1,\"targets\":[\n{\"backend\":\"rest\",%s\n\"%s\":\"%s\"}]}",
			 i == 0 ? "" : "\"recipe\":\"a\",", keys[i], file);
		snprintf(where, sizeof(where), "policy.json:%d: targets[0].%s: ", i == 0 ? 3 : 2,
			 keys[i]);
		write_file("{}", 2, 0666);
		assert_int_equal(rename(path, file), 0);
		write_file(text, strlen(text), 0600);
		refuse(where);
		refuse("own.json: others than its owner can write it (mode 0666)");
		assert_int_equal(chmod(file, 0644), 0);
		assert_int_equal(policy_load(&policy, path, &e), 0);
		policy_fini(&policy);
		assert_int_equal(unlink(file), 0);
		refuse(where);
		refuse("own.json: open: No such file");
	}
}

/* With another user's file, directory or link; needs root. */
static void
alerts_of_others_are_refused(void **state)
{
	char sub[80], tell[80], link[80];

	(void)state;
	if (geteuid() != 0)
		return;
	make_program("link", sub, tell, link);
	assert_int_equal(chown(tell, 65534, 65534), 0);
	refuse("sub/tell: belongs to user 65534");
	assert_int_equal(chown(tell, 0, 0), 0);
	assert_int_equal(chown(sub, 65534, 65534), 0);
	refuse("/sub: belongs to user 65534");
	assert_int_equal(chown(sub, 0, 0), 0);
	assert_int_equal(lchown(link, 65534, 65534), 0);
	refuse("link: belongs to user 65534");
	assert_int_equal(lchown(link, 0, 0), 0);
	load_alert();
	remove_program(sub, tell, link);
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
		cmocka_unit_test(alerts_are_checked),
		cmocka_unit_test(commands_are_checked),
		cmocka_unit_test(files_of_rest_targets_are_checked),
		cmocka_unit_test(alerts_of_others_are_refused),
		cmocka_unit_test(hostile_text_is_refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
