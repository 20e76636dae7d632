/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "tool.h"

#define STATUS_NOT_DONE 1
#define STATUS_CANNOT_EXTEND 3

static const char *const names[] = {
	[OPERATION_PLAN] = "plan",       [OPERATION_APPLY] = "apply",
	[OPERATION_INSPECT] = "inspect", [OPERATION_EXTEND] = "extend",
	[OPERATION_REVERT] = "revert",
};

static bool
is_read(enum operation operation)
{
	return operation == OPERATION_PLAN || operation == OPERATION_INSPECT;
}

/* What the end of the program means for what was asked of it. */
static enum outcome
outcome_of(enum operation operation, const struct tool_result *result)
{
	if (is_read(operation) || result->end == TOOL_NOT_STARTED)
		return OUTCOME_NOT_DONE;
	if (result->end != TOOL_EXITED)
		return OUTCOME_UNKNOWN;
	if (result->status == STATUS_NOT_DONE)
		return OUTCOME_NOT_DONE;
	return operation == OPERATION_EXTEND && result->status == STATUS_CANNOT_EXTEND
		       ? OUTCOME_NOT_DONE
		       : OUTCOME_UNKNOWN;
}

static void
explain(const struct entry *entry, enum operation operation, enum outcome outcome,
	const struct tool_result *result, struct err *e)
{
	char name[NAME_BUF];
	err_name(name, entry->target);
	e->code = ERR_FAILED;
	if (is_read(operation))
		err_wrap(e, "target %s: %s failed", name, names[operation]);
	else if (outcome == OUTCOME_UNKNOWN)
		err_wrap(e, "target %s: it is not known whether \"%s\" was done", name,
			 names[operation]);
	else if (operation == OPERATION_EXTEND && result->end == TOOL_EXITED &&
		 result->status == STATUS_CANNOT_EXTEND)
		err_wrap(e, "target %s: the lift cannot be extended", name);
	else
		err_wrap(e, "target %s: \"%s\" was not done", name, names[operation]);
}

/* The request as text, and the program run with it. */
static enum outcome
run(const struct entry *entry, enum operation operation, const char *input, int hold,
    struct answer *answer, struct err *e)
{
	char who[2 * NAME_BUF], name[NAME_BUF];
	const char *argv[TARGET_COMMAND_MAX + 2];
	struct tool_result result;
	const struct tool tool = { .argv = argv,
				   .input = input,
				   .input_len = strlen(input),
				   .output_max = ANSWER_MAX,
				   .deadline_s = entry->deadline_s,
				   .hold = is_read(operation) ? -1 : hold };
	memcpy(argv, entry->argv, sizeof(argv));
	argv[entry->n] = names[operation];
	argv[entry->n + 1] = NULL;
	enum outcome outcome = OUTCOME_DONE;
	snprintf(who, sizeof(who), "the answer of %s", err_name(name, argv[0]));
	if (tool_run(&tool, &result, e) != 0)
		outcome = outcome_of(operation, &result);
	else if (answer_parse(answer, operation, who, result.out ? result.out : "", result.out_len,
			      e) != 0)
		outcome = is_read(operation) ? OUTCOME_NOT_DONE : OUTCOME_UNKNOWN;
	if (outcome != OUTCOME_DONE)
		explain(entry, operation, outcome, &result, e);
	tool_result_fini(&result);
	return outcome;
}

enum outcome
call(const struct entry *entry, enum operation operation, unsigned expiry_s, int hold,
     struct answer *answer, struct err *e)
{
	const struct tool_result none = { .end = TOOL_NOT_STARTED };
	json_t *request = NULL;
	char *input = NULL;
	enum outcome outcome = OUTCOME_NOT_DONE;
	*answer = (struct answer){ .state = LIFT_UNKNOWN };
	/* It was safe when the policy was read; that may be long ago. */
	if (policy_check_program(entry->argv[0], e) != 0) {
		explain(entry, operation, outcome, &none, e);
		return outcome;
	}
	request = entry_request(entry, names[operation], expiry_s);
	input = request ? json_dumps(request, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(request);
	if (input != NULL)
		outcome = run(entry, operation, input, hold, answer, e);
	else
		err_set(e, ERR_FAILED, "out of memory");
	free(input);
	return outcome;
}
