/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_save.h"

#include <string.h>

#include "legacy_table.h"

size_t
save_chain(const struct save *save, const char *name)
{
	for (size_t i = 0; i < save->n_chains; i++)
		if (!strcmp(save->chains[i].name, name))
			return i;
	return SAVE_NONE;
}

bool
save_words(const struct save *save, size_t rule)
{
	return save->rules[rule].spec || table_words(save->table, rule);
}

bool
save_failed(const struct save *save)
{
	return save->table && save->table->words.failed;
}

void
save_fini(struct save *save)
{
	table_put(save->table);
	*save = (struct save){ 0 };
}
