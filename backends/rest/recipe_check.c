/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a target's part of the policy is what its recipe asks for. */
#include <regex.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "recipe.h"
#include "template.h"

#define WORDS_MAX 64
#define WHERE_MAX 192 /* bytes of "params.NAME" */

struct check {
	const struct recipe *recipe;
	const struct target *target;
	struct err *e;
};

static int __attribute__((format(printf, 4, 5)))
refuse(const struct check *c, const char *part, const char *key, const char *fmt, ...)
{
	char msg[ERR_MESSAGE_MAX];
	char where[WHERE_MAX];
	char name[NAME_BUF];
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, args) < 0)
		msg[0] = '\0';
	va_end(args);
	snprintf(where, sizeof(where), "%s%s%s", part, key != NULL ? "." : "",
		 key != NULL ? err_name(name, key) : "");
	return target_err(c->e, c->target, where, c->target->recipe_line, "%s", msg);
}

/* What the target gives is what the recipe knows. part: "params" or "secrets". */
static int
check_known(const struct check *c, const char *part, const json_t *given)
{
	const json_t *known = json_object_get(c->recipe->json, part);
	const char *words[WORDS_MAX + 1] = { NULL };
	char hint[SUGGESTION_MAX];
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach ((json_t *)(uintptr_t)known, key, value)
		if (n < WORDS_MAX)
			words[n++] = key;
	json_object_foreach ((json_t *)(uintptr_t)given, key, value)
		if (json_object_get(known, key) == NULL)
			return refuse(c, part, key, "the recipe %s has no such %s%s",
				      c->recipe->name,
				      strcmp(part, "params") == 0 ? "parameter" : "secret",
				      document_suggest(hint, key, words));
	return 0;
}

static const char *
help_of(const json_t *described)
{
	const char *text = json_string_value(described);

	return text != NULL ? text : json_string_value(json_object_get(described, "help"));
}

static int
check_missing(const struct check *c, const char *part, const json_t *given)
{
	const json_t *known = json_object_get(c->recipe->json, part);
	char help[NAME_BUF];
	const char *key;
	json_t *described;

	json_object_foreach ((json_t *)(uintptr_t)known, key, described) {
		if (json_object_get(given, key) != NULL ||
		    json_object_get(described, "default") != NULL ||
		    json_is_true(json_object_get(described, "optional")))
			continue;
		return refuse(c, part, NULL, "\"%s\" is missing: %s", key,
			      err_name(help, help_of(described)));
	}
	return 0;
}

/* The whole value, as if the expression were between ^( and )$. */
static int
matches(const char *expression, const char *text)
{
	regex_t compiled;
	char *anchored;
	int rc;

	if (asprintf(&anchored, "^(%s)$", expression) < 0)
		return -1;
	rc = regcomp(&compiled, anchored, REG_EXTENDED | REG_NOSUB);
	free(anchored);
	if (rc != 0)
		return -1;
	rc = regexec(&compiled, text, 0, NULL, 0);
	regfree(&compiled);
	return rc == 0;
}

static int
check_match(const struct check *c, const char *key, const json_t *described, const char *text)
{
	const char *expression = json_string_value(json_object_get(described, "match"));
	char value[NAME_BUF], wanted[NAME_BUF], help[NAME_BUF];
	int held = expression == NULL ? 1 : matches(expression, text);

	if (held > 0)
		return 0;
	if (held < 0)
		return err_set(c->e, ERR_FAILED, "target %s: out of memory",
			       err_name(value, c->target->name));
	return refuse(c, "params", key, "\"%s\" is not like %s: %s", err_name(value, text),
		      err_name(wanted, expression), err_name(help, help_of(described)));
}

static int
check_params(const struct check *c)
{
	const json_t *known = json_object_get(c->recipe->json, "params");
	const char *key;
	json_t *value;

	if (check_known(c, "params", c->target->params) != 0 ||
	    check_missing(c, "params", c->target->params) != 0)
		return -1;
	json_object_foreach (c->target->params, key, value) {
		const json_t *described = json_object_get(known, key);

		if (check_match(c, key, described, json_string_value(value)) != 0)
			return -1;
	}
	return 0;
}

/* --- ports --------------------------------------------------------------------------------------
 */

static unsigned
served(const struct recipe *recipe, char *list, size_t size)
{
	const json_t *names = json_object_get(recipe->json, "challenges");
	unsigned challenges = 0;
	size_t used = 0;
	json_t *name;
	size_t i;

	list[0] = '\0';
	json_array_foreach ((json_t *)(uintptr_t)names, i, name) {
		challenges |= challenge_by_name(json_string_value(name));
		if (used < size)
			used += (size_t)snprintf(list + used, size - used, "%s%s", i > 0 ? "," : "",
						 json_string_value(name));
	}
	return challenges;
}

static int
check_ports(const struct check *c, const struct ports *ports)
{
	char list[NAME_BUF];
	char text[PORTS_TEXT_MAX];
	struct ports open = challenges_ports(served(c->recipe, list, sizeof(list)));
	struct ports others = ports_minus(ports, &open);

	if (others.n == 0)
		return 0;
	return refuse(c, "recipe", NULL,
		      "%s serves %s alone, it cannot open %s: give --challenge %s, or name it in "
		      "\"challenges\" of the policy",
		      c->recipe->name, list, ports_text(text, &others), list);
}

/* --- the way to the provider --------------------------------------------------------------------
 */

/* What "base" may use; those of ours that are not known yet are never a part of a host. */
static json_t *
base_names(const struct check *c)
{
	json_t *names = json_pack("{s:s, s:s, s:s, s:s}", "txn", "000000000000", "target",
				  c->target->name, "host", "localhost", "ports", "80");
	const json_t *params = json_object_get(c->recipe->json, "params");
	const char *key;
	json_t *described;

	json_object_foreach ((json_t *)(uintptr_t)params, key, described) {
		json_t *value = json_object_get(c->target->params, key);

		if (value == NULL)
			value = json_object_get(described, "default");
		if (value != NULL && json_object_set(names, key, value) != 0)
			break;
	}
	return names;
}

/* In the order of the text: each may use those before it. */
static int
add_vars(const struct check *c, struct scope *scope)
{
	const json_t *vars = json_object_get(c->recipe->json, "vars");
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)vars, key, value) {
		char *text = template_expand(json_string_value(value), scope, TEMPLATE_TEXT, c->e);
		int rc = text != NULL ? json_object_set_new(scope->names, key, json_string(text))
				      : -1;

		free(text);
		if (rc != 0)
			return err_set(c->e, ERR_FAILED, "out of memory");
	}
	return 0;
}

static int
check_url(const struct check *c, const char *url)
{
	bool plain = strncmp(url, "http://", 7) == 0;
	const char *host = url + (plain ? 7 : 8);
	char name[NAME_BUF];

	err_name(name, url);
	if (!plain && strncmp(url, "https://", 8) != 0)
		return refuse(c, "recipe", NULL,
			      "its base becomes %s, which does not begin with "
			      "https://",
			      name);
	if (plain && !c->target->plain)
		return refuse(c, "recipe", NULL,
			      "its base becomes %s, without TLS: whoever is on the way could read "
			      "the secrets; if that is what you want, say \"plain\": true",
			      name);
	if (host[0] == '\0' || host[0] == '/' || host[0] == ':' ||
	    url[strcspn(url, "?#@\\ ")] != '\0')
		return refuse(c, "recipe", NULL, "its base becomes %s, which is no host and path",
			      name);
	return 0;
}

static int
check_base(const struct check *c)
{
	const char *base = json_string_value(json_object_get(c->recipe->json, "base"));
	struct scope scope = { .names = base_names(c) };
	char *url = NULL;
	int rc = scope.names == NULL ? err_set(c->e, ERR_FAILED, "out of memory")
				     : add_vars(c, &scope);

	if (rc == 0)
		url = template_expand(base, &scope, TEMPLATE_TEXT, c->e);
	rc = url != NULL ? check_url(c, url) : -1;
	free(url);
	json_decref(scope.names);
	return rc;
}

int
recipe_check_target(const struct recipe *recipe, const struct target *target,
		    const struct ports *ports, struct err *e)
{
	const struct check c = { .recipe = recipe, .target = target, .e = e };

	if (check_params(&c) != 0 || check_known(&c, "secrets", target->secrets) != 0 ||
	    check_missing(&c, "secrets", target->secrets) != 0 || check_base(&c) != 0)
		return -1;
	return check_ports(&c, ports);
}
