/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "targets.h"

static const char *const challenge_names[] = { "http-01", "tls-alpn-01", "dns-01", NULL };

/* The policy, and what its parts must know of each other. */
struct reading {
	struct policy *policy;
	unsigned window_line;
	unsigned max_window_line;
};

/* Looked at before everything else: another version may have other keys. */
static int
read_version(struct document *doc, void *into, json_t *value, const struct place *place)
{
	(void)into;
	if (!json_is_integer(value))
		return document_type_err(doc, value, place, "the integer 1");
	if (json_integer_value(value) != 1)
		return document_err(doc, place,
				    "version %" JSON_INTEGER_FORMAT
				    " is not known to this program, only version 1 is",
				    json_integer_value(value));
	return 0;
}

static int
read_length(struct document *doc, unsigned *seconds, json_t *value, const struct place *place)
{
	if (document_seconds(doc, seconds, value, place) != 0)
		return -1;
	if (*seconds < POLICY_WINDOW_MIN_S || *seconds > POLICY_MAX_WINDOW_MAX_S)
		return document_err(doc, place, "must be between %u seconds and %u hours",
				    POLICY_WINDOW_MIN_S, POLICY_MAX_WINDOW_MAX_S / 3600);
	return 0;
}

static int
read_heartbeat(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;
	unsigned seconds = 0;

	if (document_seconds(doc, &seconds, value, place) != 0)
		return -1;
	if (seconds < POLICY_HEARTBEAT_MIN_S || seconds > POLICY_HEARTBEAT_MAX_S)
		return document_err(doc, place, "must be between %u and %u seconds",
				    POLICY_HEARTBEAT_MIN_S, POLICY_HEARTBEAT_MAX_S);
	r->policy->heartbeat_s = seconds;
	return 0;
}

static int
read_window(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->window_line = place->line;
	return read_length(doc, &r->policy->window_s, value, place);
}

static int
read_max_window(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->max_window_line = place->line;
	return read_length(doc, &r->policy->max_window_s, value, place);
}

static int
read_challenge(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;
	const char *text = document_text(doc, value, place);
	char hint[SUGGESTION_MAX];
	char name[NAME_BUF];
	unsigned bit;

	if (text == NULL)
		return -1;
	bit = challenge_by_name(text);
	if (bit == 0)
		return document_err(
			doc, place,
			"unknown challenge \"%s\"%s; there are http-01, tls-alpn-01 and dns-01",
			err_name(name, text), document_suggest(hint, text, challenge_names));
	if ((r->policy->challenges & bit) != 0)
		return document_err(doc, place, "\"%s\" is given twice", err_name(name, text));
	r->policy->challenges |= bit;
	return 0;
}

static int
read_challenges(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	r->policy->challenges = 0;
	return document_array(doc, into, value, place, read_challenge);
}

/* The index of the value among these words, or -1. */
static int
read_choice(struct document *doc, json_t *value, const struct place *place,
	    const char *const words[2])
{
	const char *text = document_text(doc, value, place);
	char name[NAME_BUF];

	if (text == NULL)
		return -1;
	for (int i = 0; i < 2; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return document_err(doc, place, "expected \"%s\" or \"%s\", got \"%s\"", words[0], words[1],
			    err_name(name, text));
}

static int
read_on_refresh(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const char *const words[] = { [REFRESH_RELIFT] = "relift", [REFRESH_STOP] = "stop" };
	struct reading *r = into;
	int choice = read_choice(doc, value, place, words);

	r->policy->on_refresh = choice == REFRESH_STOP ? REFRESH_STOP : REFRESH_RELIFT;
	return choice < 0 ? -1 : 0;
}

static int
read_flows(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const char *const words[] = { [FLOWS_KEEP] = "keep", [FLOWS_CUT] = "cut" };
	struct reading *r = into;
	int choice = read_choice(doc, value, place, words);

	r->policy->flows = choice == FLOWS_CUT ? FLOWS_CUT : FLOWS_KEEP;
	return choice < 0 ? -1 : 0;
}

static int
read_alert_argument(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;
	char **alert = r->policy->alert;
	const char *text = document_text(doc, value, place);
	char name[NAME_BUF];

	if (text == NULL)
		return -1;
	if (place->index == 0 && text[0] != '/')
		return document_err(doc, place,
				    "\"%s\" is not an absolute path: the program is started "
				    "without a shell and without a search for it",
				    err_name(name, text));
	if (place->index == 0)
		r->policy->alert_line = place->line;
	alert[place->index] = strdup(text);
	return alert[place->index] != NULL ? 0 : document_no_memory(doc);
}

static int
read_alert(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	if (json_array_size(value) > POLICY_ALERT_MAX)
		return document_err(doc, place, "more than %u strings", POLICY_ALERT_MAX);
	/* One more: it ends with NULL at any time. */
	r->policy->alert = calloc(POLICY_ALERT_MAX + 1, sizeof(*r->policy->alert));
	if (r->policy->alert == NULL)
		return document_no_memory(doc);
	return document_array(doc, into, value, place, read_alert_argument);
}

static int
read_targets(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct reading *r = into;

	return targets_read(doc, r->policy, value, place);
}

static const struct document_key policy_keys[] = {
	{ .name = "version", .read = read_version, .required = true },
	{ .name = "note", .read = document_ignored },
	{ .name = "window", .read = read_window },
	{ .name = "max_window", .read = read_max_window },
	{ .name = "heartbeat", .read = read_heartbeat },
	{ .name = "challenges", .read = read_challenges },
	{ .name = "on_verify_failure", .only = "rollback" },
	{ .name = "on_refresh", .read = read_on_refresh },
	{ .name = "flows", .read = read_flows },
	{ .name = "alert", .read = read_alert },
	{ .name = "targets", .read = read_targets, .required = true },
	{ .name = "probes" },
	{ .name = NULL },
};

static int
check_windows(struct document *doc, const struct reading *r, const struct place *root)
{
	struct place place = *root;
	char window[DURATION_TEXT_MAX];
	char max_window[DURATION_TEXT_MAX];

	if (r->policy->window_s <= r->policy->max_window_s)
		return 0;
	place.line = r->max_window_line != 0 ? r->max_window_line : r->window_line;
	return document_err(doc, &place, "window (%s%s) is longer than max_window (%s%s)",
			    duration_text(window, r->policy->window_s),
			    r->window_line == 0 ? " when not given" : "",
			    duration_text(max_window, r->policy->max_window_s),
			    r->max_window_line == 0 ? " when not given" : "");
}

static int
read_document(struct document *doc, struct policy *policy)
{
	struct place root = document_root(doc);
	struct place place;
	struct reading r = { .policy = policy };
	json_t *version = document_member(doc, doc->root, "version", &root, &place);

	if (version != NULL && read_version(doc, NULL, version, &place) != 0)
		return -1;
	if (document_object(doc, &r, doc->root, &root, policy_keys) != 0)
		return -1;
	return check_windows(doc, &r, &root);
}

void
policy_init(struct policy *policy)
{
	*policy = (struct policy){ .window_s = POLICY_WINDOW_DEFAULT_S,
				   .max_window_s = POLICY_MAX_WINDOW_DEFAULT_S,
				   .heartbeat_s = POLICY_HEARTBEAT_DEFAULT_S,
				   .challenges = CHALLENGE_DEFAULT };
}

int
policy_parse(struct policy *policy, const char *name, const char *text, size_t len, struct err *e)
{
	struct document doc;
	char file[NAME_BUF];
	int rc;

	policy_init(policy);
	policy->file = strdup(name);
	if (policy->file == NULL)
		return err_set(e, ERR_FAILED, "%s: out of memory", err_name(file, name));
	rc = document_init(&doc, policy->file, text, len, e);
	if (rc == 0) {
		rc = read_document(&doc, policy);
		document_fini(&doc);
	}
	if (rc != 0)
		policy_fini(policy);
	return rc;
}

void
policy_fini(struct policy *policy)
{
	for (size_t i = 0; i < policy->n_targets; i++)
		target_fini(&policy->targets[i]);
	free(policy->targets);
	for (size_t i = 0; policy->alert != NULL && policy->alert[i] != NULL; i++)
		free(policy->alert[i]);
	free(policy->alert);
	free(policy->file);
	policy_init(policy);
}
