/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables of iptables-nft. Its tools show a table only as long as they know every expression in it,
 * and save what they show: nothing may be put there that they would save as another rule, or that
 * would hide the table from them.
 */
#ifndef GEOPAUSE_NETLINK_IPTABLES_H
#define GEOPAUSE_NETLINK_IPTABLES_H

#include "ruleset.h"

/*
 * Did iptables make this table (which is loaded)? By its name, by base chains with the names,
 * hooks and priorities of iptables', and by holding nothing that iptables cannot show.
 */
bool table_is_iptables(const struct ruleset *rs, const struct table *table);
/* Has it a base chain of iptables, whatever else is in it? */
bool table_has_builtin(const struct ruleset *rs, const struct table *table);

#endif
