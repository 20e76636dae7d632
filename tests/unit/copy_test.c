/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of nf_tables that cannot be copied are refused by name, with the way out. */
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "copy.h"
#include "expr.h"
#include "unit.h"

static void
assert_says(const char *text, const char *what)
{
	assert_non_null(text);
	if (!strstr(text, what))
		fail_msg("\"%s\" does not say \"%s\"", text, what);
}

static void
refuses_what_cannot_be_copied(void **state)
{
	char name[] = "filter", chain_name[] = "INPUT";
	struct table table = { .name = name };
	struct chain chain = { .table = &table, .name = chain_name };
	struct expr exprs[] = { { .kind = EXPR_MATCH, .set = "tcp" },
				{ .kind = EXPR_MATCH, .set = "multiport" } };
	struct rule rule = { .chain = &chain, .v = exprs, .n = 2 };

	(void)state;
	assert_null(copy_refusal(&rule));
	exprs[1].set = "geoip";
	assert_says(copy_refusal(&rule), "the xtables geoip extension");
	assert_says(copy_refusal(&rule), "use an ipset");
	assert_says(copy_refusal(&rule), "iptables-legacy");
	exprs[1].set = "tcp";
	table.flags = NFT_TABLE_F_OWNER;
	assert_says(copy_refusal(&rule), "`flags owner`");
	assert_says(copy_refusal(&rule), "firewall-cmd");
	assert_says(copy_refusal(&rule), "NftablesTableOwner=no");
	table.flags = 0;
	chain.flags = NFT_CHAIN_BINDING;
	assert_says(copy_refusal(&rule), "give the chain a name");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_cannot_be_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
