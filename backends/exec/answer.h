/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a program answered on its stdout. Everything in it is checked: keys, types, lengths. */
#ifndef GEOPAUSE_EXEC_ANSWER_H
#define GEOPAUSE_EXEC_ANSWER_H

#include <jansson.h>

#include "backend.h"
#include "operation.h"

#define ANSWER_MAX (1u << 20)    /* bytes */
#define ANSWER_RECORD_MAX 65536u /* bytes, compact */
#define ANSWER_RECORD_LEVELS 32u /* it becomes part of the journal */
#define ANSWER_STEPS_MAX 1000u
#define ANSWER_NOTES_MAX 32u
#define ANSWER_LINE_MAX 400u    /* bytes; a line for people */
#define ANSWER_BLOCK_MAX 16384u /* bytes; before and after */

struct answer {
	struct step *steps; /* of plan; their target and how are not set */
	size_t n;
	struct names notes;
	json_t *record;        /* of plan and apply, NULL if there was none */
	enum lift_state state; /* of inspect */
	unsigned left_s;
};

/* who is for messages. ERR_FAILED with line and path; *answer is empty then. */
int answer_parse(struct answer *answer, enum operation operation, const char *who, const char *text,
		 size_t len, struct err *e);
void answer_fini(struct answer *answer);

#endif
