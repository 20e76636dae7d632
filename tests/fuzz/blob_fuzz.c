/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever the kernel seems to say of a table of x_tables: no crash, an error in ASCII or a table;
 * and what is made of a table is a table again, with nothing lost.
 *
 * Input: a byte, the family; a byte, the hooks; where each hook's chain begins and where its policy
 * is, 2 * 5 numbers of 4 bytes; the entries.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_entry.h"
#include "legacy_mark.h"
#include "legacy_reach.h"

#define HEAD (2 + 2 * NF_INET_NUMHOOKS * sizeof(uint32_t))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static const char *
set_name(void *data, uint16_t index)
{
	(void)data;
	return index & 1 ? "geo" : NULL;
}

/* What is said of a rule without its words holds with them. */
static void
check_bare(const struct save *save, size_t i)
{
	struct rule rule;

	if (!save->rules[i].bare)
		return;
	rule_read(&rule, save, i);
	MUST(save->rules[i].dull && !rule.odd && !rule.comment && !rule.set);
}

static void
check_rules(const struct save *save)
{
	for (size_t i = 0; i < save->n_rules; i++) {
		const struct save_rule *rule = &save->rules[i];
		const char *at;

		MUST(save_words(save, i));
		at = rule->spec;
		MUST(save->chains[rule->chain].first + rule->number - 1 == i);
		for (size_t k = 0; k < rule->n; k++) {
			const struct save_token *t = &rule->tokens[k];

			MUST(at == t->raw && strlen(t->text) <= t->raw_len);
			at += t->raw_len + (k + 1 < rule->n);
		}
		MUST(*at == '\0');
		check_bare(save, i);
	}
}

static void
check_marks(const struct save *save)
{
	const struct ports ports = challenges_ports(CHALLENGE_DEFAULT);
	struct err e = ERR_INIT;
	struct reach reach;
	struct marks marks;

	MUST(reach_init(&reach, save, &ports, NULL, &e) == 0);
	reach_fini(&reach);
	MUST(marks_find(&marks, save, NULL, &e) == 0);
	marks_fini(&marks);
}

static struct legacy_table *
made_table(struct change *change)
{
	const struct blob *from = &change->table->blob;
	struct legacy_table *table;
	struct replacement made;
	struct blob blob;
	struct err e = ERR_INIT;

	MUST(change_make(&made, change, "filter", &e) == 0);
	replacement_take(&made, from->family, &blob);
	table = table_read_take(&blob, set_name, NULL, &e);
	MUST(table && table->blob.n == made.n);
	replacement_fini(&made);
	return table;
}

/* Every rule in a chain of its own, each with a jump in its place. */
static void
check_change(const struct legacy_table *table)
{
	const struct save *save = &table->save;
	struct legacy_table *made;
	struct change change;

	change_begin(&change, table);
	for (size_t i = 0; i < save->n_rules && i < 8; i++) {
		struct new_entry rule = entry_copy(table, table_rule(table, i)), jump;

		jump = entry_jump(table->blob.family, change_chain_take(&change, "GP", &rule, 1));
		change_insert_take(&change, table_rule(table, i), &jump);
		change_drop(&change, table_rule(table, i));
	}
	made = made_table(&change);
	MUST(made->save.n_rules == save->n_rules + change.n_chains);
	MUST(made->save.n_chains == save->n_chains + change.n_chains);
	table_put(made);
	change_fini(&change);
}

static void
read_head(struct blob *blob, const uint8_t *data)
{
	blob->family = data[0] & 1 ? FAMILY_IPV6 : FAMILY_IPV4;
	blob->hooks = data[1] & ((1u << NF_INET_NUMHOOKS) - 1);
	memcpy(blob->entry, data + 2, sizeof(blob->entry));
	memcpy(blob->policy, data + 2 + sizeof(blob->entry), sizeof(blob->policy));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct legacy_table *table;
	struct blob blob = { 0 };

	if (size <= HEAD)
		return 0;
	read_head(&blob, data);
	blob.size = size - HEAD;
	blob.bytes = malloc(blob.size);
	MUST(blob.bytes);
	memcpy(blob.bytes, data + HEAD, blob.size);
	table = table_read_take(&blob, set_name, NULL, &e);
	if (table) {
		check_rules(&table->save);
		check_marks(&table->save);
		check_change(table);
		table_put(table);
		return 0;
	}
	MUST(e.code == ERR_FAILED);
	for (const char *p = e.msg; *p != '\0'; p++)
		MUST(*p >= 0x20 && *p < 0x7f);
	return 0;
}
