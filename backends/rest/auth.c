/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth_private.h"

#define LOGOUT_MS 3000

const char *
auth_value(const struct auth *auth, const char *name)
{
	return json_string_value(json_object_get(auth->values, name));
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory");
}

/* --- what is added to a request -----------------------------------------------------------------
 */

static int
add_none(struct session *s, struct request *request, struct err *e)
{
	(void)s;
	(void)request;
	(void)e;
	return 0;
}

static int
add_bearer(struct request *request, const char *token, struct err *e)
{
	char *value;
	if (asprintf(&value, "Bearer %s", token) < 0)
		return no_memory(e);
	int rc = request_add_header(request, "Authorization", value, e);
	secret_wipe(value);
	return rc;
}

static int
add_secret_bearer(struct session *s, struct request *request, struct err *e)
{
	return add_bearer(request, auth_value(s->auth, "token"), e);
}

static int
add_header(struct session *s, struct request *request, struct err *e)
{
	return request_add_header(request, auth_value(s->auth, "name"),
				  auth_value(s->auth, "value"), e);
}

static int
add_userpwd(struct request *request, const char *user, const char *password, struct err *e)
{
	if (strchr(user, ':') != NULL)
		return err_set(e, ERR_FAILED, "a user's name must not have a colon");
	if (asprintf(&request->userpwd, "%s:%s", user, password) < 0)
		return no_memory(e);
	request->http.userpwd = request->userpwd;
	return 0;
}

static int
add_basic(struct session *s, struct request *request, struct err *e)
{
	return add_userpwd(request, auth_value(s->auth, "user"), auth_value(s->auth, "password"),
			   e);
}

static int
add_signature(struct session *s, struct request *request, const char *key, const char *secret,
	      const char *session, struct err *e)
{
	if (session != NULL && request_add_header(request, "X-Amz-Security-Token", session, e) != 0)
		return -1;
	if (asprintf(&request->sigv4, "aws:amz:%s:%s", auth_value(s->auth, "region"),
		     auth_value(s->auth, "service")) < 0)
		return no_memory(e);
	request->http.sigv4 = request->sigv4;
	return add_userpwd(request, key, secret, e);
}

static int
add_sigv4(struct session *s, struct request *request, struct err *e)
{
	return add_signature(s, request, auth_value(s->auth, "key"), auth_value(s->auth, "secret"),
			     auth_value(s->auth, "session"), e);
}

static int
add_role(struct session *s, struct request *request, struct err *e)
{
	const json_t *role = s->auth->role;
	return add_signature(s, request, json_string_value(json_object_get(role, "AccessKeyId")),
			     json_string_value(json_object_get(role, "SecretAccessKey")),
			     json_string_value(json_object_get(role, "Token")), e);
}

static int
add_token(struct session *s, struct request *request, struct err *e)
{
	return add_bearer(request, s->auth->token, e);
}

/* --- a session that is logged into --------------------------------------------------------------
 */

static int
redact_captured(struct session *s, struct err *e)
{
	const char *name;
	json_t *value;
	json_object_foreach (s->auth->captured, name, value)
		if (json_is_string(value) &&
		    secrets_add(s->secrets, json_string_value(value), e) != 0)
			return -1;
	return 0;
}

static int
login(struct session *s, struct err *e)
{
	const json_t *call = json_object_get(s->recipe->auth, "login");
	struct answer answer;
	if (call_do(s, call, &s->params, &answer, e) != OUTCOME_DONE) {
		answer_fini(&answer);
		return err_wrap(e, "logging in");
	}
	json_decref(s->auth->captured);
	s->auth->captured = json_incref(answer.captured);
	answer_fini(&answer);
	return redact_captured(s, e);
}

static int
add_session(struct session *s, struct request *request, struct err *e)
{
	const struct scope scope = { .names = s->auth->captured, .parent = &s->params };
	const char *name = json_string_value(json_object_get(s->recipe->auth, "name"));
	const char *text = json_string_value(json_object_get(s->recipe->auth, "value"));
	char *value = template_expand(text != NULL ? text : "", &scope, TEMPLATE_TEXT, e);
	int rc = value != NULL && name != NULL ? request_add_header(request, name, value, e) : -1;
	secret_wipe(value);
	return rc;
}

static void
logout(struct session *s)
{
	const json_t *call = json_object_get(s->recipe->auth, "logout");
	struct scope scope = { .names = s->auth->captured, .parent = &s->params };
	struct err ignored = ERR_INIT;
	struct answer answer;
	if (call == NULL || s->auth->captured == NULL)
		return;
	s->deadline_ms = http_now_ms() + LOGOUT_MS;
	s->auth->until_ms = INT64_MAX;
	/* It ends by itself as well. */
	(void)call_do(s, call, &scope, &answer, &ignored);
	answer_fini(&answer);
}

/* --- the kinds ----------------------------------------------------------------------------------
 */

static const struct kind {
	const char *name;
	int (*get)(struct session *s, struct err *e); /* a token; or NULL */
	int (*add)(struct session *s, struct request *request, struct err *e);
} kinds[] = {
	{ .name = "none", .add = add_none },
	{ .name = "bearer", .add = add_secret_bearer },
	{ .name = "header", .add = add_header },
	{ .name = "basic", .add = add_basic },
	{ .name = "aws_sigv4", .add = add_sigv4 },
	{ .name = "aws_imds", .get = metadata_aws, .add = add_role },
	{ .name = "oauth2_client", .get = oauth2_client, .add = add_token },
	{ .name = "oauth2_jwt", .get = oauth2_jwt, .add = add_token },
	{ .name = "gcp_metadata", .get = metadata_gcp, .add = add_token },
	{ .name = "azure_metadata", .get = metadata_azure, .add = add_token },
	{ .name = "session", .get = login, .add = add_session },
};

static const struct kind *
kind_of(const struct session *s)
{
	const char *type = json_string_value(json_object_get(s->recipe->auth, "type"));
	for (size_t i = 0; type != NULL && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(type, kinds[i].name) == 0)
			return &kinds[i];
	return &kinds[0];
}

/* The members that are strings; a session's value is known after the login only. */
static json_t *
expanded(const struct session *s, struct err *e)
{
	json_t *plain = json_object(), *values, *member;
	const char *name;
	const bool late = strcmp(kind_of(s)->name, "session") == 0;
	json_object_foreach ((json_t *)(uintptr_t)s->recipe->auth, name, member)
		if (json_is_string(member) && !(late && strcmp(name, "value") == 0))
			json_object_set(plain, name, member);
	values = template_expand_json(plain, &s->params, e);
	json_decref(plain);
	return values;
}

int
auth_open(struct session *s, struct err *e)
{
	s->auth = calloc(1, sizeof(*s->auth));
	if (s->auth == NULL)
		return no_memory(e);
	s->auth->values = expanded(s, e);
	return s->auth->values != NULL ? 0 : err_wrap(e, "auth");
}

/* What a recipe must have was checked; a secret may still have no value. */
static int
check_values(const struct session *s, struct err *e)
{
	static const char *const needed[][4] = {
		{ "bearer", "token" },
		{ "header", "name", "value" },
		{ "basic", "user", "password" },
		{ "aws_sigv4", "region", "key", "secret" },
		{ "aws_imds", "region", "service" },
	};
	const char *type = kind_of(s)->name;
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		for (size_t k = 1; strcmp(type, needed[i][0]) == 0 && k < 4; k++)
			if (needed[i][k] != NULL && auth_value(s->auth, needed[i][k]) == NULL)
				return err_set(e, ERR_FAILED, "auth.%s has no value", needed[i][k]);
	return 0;
}

int
auth_add(struct session *s, struct request *request, struct err *e)
{
	const struct kind *kind = kind_of(s);
	struct auth *auth = s->auth;
	if (auth->busy) {
		request->http.secret = true;
		return 0;
	}
	if (check_values(s, e) != 0)
		return -1;
	if (kind->get != NULL && http_now_ms() >= auth->until_ms) {
		auth->busy = true;
		auth->until_ms = INT64_MAX;
		int rc = kind->get(s, e);
		auth->busy = false;
		if (rc != 0) {
			auth->until_ms = 0;
			return err_wrap(e, "authentication");
		}
	}
	return kind->add(s, request, e);
}

bool
auth_renew(struct session *s)
{
	if (kind_of(s)->get == NULL || s->auth->busy)
		return false;
	s->auth->until_ms = 0;
	return true;
}

static void
wipe_json(json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach (object, name, value)
		if (json_is_string(value))
			explicit_bzero((char *)(uintptr_t)json_string_value(value),
				       json_string_length(value));
	json_decref(object);
}

void
auth_close(struct session *s)
{
	struct auth *auth = s->auth;
	if (auth == NULL)
		return;
	logout(s);
	wipe_json(auth->values);
	wipe_json(auth->captured);
	wipe_json(auth->role);
	secret_wipe(auth->token);
	free(auth);
	s->auth = NULL;
}
