/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What auth.c, auth_oauth2.c and auth_metadata.c share. Nobody else includes it. */
#ifndef GEOPAUSE_REST_AUTH_PRIVATE_H
#define GEOPAUSE_REST_AUTH_PRIVATE_H

#include "auth.h"

struct auth {
	json_t *values;   /* the recipe's "auth", expanded, but for login and logout */
	json_t *captured; /* of a session's login, or NULL */
	char *token;      /* Bearer; or NULL */
	json_t *role;     /* AWS: {"AccessKeyId", "SecretAccessKey", "Token"}; or NULL */
	int64_t until_ms; /* CLOCK_BOOTTIME; token and role are good until then */
	bool busy;        /* the request that gets it, which needs none */
};

const char *auth_value(const struct auth *auth, const char *name);

/* auth_oauth2.c: a new token into auth->token. */
int oauth2_client(struct session *s, struct err *e);
int oauth2_jwt(struct session *s, struct err *e);
/* Takes "access_token" and "expires_in" out of a reply. */
int oauth2_take(struct session *s, const struct http_reply *reply, struct err *e);

/* auth_metadata.c: of the instance that this runs on. */
int metadata_gcp(struct session *s, struct err *e);
int metadata_azure(struct session *s, struct err *e);
int metadata_aws(struct session *s, struct err *e);

#endif
