/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table out of iptables-save's text (iptables-save(8), iptables-restore(8) and their sources:
 * xtables_save_string for the quotes, add_param_to_argv for reading them back), for tests of what
 * decides by such rules: the program itself reads the kernel's bytes.
 */
#ifndef GEOPAUSE_TESTS_SAVE_TEXT_H
#define GEOPAUSE_TESTS_SAVE_TEXT_H

#include "err.h"
#include "legacy_save.h"

struct save_text {
	struct save save;
	/* What its pointers lead to: */
	char *text, *unquoted;
	struct save_token *tokens;
	size_t n_tokens;
};

/*
 * Reads what `iptables-save -c -t TABLE` printed. A line of any other kind is an error, and so is
 * a rule of a chain that is not declared.
 */
int save_text_parse(struct save_text *read, const char *text, size_t len, const char *table,
		    struct err *e);
void save_text_fini(struct save_text *read);

#endif
