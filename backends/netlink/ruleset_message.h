/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between ruleset.c, which asks, and ruleset_message.c, which understands the answers. */
#ifndef GEOPAUSE_RULESET_MESSAGE_H
#define GEOPAUSE_RULESET_MESSAGE_H

#include "ruleset.h"

/* One message with elements of the set (data). */
int ruleset_take_elements(const struct nlmsghdr *nlh, void *data, struct err *e);

/* NULL is nothing to free. */
void ruleset_table_free(struct table *table);
void ruleset_chain_free(struct chain *chain);
void ruleset_set_free(struct set *set);

#endif
