/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "plan.h"

/* Printable ASCII, and within bounds; a block may have several lines. */
static int
read_printable(struct document *doc, char **copy, json_t *value, const struct place *place,
	       bool block)
{
	const char *text = document_text(doc, value, place);
	const unsigned max = block ? ANSWER_BLOCK_MAX : ANSWER_LINE_MAX;
	if (text == NULL)
		return -1;
	if (strlen(text) > max)
		return document_err(doc, place, "is longer than %u bytes", max);
	char *plain = strdup(text);
	if (plain == NULL)
		return document_no_memory(doc);
	for (char *c = plain; *c != '\0'; c++)
		if ((*c < ' ' || *c > '~') && !(block && (*c == '\n' || *c == '\t')))
			*c = '?';
	*copy = plain;
	return 0;
}

static struct step *
current(void *into)
{
	struct answer *answer = into;
	return &answer->steps[answer->n - 1];
}

static int
read_where(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return read_printable(doc, &current(into)->where, value, place, false);
}

static int
read_rule(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return read_printable(doc, &current(into)->rule, value, place, false);
}

static int
read_reason(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return read_printable(doc, &current(into)->reason, value, place, false);
}

static int
read_before(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return read_printable(doc, &current(into)->before, value, place, true);
}

static int
read_after(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return read_printable(doc, &current(into)->after, value, place, true);
}

static const struct document_key step_keys[] = {
	{ .name = "where", .read = read_where, .required = true },
	{ .name = "rule", .read = read_rule, .required = true },
	{ .name = "before", .read = read_before },
	{ .name = "after", .read = read_after },
	{ .name = "reason", .read = read_reason },
	{ .name = NULL },
};

static int
read_step(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct answer *answer = into;
	answer->steps[answer->n++] = (struct step){ 0 };
	return document_object(doc, into, value, place, step_keys);
}

/* Unlike a policy's, an answer's arrays may be empty. */
static int
read_array(struct document *doc, void *into, json_t *value, const struct place *place, unsigned max,
	   document_reader *read)
{
	if (json_is_array(value) && json_array_size(value) == 0)
		return 0;
	if (json_array_size(value) > max)
		return document_err(doc, place, "more than %u", max);
	return document_array(doc, into, value, place, read);
}

static int
read_steps(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct answer *answer = into;
	answer->steps = calloc(ANSWER_STEPS_MAX, sizeof(*answer->steps));
	if (answer->steps == NULL)
		return document_no_memory(doc);
	return read_array(doc, into, value, place, ANSWER_STEPS_MAX, read_step);
}

static int
read_note(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct answer *answer = into;
	char *text = NULL;
	int rc = read_printable(doc, &text, value, place, false);
	if (rc == 0 && names_add(&answer->notes, text) != 0)
		rc = document_no_memory(doc);
	free(text);
	return rc;
}

static int
read_notes(struct document *doc, void *into, json_t *value, const struct place *place)
{
	return read_array(doc, into, value, place, ANSWER_NOTES_MAX, read_note);
}

static int
read_record(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct answer *answer = into;
	if (!document_is_shallow(value, ANSWER_RECORD_LEVELS))
		return document_err(doc, place, "is nested deeper than %u levels",
				    ANSWER_RECORD_LEVELS);
	if (json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) > ANSWER_RECORD_MAX)
		return document_err(doc, place, "is longer than %u bytes", ANSWER_RECORD_MAX);
	answer->record = json_incref(value);
	return 0;
}

static int
read_state(struct document *doc, void *into, json_t *value, const struct place *place)
{
	static const char *const names[] = { "lifted", "closed", "not-lifted", "drifted", NULL };
	static const enum lift_state states[] = { LIFT_LIFTED, LIFT_CLOSED, LIFT_NOT_LIFTED,
						  LIFT_DRIFTED };
	struct answer *answer = into;
	const char *text = document_text(doc, value, place);
	char name[NAME_BUF];
	if (text == NULL)
		return -1;
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		answer->state = states[i];
		return 0;
	}
	return document_err(
		doc, place,
		"unknown state \"%s\"; there are lifted, closed, not-lifted and drifted",
		err_name(name, text));
}

static int
read_left(struct document *doc, void *into, json_t *value, const struct place *place)
{
	struct answer *answer = into;
	json_int_t left = json_integer_value(value);
	if (!json_is_integer(value))
		return document_type_err(doc, value, place, "seconds as an integer");
	if (left < 0)
		return document_err(doc, place, "must not be negative");
	answer->left_s = left > INT_MAX ? INT_MAX : (unsigned)left;
	return 0;
}

static const struct document_key plan_keys[] = {
	{ .name = "steps", .read = read_steps, .required = true },
	{ .name = "notes", .read = read_notes },
	{ .name = "record", .read = read_record },
	{ .name = NULL },
};
static const struct document_key apply_keys[] = {
	{ .name = "notes", .read = read_notes },
	{ .name = "record", .read = read_record },
	{ .name = NULL },
};
static const struct document_key inspect_keys[] = {
	{ .name = "state", .read = read_state, .required = true },
	{ .name = "left_s", .read = read_left },
	{ .name = NULL },
};
static const struct document_key other_keys[] = {
	{ .name = "notes", .read = read_notes },
	{ .name = NULL },
};

static const struct document_key *const keys[] = {
	[OPERATION_PLAN] = plan_keys,       [OPERATION_APPLY] = apply_keys,
	[OPERATION_INSPECT] = inspect_keys, [OPERATION_EXTEND] = other_keys,
	[OPERATION_REVERT] = other_keys,
};

static bool
is_blank(const char *text, size_t len)
{
	size_t i = 0;
	while (i < len && strchr(" \t\r\n", text[i]) != NULL && text[i] != '\0')
		i++;
	return i == len;
}

static int
parse(struct answer *answer, enum operation operation, const char *who, const char *text,
      size_t len, struct err *e)
{
	struct document doc;
	if (document_init(&doc, who, text, len, e) != 0)
		return -1;
	struct place root = document_root(&doc);
	int rc = document_object(&doc, answer, doc.root, &root, keys[operation]);
	document_fini(&doc);
	return rc;
}

int
answer_parse(struct answer *answer, enum operation operation, const char *who, const char *text,
	     size_t len, struct err *e)
{
	struct err why = ERR_INIT;
	bool answers = operation == OPERATION_PLAN || operation == OPERATION_INSPECT;
	*answer = (struct answer){ .state = LIFT_UNKNOWN };
	if (is_blank(text, len)) {
		if (!answers)
			return 0;
		return err_set(e, ERR_FAILED, "%s is empty", who);
	}
	if (parse(answer, operation, who, text, len, &why) == 0)
		return 0;
	answer_fini(answer);
	return err_set(e, ERR_FAILED, "%s", why.msg);
}

void
answer_fini(struct answer *answer)
{
	steps_free(answer->steps, answer->n);
	names_fini(&answer->notes);
	json_decref(answer->record);
	*answer = (struct answer){ .state = LIFT_UNKNOWN };
}
