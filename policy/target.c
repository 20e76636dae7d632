/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "target.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const actions[] = {
	[ACTION_AUTO] = "auto",
	[ACTION_SKIP] = "skip",
	[ACTION_WIDEN] = "widen",
	[ACTION_SET] = "set",
};
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

const char *
action_name(enum action action)
{
	return (size_t)action < N_ACTIONS ? actions[action] : "?";
}

int
action_by_name(const char *name, enum action *action)
{
	for (size_t i = 0; i < N_ACTIONS; i++) {
		if (strcmp(actions[i], name) == 0) {
			*action = (enum action)i;
			return 0;
		}
	}
	return -1;
}

int
patterns_add(struct patterns *patterns, const char *text, unsigned line)
{
	struct pattern *grown = reallocarray(patterns->v, patterns->n + 1, sizeof(*grown));
	char *copy;

	if (grown == NULL)
		return -1;
	patterns->v = grown;
	copy = strdup(text);
	if (copy == NULL)
		return -1;
	patterns->v[patterns->n++] = (struct pattern){ .text = copy, .line = line };
	return 0;
}

bool
pattern_matches(const struct pattern *pattern, const char *name)
{
	return name != NULL && fnmatch(pattern->text, name, 0) == 0;
}

const struct pattern *
patterns_match(const struct patterns *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (pattern_matches(&patterns->v[i], name))
			return &patterns->v[i];
	return NULL;
}

bool
pattern_is_wild(const struct pattern *pattern)
{
	return strpbrk(pattern->text, "*?[\\") != NULL;
}

static void
patterns_fini(struct patterns *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		free(patterns->v[i].text);
	free(patterns->v);
}

void
target_fini(struct target *target)
{
	patterns_fini(&target->rules.chain);
	patterns_fini(&target->rules.set);
	patterns_fini(&target->rules.map);
	patterns_fini(&target->rules.comment);
	free(target->rules.handles);
	free(target->name);
	free(target->backend);
	free(target->table);
	for (char **word = target->command; word != NULL && *word != NULL; word++)
		free(*word);
	free(target->command);
	json_decref(target->config);
	free(target->recipe);
	json_decref(target->params);
	json_decref(target->secrets);
	free(target->ca_file);
	free(target->pin);
	*target = (struct target){ 0 };
}

static bool
patterns_within(const struct patterns *a, const struct patterns *b)
{
	for (size_t i = 0; i < a->n; i++) {
		size_t j = 0;

		while (j < b->n && strcmp(a->v[i].text, b->v[j].text) != 0)
			j++;
		if (j == b->n)
			return false;
	}
	return true;
}

static bool
patterns_same(const struct patterns *a, const struct patterns *b)
{
	return patterns_within(a, b) && patterns_within(b, a);
}

static bool
handles_within(const struct rule_selector *a, const struct rule_selector *b)
{
	for (size_t i = 0; i < a->n_handles; i++) {
		size_t j = 0;

		while (j < b->n_handles && a->handles[i] != b->handles[j])
			j++;
		if (j == b->n_handles)
			return false;
	}
	return true;
}

const char *
target_where(const struct target *target)
{
	if (target->recipe != NULL)
		return target->recipe;
	return target->table != NULL ? target->table : target->command[0];
}

static bool
words_same(char *const *a, char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

static bool
json_same(const json_t *a, const json_t *b)
{
	return a == NULL || b == NULL ? a == b : json_equal(a, b) == 1;
}

/* The program is told the name, and may decide by it. */
static bool
command_same(const struct target *a, const struct target *b)
{
	if (a->command == NULL || b->command == NULL)
		return a->command == b->command;
	return strcmp(a->name, b->name) == 0 && words_same(a->command, b->command) &&
	       json_same(a->config, b->config);
}

static bool
text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
recipe_same(const struct target *a, const struct target *b)
{
	return text_same(a->recipe, b->recipe) && json_same(a->params, b->params) &&
	       json_same(a->secrets, b->secrets) && text_same(a->ca_file, b->ca_file) &&
	       text_same(a->pin, b->pin) && a->plain == b->plain;
}

bool
target_same(const struct target *a, const struct target *b)
{
	return strcmp(a->backend, b->backend) == 0 &&
	       strcmp(target_where(a), target_where(b)) == 0 && command_same(a, b) &&
	       recipe_same(a, b) && a->action == b->action &&
	       patterns_same(&a->rules.chain, &b->rules.chain) &&
	       patterns_same(&a->rules.set, &b->rules.set) &&
	       patterns_same(&a->rules.map, &b->rules.map) &&
	       patterns_same(&a->rules.comment, &b->rules.comment) &&
	       handles_within(&a->rules, &b->rules) && handles_within(&b->rules, &a->rules);
}

int
target_err(struct err *e, const struct target *target, const char *path, unsigned line,
	   const char *fmt, ...)
{
	char name[NAME_BUF];
	char msg[ERR_MESSAGE_MAX];
	bool has_path = path != NULL && path[0] != '\0';
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, args) < 0)
		msg[0] = '\0';
	va_end(args);
	if (target->file == NULL)
		return err_set(e, ERR_POLICY, "discovered target %s: %s",
			       err_name(name, target->name), msg);
	return err_set(e, ERR_POLICY, "%s:%u: targets[%zu]%s%s: %s", err_name(name, target->file),
		       line != 0 ? line : target->line, target->index, has_path ? "." : "",
		       has_path ? path : "", msg);
}
