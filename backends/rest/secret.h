/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets of a target, from files or systemd credentials. Kept out of swap where the limits allow
 * it, and of core dumps (prctl(2), PR_SET_DUMPABLE), and wiped when freed; nothing but http.c and
 * auth*.c sees a value.
 */
#ifndef GEOPAUSE_REST_SECRET_H
#define GEOPAUSE_REST_SECRET_H

#include <jansson.h>

#include "err.h"

#define SECRET_MAX 16384u /* bytes */

struct secrets;

/*
 * references: {"token": {"file": PATH} | {"credential": NAME}}, or NULL; read now. Files are
 * regular, owned by root or the caller, and not readable by others; one newline at the end does
 * not count. ERR_FAILED names the file, never its content.
 */
int secrets_read(struct secrets **secrets, const json_t *references, struct err *e);
/* "secret.NAME": VALUE, for a scope; borrowed. */
json_t *secrets_names(const struct secrets *secrets);
/* Also to be redacted: a token that was got for one of them. Copies. */
int secrets_add(struct secrets *secrets, const char *value, struct err *e);
/*
 * Replaces every value, also in base64, percent-encoded or escaped for JSON, by "[secret]": a new
 * string, or NULL when memory is gone. secrets may be NULL.
 */
char *secrets_redact(const struct secrets *secrets, const char *text);
void secrets_free(struct secrets *secrets);
/* Overwrites the text before it frees it. NULL is fine. */
void secret_wipe(char *text);

#endif
