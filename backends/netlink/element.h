/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The elements of a set whose messages were loaded by ruleset_elements. */
#ifndef GEOPAUSE_ELEMENT_H
#define GEOPAUSE_ELEMENT_H

#include <stdbool.h>

#include "expr.h"
#include "ruleset.h"

struct element {
	struct expr_data key;     /* network byte order; empty: the catch-all */
	struct expr_data key_end; /* of ranges in concatenations */
	struct expr_data data;    /* of maps to values */
	bool is_verdict;          /* of maps to verdicts */
	uint32_t verdict;
	const char *chain;
	bool interval_end;               /* the first key behind a range */
	uint64_t timeout_ms, expires_ms; /* 0: permanent */
	char comment[64];                /* "" when there is none; cut */
	bool ours;                       /* the comment is our mark */
	const struct nlattr *attr;
};

/* 0 to go on; anything else stops and is what element_each returns. */
typedef int (*element_fn)(const struct element *element, void *data);
int element_each(const struct set *set, element_fn fn, void *data);
/* The same for one message, NFT_MSG_NEWSETELEM as dumped. */
int element_each_of(const struct nlmsghdr *nlh, element_fn fn, void *data);

/*
 * The element that the key is in: *found false if there is none. Intervals are understood; of
 * concatenated ranges only those whose fields have at most 4 bytes.
 */
void element_find(const struct set *set, const uint8_t *key, size_t len, bool *found,
		  struct element *element);

/*
 * The same by asking the kernel for this one key, whatever the size of the set. What *element
 * points to is valid until the next request. -1: the set cannot be read, or is gone.
 */
int element_ask(struct nl *nl, struct set *set, const uint8_t *key, size_t len, bool *found,
		struct element *element, struct err *e);

#endif
