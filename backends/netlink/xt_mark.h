/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marks in iptables' extensions: `-j MARK`, `-j CONNMARK`, `-m mark` and `-m connmark`. */
#ifndef GEOPAUSE_XT_MARK_H
#define GEOPAUSE_XT_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "expr.h"

/* new = (old & ~clear) ^ (from & keep ^ value), of the packet or of its connection. */
struct xt_mark_write {
	bool ct;     /* the connection's mark is written */
	bool copied; /* from the other of the two, which `keep` masks; else it is 0 */
	uint32_t clear, keep, value;
};

struct xt_mark_test {
	bool ct, inverted;
	uint32_t value, mask;
};

/* False: it is something else, or of a revision that is not known. */
bool xt_mark_write_of(const struct expr *x, struct xt_mark_write *write);
bool xt_mark_test_of(const struct expr *x, struct xt_mark_test *test);

#endif
