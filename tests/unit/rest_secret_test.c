/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets: which files are read, and that no form of a value is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "secret.h"

static char path[] = "/tmp/geopause-secret-XXXXXX";

static int
setup(void **state)
{
	int fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void
write_file(const char *text, size_t len, mode_t mode)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static struct secrets *
read_token(const char *text, size_t len, mode_t mode, struct err *e)
{
	struct secrets *secrets = NULL;
	json_t *references = json_pack("{s:{s:s}}", "token", "file", path);
	*e = ERR_INIT;
	write_file(text, len, mode);
	int rc = secrets_read(&secrets, references, e);
	assert_int_equal(rc != 0, e->code != ERR_NONE);
	json_decref(references);
	return secrets;
}

static const char *
token(const struct secrets *secrets)
{
	return json_string_value(json_object_get(secrets_names(secrets), "secret.token"));
}

static void
one_newline_does_not_count(void **state)
{
	static const char *const texts[][2] = { { "abc\n", "abc" },
						{ "abc", "abc" },
						{ "a\nb\n\n", "a\nb\n" } };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct err e;
		struct secrets *secrets = read_token(texts[i][0], strlen(texts[i][0]), 0600, &e);
		assert_non_null(secrets);
		assert_string_equal(token(secrets), texts[i][1]);
		secrets_free(secrets);
	}
}

static void
refuses(void **state)
{
	static char large[SECRET_MAX + 2];
	struct err e;
	(void)state;
	memset(large, 'x', sizeof(large));
	assert_null(read_token("abc", 3, 0604, &e));
	assert_non_null(strstr(e.msg, path));
	assert_null(strstr(e.msg, "abc"));
	assert_null(read_token("abc", 3, 0620, &e));
	assert_null(read_token("", 0, 0600, &e));
	assert_null(read_token("\n", 1, 0600, &e));
	assert_null(read_token("a\0b", 3, 0600, &e));
	assert_null(read_token(large, sizeof(large), 0600, &e));
}

static void
refuses_what_is_no_file(void **state)
{
	static const char *const others[] = { "/tmp", "/dev/null", "/nonexistent/token" };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct secrets *secrets = NULL;
		struct err e = ERR_INIT;
		json_t *references = json_pack("{s:{s:s}}", "token", "file", others[i]);
		assert_int_not_equal(secrets_read(&secrets, references, &e), 0);
		json_decref(references);
	}
}

static void
reads_credentials(void **state)
{
	struct secrets *secrets = NULL;
	struct err e = ERR_INIT;
	json_t *references = json_pack("{s:{s:s}}", "token", "credential", strrchr(path, '/') + 1);
	json_t *escape = json_pack("{s:{s:s}}", "token", "credential", "../etc/passwd");
	(void)state;
	write_file("abc\n", 4, 0600);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_not_equal(secrets_read(&secrets, references, &e), 0);
	assert_non_null(strstr(e.msg, "LoadCredential="));
	setenv("CREDENTIALS_DIRECTORY", "/tmp", 1);
	e = ERR_INIT;
	assert_int_equal(secrets_read(&secrets, references, &e), 0);
	assert_string_equal(token(secrets), "abc");
	secrets_free(secrets);
	assert_int_not_equal(secrets_read(&secrets, escape, &e), 0);
	json_decref(references);
	json_decref(escape);
}

static void
redacts_every_form(void **state)
{
	static const char *const texts[][2] = {
		{ "Bearer a/b+\"c\"", "Bearer [secret]" },
		{ "?t=a%2Fb%2B%22c%22&x=1", "?t=[secret]&x=1" },
		{ "{\"t\":\"a/b+\\\"c\\\"\"}", "{\"t\":\"[secret]\"}" },
		{ "basic YS9iKyJjIg== end", "basic [secret] end" },
		{ "got.token and got", "[secret] and got" },
		{ "nothing", "nothing" },
	};
	struct err e;
	struct secrets *secrets = read_token("a/b+\"c\"", 7, 0600, &e);
	(void)state;
	assert_int_equal(secrets_add(secrets, "got.token", &e), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *redacted = secrets_redact(secrets, texts[i][0]);
		assert_string_equal(redacted, texts[i][1]);
		free(redacted);
	}
	secrets_free(secrets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_newline_does_not_count), cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_what_is_no_file),    cmocka_unit_test(reads_credentials),
		cmocka_unit_test(redacts_every_form),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
