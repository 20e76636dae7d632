/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One rule being evaluated: shared by eval.c, which decides, and eval_load.c, which loads. */
#ifndef GEOPAUSE_EVAL_STEP_H
#define GEOPAUSE_EVAL_STEP_H

#include "eval.h"
#include "registers.h"

enum tag {
	TAG_NONE,
	TAG_SOURCE,
	TAG_MARK, /* a mark that tells of the source */
	TAG_INTERFACE,
	TAG_ROUTE, /* of fib: a typical packet has a route back */
};

struct registers {
	uint8_t value[REG_WORDS * 4];
	bool known[REG_WORDS * 4];
	enum tag tag[REG_WORDS];
};

struct step {
	struct eval *eval;
	const struct rule *rule;
	const struct packet *packet;
	enum view view;
	struct registers r;
	struct evaluation *result;
	bool stop; /* a verdict was reached */
};

static inline enum truth
truth_of(bool yes)
{
	return yes ? TRUTH_YES : TRUTH_NO;
}

void step_set_unknown(struct registers *r, uint32_t reg, size_t len, enum tag tag);
void step_set_known(struct registers *r, uint32_t reg, const void *value, size_t len);
/* meta, ct and payload, in both directions. */
enum truth step_load_or_store(struct step *s, const struct expr *x);
/* A rule writes the packet's mark, or its connection's. */
void step_write_mark(struct step *s, bool ct, uint32_t value, bool known);
/* Is the mark one that tells of the source, wherever that is looked at? */
bool step_mark_tells(const struct step *s, bool ct);
/* What is known of so many bytes in the registers. */
enum tag step_tag(const struct registers *r, uint32_t reg, size_t len);
bool step_all_known(const struct registers *r, uint32_t reg, size_t len);
/* Is it the view that decides what these bytes are? */
bool step_is_viewed(const struct step *s, uint32_t reg, size_t len);
enum truth step_look_up(struct step *s, const struct expr *x);
void step_add_branch(struct evaluation *result, uint32_t verdict, const char *chain);
/* A test of the source, or of a mark that tells of it. */
enum truth step_by_view(const struct step *s, bool inverted);
void step_end_with(struct step *s, uint32_t verdict, const char *chain);
/* Matches and targets of iptables. */
enum truth step_extension_match(const struct step *s, const struct expr *x);
enum truth step_extension_target(struct step *s, const struct expr *x);
/* bitwise and byteorder. */
enum truth step_transform(struct step *s, const struct expr *x);

#endif
