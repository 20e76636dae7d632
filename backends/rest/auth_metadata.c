/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The identity of the instance that this runs on, from the link-local metadata service of its
 * provider: the one place that is asked over plain HTTP. AWS: IMDSv2 (a session token first); GCP:
 * "Metadata-Flavor: Google"; Azure: "Metadata: true".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth_private.h"

#define METADATA "http://169.254.169.254"
#define AWS_TOKEN METADATA "/latest/api/token"
#define AWS_ROLES METADATA "/latest/meta-data/iam/security-credentials/"
#define GCP_TOKEN METADATA "/computeMetadata/v1/instance/service-accounts/default/token"
#define AZURE_TOKEN METADATA "/metadata/identity/oauth2/token"
#define ROLE_LIFE_MS (15 * 60 * 1000) /* AWS renews them at least this long before their end */

static int
ask(struct session *s, const char *method, const char *url, const char *header,
    struct http_reply *reply, struct err *e)
{
	struct names headers = { 0 };
	const struct http_request request = { .method = method,
					      .url = url,
					      .headers = &headers,
					      .deadline_ms = s->deadline_ms,
					      .metadata = true,
					      .secret = true };
	int rc = names_add(&headers, header) == 0 ? 0 : err_set(e, ERR_FAILED, "out of memory");
	if (rc == 0 && http_exchange(s->http, &request, reply, e) != HTTP_REPLIED)
		rc = err_wrap(e, "the instance's metadata service");
	names_fini(&headers);
	if (rc == 0 && reply->status != 200) {
		rc = err_set(e, ERR_FAILED, "%s %s: HTTP %ld", method, url, reply->status);
		http_reply_fini(reply);
	}
	return rc;
}

int
metadata_gcp(struct session *s, struct err *e)
{
	struct http_reply reply;
	if (ask(s, "GET", GCP_TOKEN, "Metadata-Flavor: Google", &reply, e) != 0)
		return -1;
	int rc = oauth2_take(s, &reply, e);
	http_reply_fini(&reply);
	return rc;
}

int
metadata_azure(struct session *s, struct err *e)
{
	struct http_reply reply;
	char *url = NULL;
	json_t *query = json_pack("{s:s,s:s}", "api-version", "2018-02-01", "resource",
				  auth_value(s->auth, "resource"));
	char *form = query != NULL ? request_form(query, e) : NULL;
	int rc = form != NULL && asprintf(&url, "%s?%s", AZURE_TOKEN, form) > 0
			 ? ask(s, "GET", url, "Metadata: true", &reply, e)
			 : err_set(e, ERR_FAILED, "out of memory, or auth.resource is missing");
	if (rc == 0) {
		rc = oauth2_take(s, &reply, e);
		http_reply_fini(&reply);
	}
	json_decref(query);
	free(form);
	free(url);
	return rc;
}

/* A line of text. */
static int
ask_text(struct session *s, const char *method, const char *url, const char *header, char **text,
	 struct err *e)
{
	struct http_reply reply;
	if (ask(s, method, url, header, &reply, e) != 0)
		return -1;
	*text = reply.body != NULL ? strndup(reply.body, strcspn(reply.body, "\r\n")) : NULL;
	http_reply_fini(&reply);
	return *text != NULL && **text != '\0' ? 0
					       : err_set(e, ERR_FAILED, "%s answered nothing", url);
}

static int
take_role(struct session *s, const struct http_reply *reply, struct err *e)
{
	static const char *const names[] = { "AccessKeyId", "SecretAccessKey", "Token" };
	json_t *role = json_loadb(reply->body ? reply->body : "", reply->body_len, 0, NULL);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(*names); i++) {
		const char *value = json_string_value(json_object_get(role, names[i]));
		rc = value != NULL ? secrets_add(s->secrets, value, e)
				   : err_set(e, ERR_FAILED, "the role has no %s", names[i]);
	}
	if (rc != 0) {
		json_decref(role);
		return -1;
	}
	json_decref(s->auth->role);
	s->auth->role = role;
	s->auth->until_ms = http_now_ms() + ROLE_LIFE_MS;
	return 0;
}

static int
ask_role(struct session *s, const char *header, struct err *e)
{
	struct http_reply reply;
	char *role = NULL, *url = NULL;
	int rc = ask_text(s, "GET", AWS_ROLES, header, &role, e);
	if (rc == 0 && asprintf(&url, "%s%s", AWS_ROLES, role) < 0)
		rc = err_set(e, ERR_FAILED, "out of memory");
	if (rc == 0)
		rc = ask(s, "GET", url, header, &reply, e);
	if (rc == 0) {
		rc = take_role(s, &reply, e);
		http_reply_fini(&reply);
	}
	free(role);
	free(url);
	return rc;
}

int
metadata_aws(struct session *s, struct err *e)
{
	char *token = NULL, *header = NULL;
	int rc = ask_text(s, "PUT", AWS_TOKEN, "X-aws-ec2-metadata-token-ttl-seconds: 900", &token,
			  e);
	if (rc == 0)
		rc = secrets_add(s->secrets, token, e);
	if (rc == 0 && asprintf(&header, "X-aws-ec2-metadata-token: %s", token) < 0)
		rc = err_set(e, ERR_FAILED, "out of memory");
	if (rc == 0)
		rc = ask_role(s, header, e);
	secret_wipe(token);
	secret_wipe(header);
	return rc;
}
