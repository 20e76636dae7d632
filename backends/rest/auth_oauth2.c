/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OAuth 2.0: client credentials (RFC 6749 section 4.4), and a service account's assertion signed
 * with RS256 (RFC 7523; RFC 7515 appendix A.2).
 */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth_private.h"
#include "filter.h"

#define JWT_LIFE_S 600
#define JWT_HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define JWT_GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define TOKEN_LIFE_S 300 /* if the reply does not say */
#define TOKEN_SLACK_S 30 /* not used in its last seconds */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory");
}

int
oauth2_take(struct session *s, const struct http_reply *reply, struct err *e)
{
	json_t *json = json_loadb(reply->body ? reply->body : "", reply->body_len, 0, NULL);
	const char *token = json_string_value(json_object_get(json, "access_token"));
	const json_t *life = json_object_get(json, "expires_in");
	/* Azure's metadata service writes it as a string. */
	long long life_s = json_is_string(life) ? strtoll(json_string_value(life), NULL, 10)
						: json_integer_value(life);
	int rc = 0;
	if (token == NULL || *token == '\0')
		rc = err_set(e, ERR_FAILED, "the reply has no access_token");
	else if (secrets_add(s->secrets, token, e) != 0)
		rc = -1;
	else {
		secret_wipe(s->auth->token);
		s->auth->token = strdup(token);
		rc = s->auth->token != NULL ? 0 : no_memory(e);
	}
	life_s = life_s <= 0 || life_s > 86400 ? TOKEN_LIFE_S : life_s;
	life_s = life_s > 2 * TOKEN_SLACK_S ? life_s - TOKEN_SLACK_S : life_s / 2;
	if (rc == 0)
		s->auth->until_ms = http_now_ms() + life_s * 1000;
	json_decref(json);
	return rc;
}

/* The server's own words: RFC 6749 section 5.2. */
static int
refused(const struct session *s, const char *url, const struct http_reply *reply, struct err *e)
{
	char name[NAME_BUF];
	json_t *json = json_loadb(reply->body ? reply->body : "", reply->body_len, 0, NULL);
	const char *words = json_string_value(json_object_get(json, "error_description"));
	if (words == NULL)
		words = json_string_value(json_object_get(json, "error"));
	char *redacted = secrets_redact(s->secrets, words != NULL ? words : "no reason was given");
	err_set(e, ERR_FAILED, "POST %s: HTTP %ld: %s", url, reply->status,
		err_name(name, redacted));
	free(redacted);
	json_decref(json);
	return -1;
}

static int
post_form(struct session *s, const json_t *values, struct err *e)
{
	const char *url = auth_value(s->auth, "url");
	struct names headers = { 0 };
	struct http_reply reply;
	char *body = request_form(values, e);
	int rc = body == NULL ? -1 : 0;
	if (rc == 0 &&
	    (names_add(&headers, "Content-Type: application/x-www-form-urlencoded") != 0 ||
	     names_add(&headers, "Accept: application/json") != 0))
		rc = no_memory(e);
	const struct http_request request = { .method = "POST",
					      .url = url,
					      .headers = &headers,
					      .body = body,
					      .body_len = body != NULL ? strlen(body) : 0,
					      .deadline_ms = s->deadline_ms,
					      .secret = true };
	if (rc == 0 && http_exchange(s->http, &request, &reply, e) != HTTP_REPLIED)
		rc = -1;
	else if (rc == 0) {
		rc = reply.status == 200 ? oauth2_take(s, &reply, e) : refused(s, url, &reply, e);
		http_reply_fini(&reply);
	}
	names_fini(&headers);
	secret_wipe(body);
	return rc;
}

int
oauth2_client(struct session *s, struct err *e)
{
	const struct auth *auth = s->auth;
	json_t *values = json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "grant_type", "client_credentials",
				   "client_id", auth_value(auth, "client"), "client_secret",
				   auth_value(auth, "secret"), "scope", auth_value(auth, "scope"),
				   "resource", auth_value(auth, "resource"));
	int rc = values != NULL ? post_form(s, values, e)
				: err_set(e, ERR_FAILED, "auth.client or auth.secret has no value");
	json_decref(values);
	return rc;
}

/* --- JWT ----------------------------------------------------------------------------------------
 */

/* RFC 4648 section 5, without padding. A new string, or NULL. */
static char *
base64url(const unsigned char *data, size_t len)
{
	char *text = filter_base64(data, len);
	for (char *c = text; c != NULL && *c != '\0'; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c);
	return text;
}

static EVP_PKEY *
read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return key;
}

/* A new string, or NULL. */
static char *
sign(EVP_PKEY *key, const char *text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *signature = NULL;
	char *encoded = NULL;
	size_t len = 0;
	if (ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, NULL, &len, (const unsigned char *)text, strlen(text)) == 1 &&
	    (signature = malloc(len)) != NULL &&
	    EVP_DigestSign(ctx, signature, &len, (const unsigned char *)text, strlen(text)) == 1)
		encoded = base64url(signature, len);
	free(signature);
	EVP_MD_CTX_free(ctx);
	return encoded;
}

static char *
claims(const struct auth *auth, const char *issuer)
{
	const json_int_t now = (json_int_t)time(NULL);
	char *text, *encoded;
	json_t *json =
		json_pack("{s:s,s:s,s:s*,s:I,s:I}", "iss", issuer, "aud", auth_value(auth, "url"),
			  "scope", auth_value(auth, "scope"), "iat", now, "exp", now + JWT_LIFE_S);
	text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	encoded = text != NULL ? base64url((const unsigned char *)text, strlen(text)) : NULL;
	free(text);
	json_decref(json);
	return encoded;
}

/* A new string, or NULL. */
static char *
assertion(const struct auth *auth, const char *issuer, EVP_PKEY *key)
{
	char *header = base64url((const unsigned char *)JWT_HEADER, sizeof(JWT_HEADER) - 1);
	char *payload = claims(auth, issuer), *text = NULL, *signature = NULL, *whole = NULL;
	if (header != NULL && payload != NULL && asprintf(&text, "%s.%s", header, payload) > 0)
		signature = sign(key, text);
	if (signature != NULL && asprintf(&whole, "%s.%s", text, signature) < 0)
		whole = NULL;
	free(header);
	free(payload);
	free(text);
	free(signature);
	return whole;
}

static int
post_assertion(struct session *s, const char *issuer, const char *pem, struct err *e)
{
	EVP_PKEY *key = read_key(pem);
	char *jwt;
	json_t *values = NULL;
	int rc;
	if (key == NULL || EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
		EVP_PKEY_free(key);
		return err_set(e, ERR_FAILED, "the private key is no RSA key in PEM");
	}
	jwt = assertion(s->auth, issuer, key);
	EVP_PKEY_free(key);
	if (jwt != NULL)
		values = json_pack("{s:s,s:s}", "grant_type", JWT_GRANT, "assertion", jwt);
	/* It is as good as a token for as long as it lasts. */
	rc = values != NULL ? secrets_add(s->secrets, jwt, e)
			    : err_set(e, ERR_FAILED, "signing with the private key failed");
	if (rc == 0)
		rc = post_form(s, values, e);
	secret_wipe(jwt);
	json_decref(values);
	return rc;
}

/* Of issuer and key, or both out of a service account's file. */
int
oauth2_jwt(struct session *s, struct err *e)
{
	const char *file = auth_value(s->auth, "account");
	const char *issuer = auth_value(s->auth, "issuer"), *pem = auth_value(s->auth, "key");
	json_t *account = file != NULL ? json_loads(file, 0, NULL) : NULL;
	int rc;
	if (file != NULL) {
		issuer = json_string_value(json_object_get(account, "client_email"));
		pem = json_string_value(json_object_get(account, "private_key"));
	}
	if (issuer == NULL || pem == NULL)
		rc = err_set(e, ERR_FAILED, "%s",
			     file != NULL ? "the secret is no service account's JSON file (with "
					    "client_email and private_key)"
					  : "auth.issuer or auth.key has no value");
	else
		rc = secrets_add(s->secrets, pem, e);
	if (rc == 0)
		rc = post_assertion(s, issuer, pem, e);
	json_decref(account);
	return rc;
}
