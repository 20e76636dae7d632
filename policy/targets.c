/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "targets_private.h"

#define TABLE_NAME_MAX 255 /* bytes, as the kernel's NFT_NAME_MAXLEN */

static const char *const families[] = { "inet", "ip", "ip6", "netdev", "bridge", "arp", NULL };
static const char *const backends[] = { "nftables", "iptables", "exec", "rest", NULL };
/* nat decides where a packet goes, security what it is; neither is where countries are blocked. */
static const char *const iptables_tables[] = { "filter", "mangle", "raw", NULL };

int
targets_copy_text(struct document *doc, char **copy, const char *text)
{
	*copy = strdup(text);
	return *copy != NULL ? 0 : document_no_memory(doc);
}

static int
read_name(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);

	return text == NULL ? -1 : targets_copy_text(doc, &targets_current(into)->name, text);
}

static bool
is_one_of(const char *word, const char *const *words)
{
	while (*words != NULL && strcmp(word, *words) != 0)
		words++;
	return *words != NULL;
}

static int
read_backend(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);
	char hint[SUGGESTION_MAX];
	char name[NAME_BUF];

	if (text == NULL)
		return -1;
	if (!is_one_of(text, backends))
		return document_err(doc, place, "unknown backend \"%s\"%s", err_name(name, text),
				    document_suggest(hint, text, backends));
	return targets_copy_text(doc, &targets_current(into)->backend, text);
}

static bool
is_table(const char *text)
{
	size_t len = strcspn(text, " ");
	const char *name = text + len + 1;

	for (size_t i = 0; families[i] != NULL; i++)
		if (text[len] == ' ' && strlen(families[i]) == len &&
		    memcmp(text, families[i], len) == 0)
			return name[0] != '\0' && name[0] != ' ' && strlen(name) <= TABLE_NAME_MAX;
	return false;
}

static int
read_table(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;
	const char *text = document_text(doc, value, place);

	if (text == NULL)
		return -1;
	r->table = *place;
	targets_current(r)->table_line = place->line;
	return targets_copy_text(doc, &targets_current(r)->table, text);
}

static int
read_action(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;
	const char *text = document_text(doc, value, place);
	char name[NAME_BUF];

	if (text == NULL)
		return -1;
	if (action_by_name(text, &targets_current(r)->action) != 0)
		return document_err(doc, place,
				    "unknown action \"%s\"; there are auto, skip, widen and set",
				    err_name(name, text));
	r->action = *place;
	return 0;
}

static int
read_pattern(struct document *doc, void *into, json_t *value, const struct place *place)
{
	const char *text = document_text(doc, value, place);

	if (text == NULL)
		return -1;
	return patterns_add(into, text, place->line) == 0 ? 0 : document_no_memory(doc);
}

static int
read_chain(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_one_or_more(doc, &targets_current(into)->rules.chain, value, place,
				    read_pattern);
}

static int
read_set(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_one_or_more(doc, &targets_current(into)->rules.set, value, place,
				    read_pattern);
}

static int
read_map(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_one_or_more(doc, &targets_current(into)->rules.map, value, place,
				    read_pattern);
}

static int
read_comment(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return document_one_or_more(doc, &targets_current(into)->rules.comment, value, place,
				    read_pattern);
}

static int
read_handle(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct rule_selector *rules = into;
	uint64_t *grown;

	if (!json_is_integer(value))
		return document_type_err(doc, value, place, "a rule's handle, a positive integer");
	if (json_integer_value(value) < 1)
		return document_err(doc, place, "a rule's handle is a positive integer");
	grown = reallocarray(rules->handles, rules->n_handles + 1, sizeof(*grown));
	if (grown == NULL)
		return document_no_memory(doc);
	rules->handles = grown;
	grown[rules->n_handles++] = (uint64_t)json_integer_value(value);
	return 0;
}

static int
read_handles(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct rule_selector *rules = &targets_current(into)->rules;

	rules->handle_line = place->line;
	return document_one_or_more(doc, rules, value, place, read_handle);
}

static const struct document_key rule_keys[] = {
	{ .name = "chain", .read = read_chain },    { .name = "set", .read = read_set },
	{ .name = "map", .read = read_map },        { .name = "comment", .read = read_comment },
	{ .name = "handle", .read = read_handles }, { .name = NULL },
};

static int
read_rules(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->rules = *place;
	return document_object(doc, into, value, place, rule_keys);
}

static int
read_argument(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct target *target = targets_current(into);
	const char *text = document_text(doc, value, place);

	if (text == NULL)
		return -1;
	if (place->index == 0) {
		target->command_line = place->line;
		if (text[0] != '/')
			return document_err(doc, place, "must be an absolute path");
	}
	return targets_copy_text(doc, &target->command[place->index], text);
}

static int
read_command(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->exec = *place;
	if (json_array_size(value) > TARGET_COMMAND_MAX)
		return document_err(doc, place, "more than %u strings", TARGET_COMMAND_MAX);
	targets_current(r)->command =
		calloc(TARGET_COMMAND_MAX + 1, sizeof(*targets_current(r)->command));
	if (targets_current(r)->command == NULL)
		return document_no_memory(doc);
	return document_array(doc, into, value, place, read_argument);
}

static int
read_deadline(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;
	unsigned seconds = 0;

	r->deadline = *place;
	if (document_seconds(doc, &seconds, value, place) != 0)
		return -1;
	if (seconds < 1 || seconds > TARGET_DEADLINE_MAX_S)
		return document_err(doc, place, "must be between 1 and %u seconds",
				    TARGET_DEADLINE_MAX_S);
	targets_current(r)->deadline_s = seconds;
	return 0;
}

static int
read_config(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->exec = *place;
	if (!document_is_shallow(value, TARGET_CONFIG_LEVELS))
		return document_err(doc, place, "is nested deeper than %u levels",
				    TARGET_CONFIG_LEVELS);
	targets_current(r)->config = json_incref(value);
	return 0;
}

static const struct document_key target_keys[] = {
	{ .name = "name", .read = read_name },
	{ .name = "backend", .read = read_backend, .required = true },
	{ .name = "table", .read = read_table },
	{ .name = "rules", .read = read_rules },
	{ .name = "action", .read = read_action },
	{ .name = "command", .read = read_command },
	{ .name = "deadline", .read = read_deadline },
	{ .name = "config", .read = read_config },
	{ .name = "note", .read = document_ignored },
	{ .name = "recipe", .read = targets_read_recipe },
	{ .name = "params", .read = targets_read_params },
	{ .name = "secrets", .read = targets_read_secrets },
	{ .name = "ca_file", .read = targets_read_ca_file },
	{ .name = "pin", .read = targets_read_pin },
	{ .name = "plain", .read = targets_read_plain },
	{ .name = NULL },
};

/* An own set has no rule to choose: it is named, and nothing else is. */
static int
check_own_set(struct document *doc, const struct reading *r, const struct place *place)
{
	const struct rule_selector *rules = &targets_current(r)->rules;
	struct place action = r->action;
	struct place selector = r->rules;

	if (targets_current(r)->action != ACTION_SET)
		return 0;
	action.parent = place;
	selector.parent = place;
	if (rules->set.n == 0)
		return document_err(doc, &action,
				    "\"set\" needs rules.set: the name of the set to fill");
	if (rules->chain.n + rules->map.n + rules->comment.n + rules->n_handles > 0)
		return document_err(doc, &selector,
				    "with \"action\": \"set\" only \"set\" may be given here");
	return 0;
}

static int
check_table(struct document *doc, struct reading *r, const struct place *place)
{
	const struct target *target = targets_current(r);
	char name[NAME_BUF];

	if (target->table == NULL)
		return document_err(doc, place, "the key \"table\" is missing");
	r->table.parent = place;
	if (strcmp(target->backend, "iptables") == 0)
		return is_one_of(target->table, iptables_tables)
			       ? 0
			       : document_err(
					 doc, &r->table,
					 "\"%s\" is not one of iptables' tables filter, mangle "
					 "and raw (one target covers IPv4 and IPv6)",
					 err_name(name, target->table));
	return is_table(target->table)
		       ? 0
		       : document_err(
				 doc, &r->table,
				 "\"%s\" is not a table like \"inet filter\": the family "
				 "(inet, ip, ip6, netdev, bridge, arp), one space, and the name",
				 err_name(name, target->table));
}

/* Of exec and rest: there is no table to choose rules of. */
static int
check_no_table(struct document *doc, struct reading *r, const struct place *place,
	       const char *backend)
{
	struct place *one = r->table.line != 0   ? &r->table
			    : r->rules.line != 0 ? &r->rules
						 : &r->action;

	if (targets_current(r)->deadline_s == 0)
		targets_current(r)->deadline_s = TARGET_DEADLINE_DEFAULT_S;
	if (one->line == 0)
		return 0;
	one->parent = place;
	return document_err(doc, one, "means nothing to %s target: remove it", backend);
}

static int
check_exec(struct document *doc, struct reading *r, const struct place *place)
{
	if (targets_current(r)->command == NULL)
		return document_err(doc, place, "the key \"command\" is missing");
	return check_no_table(doc, r, place, "an exec");
}

static int
check_rest(struct document *doc, struct reading *r, const struct place *place)
{
	if (targets_current(r)->recipe == NULL)
		return document_err(doc, place, "the key \"recipe\" is missing");
	return check_no_table(doc, r, place, "a rest");
}

/* What only makes sense with the nftables backend. */
static int
check_iptables(struct document *doc, struct reading *r, const struct place *place)
{
	const struct rule_selector *rules = &targets_current(r)->rules;

	r->rules.parent = r->action.parent = place;
	if (rules->map.n + rules->n_handles > 0)
		return document_err(
			doc, &r->rules,
			"iptables has no maps and no handles: choose rules by chain, set "
			"or comment");
	if (targets_current(r)->action == ACTION_SET)
		return document_err(doc, &r->action,
				    "iptables has no sets that could be filled for a window: use "
				    "\"auto\"");
	return 0;
}

/* Keys that belong to another backend would do nothing, and somebody counts on them. */
static int
check_others_keys(struct document *doc, struct reading *r, const struct place *place)
{
	bool exec = strcmp(targets_current(r)->backend, "exec") == 0;
	bool rest = strcmp(targets_current(r)->backend, "rest") == 0;

	r->exec.parent = r->rest.parent = r->deadline.parent = place;
	if (!exec && r->exec.line != 0)
		return document_err(doc, &r->exec, "is for exec targets alone: remove it");
	if (!rest && r->rest.line != 0)
		return document_err(doc, &r->rest, "is for rest targets alone: remove it");
	if (!exec && !rest && r->deadline.line != 0)
		return document_err(doc, &r->deadline,
				    "is for exec and rest targets alone: remove it");
	return 0;
}

static int
check_backend(struct document *doc, struct reading *r, const struct place *place)
{
	const char *backend = targets_current(r)->backend;

	if (check_others_keys(doc, r, place) != 0)
		return -1;
	if (strcmp(backend, "exec") == 0)
		return check_exec(doc, r, place);
	if (strcmp(backend, "rest") == 0)
		return check_rest(doc, r, place);
	if (check_table(doc, r, place) != 0)
		return -1;
	return strcmp(backend, "iptables") == 0 ? check_iptables(doc, r, place)
						: check_own_set(doc, r, place);
}

static int
check_name(struct document *doc, const struct reading *r, const struct place *place)
{
	struct target *target = targets_current(r);
	char name[NAME_BUF];

	if (target->name == NULL && asprintf(&target->name, "target-%zu", target->index + 1) < 0) {
		target->name = NULL;
		return document_no_memory(doc);
	}
	if (json_object_get(r->names, target->name) != NULL)
		return document_err(doc, place, "the name \"%s\" is taken by another target",
				    err_name(name, target->name));
	return json_object_set_new(r->names, target->name, json_true()) == 0
		       ? 0
		       : document_no_memory(doc);
}

/* Room for one more: a long list is not copied for each of its targets. */
static struct target *
grow(struct policy *policy)
{
	size_t n = policy->n_targets;

	if (n > 0 && (n & (n - 1)) != 0)
		return policy->targets;
	return reallocarray(policy->targets, n == 0 ? 1 : 2 * n, sizeof(*policy->targets));
}

static int
read_target(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;
	struct policy *policy = r->policy;
	struct target *grown = grow(policy);

	if (grown == NULL)
		return document_no_memory(doc);
	policy->targets = grown;
	grown[policy->n_targets] = (struct target){ .file = policy->file,
						    .line = place->line,
						    .table_line = place->line,
						    .index = policy->n_targets };
	policy->n_targets++;
	r->table = r->rules = r->action = r->deadline = r->exec = r->rest = (struct place){ 0 };
	if (document_object(doc, into, value, place, target_keys) != 0)
		return -1;
	if (check_backend(doc, r, place) != 0)
		return -1;
	return check_name(doc, r, place);
}

int
targets_read(struct document *doc, struct policy *policy, json_t *value, const struct place *place)
{
	struct reading r = { .policy = policy, .names = json_object() };
	int rc;

	if (r.names == NULL)
		return document_no_memory(doc);
	rc = document_array(doc, &r, value, place, read_target);
	json_decref(r.names);
	return rc;
}
