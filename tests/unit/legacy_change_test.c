/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables in the kernel's bytes: what is believed of them, and where everything is after a change.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_entries.h"

/* --- a table: INPUT { a, jump X, b }, FORWARD {}, OUTPUT {}, X { c, on } --- */

enum {
	INPUT_A,
	INPUT_JUMP,
	INPUT_B,
	INPUT_END,
	FORWARD_END,
	OUTPUT_END,
	X_HEAD,
	X_C,
	X_ON,
	X_END,
	END,
	ENTRIES,
};

static const char *
no_set(void *data, uint16_t index)
{
	(void)data;
	return index == 7 ? "geo" : NULL;
}

/* An entry of our own makers, with this verdict and number of packets. */
static struct new_entry
entry_with(enum family family, int verdict, uint64_t packets)
{
	struct new_entry entry = entry_return(family);

	assert_non_null(entry.bytes);
	put_verdict(&entry, family, verdict);
	xt_counters_of(family, entry.bytes)->pcnt = packets;
	return entry;
}

static struct blob
blob_of(enum family family)
{
	struct new_entry entries[ENTRIES];
	uint32_t at[ENTRIES + 1];
	struct blob blob;

	for (unsigned i = 0; i < ENTRIES; i++)
		entries[i] = entry_with(family, -NF_DROP - 1, i + 1);
	for (unsigned i = INPUT_END; i <= OUTPUT_END; i++)
		put_verdict(&entries[i], family, -NF_ACCEPT - 1);
	put_verdict(&entries[X_END], family, XT_RETURN);
	free(entries[X_HEAD].bytes);
	free(entries[END].bytes);
	entries[X_HEAD] = entry_head(family, "X");
	entries[END] = entry_head(family, XT_ERROR_TARGET);
	find_offsets(at, entries, ENTRIES);
	put_verdict(&entries[INPUT_JUMP], family, (int)at[X_C]);
	put_verdict(&entries[X_ON], family, (int)at[X_END]);
	blob = blob_of_take(family, entries, at, ENTRIES);
	put_hook(&blob, NF_INET_LOCAL_IN, at[INPUT_A], at[INPUT_END]);
	put_hook(&blob, NF_INET_FORWARD, at[FORWARD_END], at[FORWARD_END]);
	put_hook(&blob, NF_INET_LOCAL_OUT, at[OUTPUT_END], at[OUTPUT_END]);
	return blob;
}

static struct legacy_table *
table_of(enum family family)
{
	struct blob blob = blob_of(family);
	struct err e = ERR_INIT;
	struct legacy_table *table = table_read_take(&blob, no_set, NULL, &e);

	if (!table)
		fail_msg("%s", e.msg);
	return table;
}

/* What the kernel would be told, read as what it would tell. */
static struct legacy_table *
made_of(struct change *change, struct replacement *made)
{
	struct blob blob = { .family = change->table->blob.family };
	struct err e = ERR_INIT;
	struct legacy_table *table;

	if (change_make(made, change, "filter", &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(made->request->name, "filter");
	blob.hooks = made->request->valid_hooks;
	blob.size = made->request->size;
	blob.bytes = malloc(blob.size);
	assert_non_null(blob.bytes);
	memcpy(blob.bytes, (unsigned char *)made->request + sizeof(*made->request), blob.size);
	memcpy(blob.entry, made->request->hook_entry, sizeof(blob.entry));
	memcpy(blob.policy, made->request->underflow, sizeof(blob.policy));
	table = table_read_take(&blob, no_set, NULL, &e);
	if (!table)
		fail_msg("%s", e.msg);
	assert_int_equal(made->request->num_entries, table->blob.n);
	assert_int_equal(made->n, table->blob.n);
	assert_int_equal(made->request->num_counters, change->table->blob.n);
	return table;
}

/* "INPUT: -j DROP; -j X; ..." */
static void
assert_rules(const struct legacy_table *table, const char *chain, const char *rules)
{
	const struct save *save = &table->save;
	size_t c = save_chain(save, chain);
	char text[512] = "";

	assert_true(c != SAVE_NONE);
	for (size_t i = 0; i < save->chains[c].n; i++) {
		assert_true(save_words(save, save->chains[c].first + i));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? "; " : "",
			 save->rules[save->chains[c].first + i].spec);
	}
	assert_string_equal(text, rules);
}

/* --- tests --- */

static void
reads_a_table(void **state)
{
	(void)state;
	for (enum family family = 0; family < FAMILIES; family++) {
		struct legacy_table *table = table_of(family);
		const struct save *save = &table->save;

		assert_int_equal(save->n_chains, 4);
		assert_rules(table, "INPUT", "-j DROP; -j X; -j DROP");
		assert_rules(table, "X", "-j DROP; ");
		assert_string_equal(save->chains[0].policy, "ACCEPT");
		assert_int_equal(save->chains[0].packets, INPUT_END + 1);
		assert_null(save->chains[3].policy);
		assert_int_equal(save->rules[1].packets, INPUT_JUMP + 1);
		assert_int_equal(table_rule(table, 4), X_ON);
		assert_int_equal(table_head(table, 3), X_HEAD);
		assert_int_equal(table_foot(table, 3), X_END);
		table_put(table);
	}
}

static void
moves_offsets_and_counters(void **state)
{
	(void)state;
	for (enum family family = 0; family < FAMILIES; family++) {
		struct legacy_table *table = table_of(family), *now;
		struct replacement made;
		struct change change;
		struct new_entry rules[2], jump, first;

		change_begin(&change, table);
		rules[0] = entry_with(family, XT_RETURN, 0);
		rules[1] = entry_copy(table, INPUT_A);
		jump = entry_jump(family, change_chain_take(&change, "GP", rules, 2));
		change_insert_take(&change, INPUT_A, &jump);
		change_drop(&change, INPUT_A);
		/* In front of what a jump leads to: the jump leads there. */
		first = entry_with(family, -NF_ACCEPT - 1, 0);
		change_insert_take(&change, X_C, &first);
		now = made_of(&change, &made);
		assert_rules(now, "INPUT", "-j GP; -j X; -j DROP");
		assert_rules(now, "GP", "-j RETURN; -j DROP");
		assert_rules(now, "X", "-j ACCEPT; -j DROP; ");
		/* Before X, whose name is later; its head, its two rules, its end. */
		assert_int_equal(table_head(now, 3), X_HEAD);
		assert_string_equal(now->save.chains[3].name, "GP");
		assert_true(made.counters[INPUT_A] == BLOB_NONE);
		assert_int_equal(made.counters[INPUT_END], INPUT_END);
		assert_int_equal(made.counters[X_HEAD + 2], INPUT_A);
		assert_int_equal(made.counters[made.n - 1], END);
		replacement_fini(&made);
		change_fini(&change);
		table_put(now);
		table_put(table);
	}
}

static void
takes_a_chain_away(void **state)
{
	struct legacy_table *table = table_of(FAMILY_IPV4), *now;
	struct replacement made;
	struct change change;

	(void)state;
	change_begin(&change, table);
	assert_true(change_is_empty(&change));
	change_drop(&change, INPUT_JUMP);
	for (size_t i = X_HEAD; i <= X_END; i++)
		change_drop(&change, i);
	assert_false(change_is_empty(&change));
	now = made_of(&change, &made);
	assert_int_equal(now->save.n_chains, 3);
	assert_rules(now, "INPUT", "-j DROP; -j DROP");
	assert_int_equal(made.counters[1], INPUT_B);
	replacement_fini(&made);
	change_fini(&change);
	table_put(now);
	table_put(table);
}

static void
refuses_a_jump_to_nothing(void **state)
{
	struct legacy_table *table = table_of(FAMILY_IPV6);
	struct replacement made;
	struct change change;
	struct err e = ERR_INIT;

	(void)state;
	change_begin(&change, table);
	for (size_t i = X_HEAD; i <= X_END; i++)
		change_drop(&change, i);
	assert_int_equal(change_make(&made, &change, "filter", &e), -1);
	assert_non_null(strstr(e.msg, "still jumped to"));
	change_fini(&change);
	table_put(table);
}

static void
changes_nothing_of_its_own(void **state)
{
	struct legacy_table *table = table_of(FAMILY_IPV4), *now;
	struct replacement made;
	struct change change;

	(void)state;
	change_begin(&change, table);
	now = made_of(&change, &made);
	assert_true(blob_same(&table->blob, now->blob.bytes, now->blob.size));
	assert_memory_equal(table->blob.entry, now->blob.entry, sizeof(now->blob.entry));
	replacement_fini(&made);
	change_fini(&change);
	table_put(now);
	table_put(table);
}

static void
copies_without_the_source(void **state)
{
	struct legacy_table *table = table_of(FAMILY_IPV4), *now;
	struct xt_header h = xt_header_of(FAMILY_IPV4, blob_bytes(&table->blob, INPUT_A));
	const struct new_rule rule = { .proto = IPPROTO_TCP };
	struct replacement made;
	struct change change;
	struct new_entry copy;

	(void)state;
	memcpy(h.source, "\x0a\x00\x00\x00", 4);
	memcpy(h.source_mask, "\xff\x00\x00\x00", 4);
	memcpy(h.address, "\x01\x02\x03\x04", 4);
	memcpy(h.address_mask, "\xff\xff\xff\xff", 4);
	*h.invert = IPT_INV_SRCIP | IPT_INV_DSTIP;
	change_begin(&change, table);
	copy = entry_copy_without(table, INPUT_A, 1, &rule);
	change_insert_take(&change, INPUT_A, &copy);
	now = made_of(&change, &made);
	assert_rules(now, "INPUT",
		     "! -d 1.2.3.4/32 -p tcp -j DROP; ! -s 10.0.0.0/8 ! -d 1.2.3.4/32 -j DROP; "
		     "-j X; -j DROP");
	assert_true(made.counters[0] == BLOB_NONE);
	replacement_fini(&made);
	change_fini(&change);
	table_put(now);
	table_put(table);
}

/* --- what the kernel would not say --- */

static void
refuses(struct blob *blob, const char *why)
{
	struct err e = ERR_INIT;

	assert_null(table_read_take(blob, no_set, NULL, &e));
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, why);
}

static void
refuses_nonsense(void **state)
{
	const uint32_t size =
		(uint32_t)(sizeof(struct ipt_entry) + sizeof(struct xt_standard_target));
	struct blob blob = blob_of(FAMILY_IPV4);

	(void)state;
	blob.size -= 8;
	refuses(&blob, "do not fit");
	blob = blob_of(FAMILY_IPV4);
	blob.size = 40;
	refuses(&blob, "cut off");
	blob = blob_of(FAMILY_IPV4);
	*xt_next_offset(FAMILY_IPV4, blob.bytes) = 0;
	refuses(&blob, "do not fit");
	blob = blob_of(FAMILY_IPV4);
	*xt_target_offset(FAMILY_IPV4, blob.bytes) += 4;
	refuses(&blob, "do not fit");
	blob = blob_of(FAMILY_IPV4);
	((struct xt_standard_target *)(void *)(blob.bytes + size + sizeof(struct ipt_entry)))
		->verdict += 8;
	refuses(&blob, "leads to no entry");
	blob = blob_of(FAMILY_IPV4);
	((struct xt_standard_target *)(void *)(blob.bytes + size + sizeof(struct ipt_entry)))
		->verdict = (int)(INPUT_END * size);
	refuses(&blob, "something other than iptables");
	blob = blob_of(FAMILY_IPV4);
	blob.policy[NF_INET_LOCAL_IN] = 0;
	refuses(&blob, "has no policy");
	blob = blob_of(FAMILY_IPV4);
	blob.entry[NF_INET_LOCAL_OUT] += 8;
	refuses(&blob, "is not there");
	blob = blob_of(FAMILY_IPV4);
	blob.size = 0;
	refuses(&blob, "no end");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_table),
		cmocka_unit_test(moves_offsets_and_counters),
		cmocka_unit_test(takes_a_chain_away),
		cmocka_unit_test(refuses_a_jump_to_nothing),
		cmocka_unit_test(changes_nothing_of_its_own),
		cmocka_unit_test(copies_without_the_source),
		cmocka_unit_test(refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
