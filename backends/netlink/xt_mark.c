/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xt_mark.h"

#include <string.h>

#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_mark.h>

static bool
is_extension(const struct expr *x, enum expr_kind kind, const char *name, size_t len)
{
	return x->kind == kind && strcmp(x->set, name) == 0 && x->a.len >= len;
}

static bool
read_mark(const struct expr *x, struct xt_mark_write *write)
{
	struct xt_mark_tginfo2 info;

	if (!is_extension(x, EXPR_TARGET, "MARK", sizeof(info)) || x->key != 2)
		return false;
	memcpy(&info, x->a.v, sizeof(info));
	*write = (struct xt_mark_write){ .clear = info.mask, .value = info.mark };
	return true;
}

/* Revision 2 may shift what it copies: then which bits come where is not said here. */
static bool
read_connmark(const struct expr *x, struct xt_mark_write *write)
{
	struct xt_connmark_tginfo1 info;
	uint8_t mode;

	if (!is_extension(x, EXPR_TARGET, "CONNMARK", sizeof(info)))
		return false;
	memcpy(&info, x->a.v, sizeof(info));
	mode = info.mode;
	if (x->key == 2) {
		struct xt_connmark_tginfo2 shifted;

		memcpy(&shifted, x->a.v, sizeof(shifted));
		mode = shifted.mode;
	} else if (x->key != 1) {
		return false;
	}
	*write = (struct xt_mark_write){ .ct = mode != XT_CONNMARK_RESTORE,
					 .copied = mode != XT_CONNMARK_SET };
	if (mode == XT_CONNMARK_SET) {
		write->clear = info.ctmask;
		write->value = info.ctmark;
	} else {
		write->clear = write->ct ? info.ctmask : info.nfmask;
		write->keep = write->ct ? info.nfmask : info.ctmask;
	}
	return true;
}

bool
xt_mark_write_of(const struct expr *x, struct xt_mark_write *write)
{
	return read_mark(x, write) || read_connmark(x, write);
}

bool
xt_mark_test_of(const struct expr *x, struct xt_mark_test *test)
{
	struct xt_mark_mtinfo1 mark;
	struct xt_connmark_mtinfo1 connmark;

	if (x->key != 1)
		return false;
	if (is_extension(x, EXPR_MATCH, "mark", sizeof(mark))) {
		memcpy(&mark, x->a.v, sizeof(mark));
		*test = (struct xt_mark_test){ false, mark.invert != 0, mark.mark, mark.mask };
		return true;
	}
	if (is_extension(x, EXPR_MATCH, "connmark", sizeof(connmark))) {
		memcpy(&connmark, x->a.v, sizeof(connmark));
		*test = (struct xt_mark_test){ true, connmark.invert != 0, connmark.mark,
					       connmark.mask };
		return true;
	}
	return false;
}
