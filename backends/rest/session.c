/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth.h"

#define READS_HOLD_MS 2000
#define HOST_MAX 65 /* HOST_NAME_MAX and a terminator */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_FAILED, "out of memory");
}

/* --- variables ----------------------------------------------------------------------------------
 */

static int
set_text(json_t *names, const char *name, const char *text)
{
	return json_object_set_new(names, name, json_string(text));
}

static int
set_number(json_t *names, const char *name, int64_t number)
{
	return json_object_set_new(names, name, json_integer(number));
}

int
session_set_clock(struct session *s, struct err *e)
{
	const int64_t now = (int64_t)time(NULL);
	const int64_t deadline = json_integer_value(json_object_get(s->params.names, "deadline"));
	if (set_number(s->params.names, "now", now) != 0 ||
	    set_number(s->params.names, "expiry", deadline > now ? deadline - now : 1) != 0)
		return no_memory(e);
	return 0;
}

int
session_set_deadline(struct session *s, int64_t deadline, struct err *e)
{
	if (set_number(s->params.names, "deadline", deadline) != 0)
		return no_memory(e);
	return session_set_clock(s, e);
}

/* "80,443": each number once. */
static int
set_ports(json_t *names, const struct ports *ports)
{
	char text[PORTS_MAX * sizeof("65535,")] = "";
	size_t len = 0;
	for (size_t i = 0; i < ports->n; i++) {
		bool before = false;
		for (size_t k = 0; k < i; k++)
			before = before || ports->v[k].number == ports->v[i].number;
		if (!before)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u",
						len > 0 ? "," : "", ports->v[i].number);
	}
	return set_text(names, "ports", text);
}

/* What the policy says, or the recipe's default. */
static int
set_params(const struct session *s, struct err *e)
{
	const char *name;
	json_t *param;
	json_object_foreach (json_object_get(s->recipe->json, "params"), name, param) {
		json_t *value = json_object_get(s->entry.params, name);
		if (value == NULL)
			value = json_object_get(param, "default");
		if (value != NULL && json_object_set(s->params.names, name, value) != 0)
			return no_memory(e);
	}
	return 0;
}

/* In their order: each may use those before it. */
static int
set_vars(const struct session *s, struct err *e)
{
	const char *name;
	json_t *var;
	json_object_foreach (json_object_get(s->recipe->json, "vars"), name, var) {
		const char *text = json_string_value(var);
		char *value =
			text != NULL ? template_expand(text, &s->params, TEMPLATE_TEXT, e) : NULL;
		int rc = value != NULL ? set_text(s->params.names, name, value) : -1;
		free(value);
		if (rc != 0)
			return err_wrap(e, "vars.%s", name);
	}
	return 0;
}

static int
set_variables(struct session *s, struct err *e)
{
	char host[HOST_MAX] = "";
	json_t *names = s->params.names;
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		snprintf(host, sizeof(host), "localhost");
	if (set_text(names, "txn", s->entry.txn) != 0 ||
	    set_text(names, "target", s->entry.target) != 0 || set_text(names, "host", host) != 0 ||
	    set_number(names, "window_s", s->entry.window_s) != 0 ||
	    set_ports(names, &s->entry.ports) != 0)
		return no_memory(e);
	if (session_set_deadline(s, s->entry.deadline, e) != 0 || set_params(s, e) != 0)
		return -1;
	return set_vars(s, e);
}

/* --- opening ------------------------------------------------------------------------------------
 */

/* A base without its last slash: paths begin with one. */
static int
set_base(struct session *s, struct err *e)
{
	const char *base = json_string_value(json_object_get(s->recipe->json, "base"));
	size_t len;
	s->base = base != NULL ? template_expand(base, &s->params, TEMPLATE_TEXT, e) : NULL;
	if (s->base == NULL)
		return err_wrap(e, "base");
	len = strlen(s->base);
	if (len > 0 && s->base[len - 1] == '/')
		s->base[len - 1] = '\0';
	return 0;
}

static int
open_parts(struct session *s, struct err *e)
{
	s->params.names = json_object();
	if (s->params.names == NULL)
		return no_memory(e);
	if (secrets_read(&s->secrets, s->entry.secrets, e) != 0)
		return -1;
	s->secret_scope.names = secrets_names(s->secrets);
	s->params.parent = &s->secret_scope;
	const struct http_settings settings = { .target = s->target,
						.ca_file = s->entry.ca_file,
						.pin = s->entry.pin,
						.plain = s->entry.plain,
						.secrets = s->secrets };
	if (set_variables(s, e) != 0 || set_base(s, e) != 0 || auth_open(s, e) != 0)
		return -1;
	return http_open(&s->http, &settings, e);
}

int
session_open(struct session **session, json_t *entry, struct err *e)
{
	char name[NAME_BUF];
	struct session *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return no_memory(e);
	s->entry_json = json_incref(entry);
	if (entry_parse(&s->entry, entry, e) != 0) {
		session_close(s);
		return -1;
	}
	s->target = s->entry.target;
	if (recipe_from_json(&s->recipe, s->entry.recipe, e) != 0 || open_parts(s, e) != 0) {
		err_wrap(e, "target %s", err_name(name, s->target));
		session_close(s);
		return -1;
	}
	session_begin(s);
	*session = s;
	return 0;
}

void
session_begin(struct session *s)
{
	s->begun_ms = http_now_ms();
	s->deadline_ms = s->begun_ms + (int64_t)s->entry.deadline_s * 1000;
	session_forget(s);
}

void
session_forget(struct session *s)
{
	json_decref(s->reads);
	s->reads = json_object();
}

void
session_go_on(struct session *s)
{
	if (http_now_ms() - s->begun_ms > READS_HOLD_MS)
		session_begin(s);
	else
		s->deadline_ms = http_now_ms() + (int64_t)s->entry.deadline_s * 1000;
}

bool
session_wait(const struct session *s, int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	if (http_now_ms() + ms >= s->deadline_ms)
		return false;
	while (nanosleep(&left, &left) != 0)
		continue;
	return true;
}

int
session_wrap(const struct session *s, struct err *e, const char *doing)
{
	char name[NAME_BUF];
	return err_wrap(e, "target %s: %s", err_name(name, s->target), doing);
}

void
session_close(struct session *s)
{
	auth_close(s);
	http_close(s->http);
	json_decref(s->reads);
	json_decref(s->begun);
	json_decref(s->ended);
	json_decref(s->remains);
	json_decref(s->once);
	json_decref(s->params.names);
	free(s->base);
	secrets_free(s->secrets);
	recipe_free(s->recipe);
	json_decref(s->entry_json);
	free(s);
}
