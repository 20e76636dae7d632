/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "auth" of a recipe: one table of keys a type. */
#include "recipe_private.h"

#define MUST(key)                                                                                  \
	{                                                                                          \
		.name = (key), .read = recipe_read_template, .required = true                      \
	}
#define MAY(key)                                                                                   \
	{                                                                                          \
		.name = (key), .read = recipe_read_template                                        \
	}
#define TYPE                                                                                       \
	{                                                                                          \
		.name = "type", .read = recipe_read_text, .required = true                         \
	}
#define URL                                                                                        \
	{                                                                                          \
		.name = "url", .read = recipe_read_url, .required = true                           \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static const struct document_key none_keys[] = { TYPE, END };
static const struct document_key bearer_keys[] = { TYPE, MUST("token"), END };
static const struct document_key header_keys[] = { TYPE, MUST("name"), MUST("value"), END };
static const struct document_key basic_keys[] = { TYPE, MUST("user"), MUST("password"), END };
static const struct document_key aws_sigv4_keys[] = { TYPE,        MUST("region"), MUST("service"),
						      MUST("key"), MUST("secret"), MAY("session"),
						      END };
static const struct document_key aws_imds_keys[] = { TYPE, MUST("region"), MUST("service"), END };
static const struct document_key oauth2_client_keys[] = {
	TYPE, URL, MUST("client"), MUST("secret"), MAY("scope"), MAY("resource"), END,
};
static const struct document_key oauth2_jwt_keys[] = {
	TYPE, URL, MAY("issuer"), MAY("key"), MAY("account"), MUST("scope"), END,
};
static const struct document_key azure_metadata_keys[] = { TYPE, MUST("resource"), END };
/* What login captures is known behind it. */
static const struct document_key session_keys[] = {
	TYPE,
	{ .name = "login", .read = recipe_read_call, .required = true },
	MUST("name"),
	MUST("value"),
	{ .name = "logout", .read = recipe_read_call },
	END,
};

static const struct {
	const char *name;
	const struct document_key *keys;
} types[] = {
	{ "none", none_keys },
	{ "bearer", bearer_keys },
	{ "header", header_keys },
	{ "basic", basic_keys },
	{ "aws_sigv4", aws_sigv4_keys },
	{ "aws_imds", aws_imds_keys },
	{ "oauth2_client", oauth2_client_keys },
	{ "oauth2_jwt", oauth2_jwt_keys },
	{ "gcp_metadata", none_keys },
	{ "azure_metadata", azure_metadata_keys },
	{ "session", session_keys },
};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

/* A service account's file has both of the others in it. */
static int
check_jwt(struct document *doc, const json_t *auth, const struct place *place)
{
	bool account = json_object_get(auth, "account") != NULL;
	bool issuer = json_object_get(auth, "issuer") != NULL;
	bool key = json_object_get(auth, "key") != NULL;

	if (account ? !issuer && !key : issuer && key)
		return 0;
	return document_err(doc, place, "needs \"account\", or \"issuer\" and \"key\"");
}

static int
read_keys(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *words[N_TYPES + 1] = { NULL };
	struct place type_place;
	json_t *type = document_member(doc, value, "type", place, &type_place);
	int i;

	for (size_t n = 0; n < N_TYPES; n++)
		words[n] = types[n].name;
	if (type == NULL)
		return document_err(doc, place, "the key \"type\" is missing");
	i = recipe_read_word(doc, type, &type_place, words);
	if (i < 0 || document_object_in_order(doc, into, value, place, types[i].keys) != 0)
		return -1;
	return types[i].keys == oauth2_jwt_keys ? check_jwt(doc, value, place) : 0;
}

int
recipe_read_auth(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct recipe_reading *r = into;
	int rc;

	if (!json_is_object(value))
		return document_type_err(doc, value, place, "an object");
	r->secrets_ok = true;
	rc = recipe_scoped(doc, r, value, place, read_keys);
	r->secrets_ok = false;
	return rc;
}
