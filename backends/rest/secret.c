/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"
#include "names.h"

#define REDACTED "[secret]"

struct secrets {
	json_t *names;
	struct names forms; /* what must not be printed */
};

void
secret_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* --- reading ------------------------------------------------------------------------------------
 */

/*
 * No core dumps of this process: libraries copy values as well. A program that is executed later is
 * not affected, unlike by RLIMIT_CORE and coredump_filter.
 */
static void
refuse_core_dumps(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int
check_file(int fd, const char *path, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_FAILED, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s is not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, ERR_FAILED, "%s belongs to neither root nor the caller", path);
	if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0)
		return err_set(e, ERR_FAILED,
			       "%s can be used by others (mode %04o): chmod 600 it, and replace "
			       "the secret",
			       path, (unsigned)st.st_mode & 07777u);
	return 0;
}

static int
read_all(int fd, const char *path, char *text, struct err *e)
{
	size_t len = 0;
	for (;;) {
		ssize_t n = read(fd, text + len, SECRET_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, ERR_FAILED, errno, "reading %s", path);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > SECRET_MAX)
			return err_set(e, ERR_FAILED, "%s has more than %u bytes", path,
				       SECRET_MAX);
	}
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	text[len] = '\0';
	if (len == 0 || strlen(text) != len)
		return err_set(e, ERR_FAILED, "%s is %s", path,
			       len == 0 ? "empty" : "no text: it has a NUL byte");
	return 0;
}

static int
read_secret(const char *path, char *text, struct err *e)
{
	char name[NAME_BUF];
	err_name(name, path);
	/* Not O_NOFOLLOW: credentials and /etc are often links; who owns the file is checked. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "%s", name);
	int rc = check_file(fd, name, e);
	if (rc == 0)
		rc = read_all(fd, name, text, e);
	close(fd);
	return rc;
}

static int
path_of(char *path, size_t size, const json_t *reference, struct err *e)
{
	const char *file = json_string_value(json_object_get(reference, "file"));
	const char *credential = json_string_value(json_object_get(reference, "credential"));
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char name[NAME_BUF];
	int len;
	if (file != NULL)
		len = snprintf(path, size, "%s", file);
	else if (credential == NULL || strchr(credential, '/') != NULL)
		return err_set(e, ERR_FAILED, "neither a file nor a credential");
	else if (directory == NULL || directory[0] != '/')
		return err_set(e, ERR_FAILED,
			       "credential %s: $CREDENTIALS_DIRECTORY is not set: the unit needs "
			       "LoadCredential= (systemd.exec(5))",
			       err_name(name, credential));
	else
		len = snprintf(path, size, "%s/%s", directory, credential);
	return len >= 0 && (size_t)len < size ? 0 : err_set(e, ERR_FAILED, "the path is too long");
}

static int
add_secret(struct secrets *secrets, const char *name, const char *text, struct err *e)
{
	char key[NAME_BUF];
	int len = snprintf(key, sizeof(key), "secret.%s", name);
	if (len < 0 || (size_t)len >= sizeof(key))
		return err_set(e, ERR_FAILED, "the name is too long");
	if (json_object_set_new(secrets->names, key, json_string(text)) != 0)
		return err_set(e, ERR_FAILED, "no UTF-8, or out of memory");
	const char *kept = json_string_value(json_object_get(secrets->names, key));
	(void)mlock(kept, strlen(kept)); /* where RLIMIT_MEMLOCK allows it */
	return secrets_add(secrets, text, e);
}

static int
read_references(struct secrets *secrets, const json_t *references, char *text, struct err *e)
{
	char path[PATH_MAX], quoted[NAME_BUF];
	const char *name;
	json_t *reference;
	json_object_foreach ((json_t *)(uintptr_t)references, name, reference) {
		if (path_of(path, sizeof(path), reference, e) != 0 ||
		    read_secret(path, text, e) != 0 || add_secret(secrets, name, text, e) != 0)
			return err_wrap(e, "secret %s", err_name(quoted, name));
	}
	return 0;
}

int
secrets_read(struct secrets **secrets, const json_t *references, struct err *e)
{
	struct secrets *made = calloc(1, sizeof(*made));
	char *text = calloc(1, SECRET_MAX + 2);
	int rc = 0;
	refuse_core_dumps();
	if (made == NULL || text == NULL || (made->names = json_object()) == NULL)
		rc = err_set(e, ERR_FAILED, "out of memory");
	else
		rc = read_references(made, references, text, e);
	if (text != NULL)
		explicit_bzero(text, SECRET_MAX + 2);
	free(text);
	if (rc != 0)
		secrets_free(made);
	else
		*secrets = made;
	return rc;
}

json_t *
secrets_names(const struct secrets *secrets)
{
	return secrets->names;
}

/* --- redaction ----------------------------------------------------------------------------------
 */

/* Without its quotes. */
static char *
escaped_for_json(const char *text)
{
	json_t *string = json_string(text);
	char *out = string ? json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
	json_decref(string);
	if (out != NULL) {
		size_t len = strlen(out);
		memmove(out, out + 1, len - 2);
		out[len - 2] = '\0';
	}
	return out;
}

static int
add_form(struct secrets *secrets, char *form)
{
	int rc = form != NULL ? names_add(&secrets->forms, form) : -1;
	secret_wipe(form);
	return rc;
}

int
secrets_add(struct secrets *secrets, const char *value, struct err *e)
{
	if (*value == '\0')
		return 0;
	if (names_add(&secrets->forms, value) != 0 ||
	    add_form(secrets, filter_base64(value, strlen(value))) != 0 ||
	    add_form(secrets, filter_urlenc(value)) != 0 ||
	    add_form(secrets, escaped_for_json(value)) != 0)
		return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}

/* The longest form that begins here: a short secret may be part of a long one. */
static size_t
form_at(const struct secrets *secrets, const char *text)
{
	size_t longest = 0;
	for (size_t i = 0; i < secrets->forms.n; i++) {
		size_t len = strlen(secrets->forms.v[i]);
		if (len > longest && strncmp(text, secrets->forms.v[i], len) == 0)
			longest = len;
	}
	return longest;
}

static void
copy_redacted(const struct secrets *secrets, FILE *out, const char *text)
{
	while (*text != '\0') {
		size_t len = secrets != NULL ? form_at(secrets, text) : 0;
		if (len > 0)
			fputs(REDACTED, out);
		else
			fputc(*text, out);
		text += len > 0 ? len : 1;
	}
}

char *
secrets_redact(const struct secrets *secrets, const char *text)
{
	char *copy = NULL;
	size_t size;
	FILE *out = open_memstream(&copy, &size);
	if (out == NULL)
		return NULL;
	copy_redacted(secrets, out, text);
	if (fclose(out) == 0)
		return copy;
	free(copy);
	return NULL;
}

void
secrets_free(struct secrets *secrets)
{
	const char *name;
	json_t *value;
	if (secrets == NULL)
		return;
	json_object_foreach (secrets->names, name, value)
		explicit_bzero((char *)(uintptr_t)json_string_value(value),
			       json_string_length(value));
	json_decref(secrets->names);
	for (size_t i = 0; i < secrets->forms.n; i++)
		explicit_bzero(secrets->forms.v[i], strlen(secrets->forms.v[i]));
	names_fini(&secrets->forms);
	free(secrets);
}
