/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xtables-addons' geoip match, in the bytes that a kernel with xt_geoip would give: the usual ones
 * do not have it. In iptables-legacy's tables such a rule is read and copied with all its bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "legacy_entries.h"
#include "legacy_mark.h"

/* struct xt_geoip_match_info of xt_geoip.h; mem: in what the kernel gives, its own pointers. */
struct geoip {
	uint8_t flags, count;
	uint16_t country[15];
	uint64_t mem[15];
};
#define SOURCE 1
#define DESTINATION 2
#define INVERTED 4
#define COUNTRY(a, b) (uint16_t)((a) << 8 | (b))

enum {
	GEO,
	INPUT_END,
	FORWARD_END,
	OUTPUT_END,
	END,
	ENTRIES
};

static const char *
no_set(void *data, uint16_t index)
{
	(void)data;
	(void)index;
	return NULL;
}

/* INPUT { -m geoip ... -j DROP }, FORWARD {}, OUTPUT {} */
static struct blob
blob_with(enum family family, const struct geoip *geoip)
{
	const struct new_rule rule = { .matches = { { "geoip", 1, geoip, sizeof(*geoip) } },
				       .n = 1 };
	struct new_entry entries[ENTRIES] = {
		[GEO] = entry_returning(family, &rule), [END] = entry_head(family, XT_ERROR_TARGET)
	};
	uint32_t at[ENTRIES + 1];
	struct blob blob;

	for (unsigned i = 0; i < ENTRIES; i++) {
		if (!entries[i].bytes)
			entries[i] = entry_return(family);
		assert_non_null(entries[i].bytes);
		if (i != END)
			put_verdict(&entries[i], family, -(i == GEO ? NF_DROP : NF_ACCEPT) - 1);
	}
	find_offsets(at, entries, ENTRIES);
	blob = blob_of_take(family, entries, at, ENTRIES);
	put_hook(&blob, NF_INET_LOCAL_IN, at[GEO], at[INPUT_END]);
	put_hook(&blob, NF_INET_FORWARD, at[FORWARD_END], at[FORWARD_END]);
	put_hook(&blob, NF_INET_LOCAL_OUT, at[OUTPUT_END], at[OUTPUT_END]);
	return blob;
}

static struct legacy_table *
table_with(enum family family, const struct geoip *geoip)
{
	struct blob blob = blob_with(family, geoip);
	struct err e = ERR_INIT;
	struct legacy_table *table = table_read_take(&blob, no_set, NULL, &e);

	if (!table)
		fail_msg("%s", e.msg);
	return table;
}

static const struct geoip russia_china = { .flags = SOURCE,
					   .count = 2,
					   .country = { COUNTRY('R', 'U'), COUNTRY('C', 'N') },
					   .mem = { 0xffff888012345678, 0xffff888012345600 } };

static void
in_iptables_words(void **state)
{
	struct geoip inverted = russia_china, many = russia_china, to = russia_china;
	const struct {
		const struct geoip *geoip;
		const char *words;
	} rows[] = {
		{ &russia_china, "-m geoip --source-country RU,CN -j DROP" },
		{ &inverted, "-m geoip ! --source-country RU -j DROP" },
		{ &to, "-m geoip --destination-country RU,CN -j DROP" },
		{ &many, "-m geoip --source-country "
			 "A1,A1,A1,A1,A1,A1,A1,A1,A1,A1,A1,A1,A1,A1,A1 -j DROP" },
	};

	(void)state;
	inverted.flags |= INVERTED;
	inverted.count = 1;
	to.flags = DESTINATION;
	many.count = 15;
	for (unsigned i = 0; i < 15; i++)
		many.country[i] = COUNTRY('A', '1');
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct legacy_table *table = table_with(FAMILY_IPV4, rows[i].geoip);

		assert_true(save_words(&table->save, 0));
		assert_string_equal(table->save.rules[0].spec, rows[i].words);
		table_put(table);
	}
}

/* Proof of a geo-block by itself, whatever else there is. */
static void
is_of_countries(void **state)
{
	(void)state;
	for (enum family family = 0; family < FAMILIES; family++) {
		struct legacy_table *table = table_with(family, &russia_china);
		struct rule rule;

		assert_true(save_words(&table->save, 0));
		rule_read(&rule, &table->save, 0);
		assert_int_equal(rule.source, RULE_COUNTRY);
		assert_int_equal(rule.target, RULE_DENY);
		assert_true(rule.whole && !rule.odd);
		table_put(table);
	}
}

/* In a chain of ours: what the kernel checks again are the countries, which the old table holds. */
static void
is_copied_with_all_its_bytes(void **state)
{
	(void)state;
	for (enum family family = 0; family < FAMILIES; family++) {
		struct legacy_table *table = table_with(family, &russia_china);
		const struct xt_entry_match *match = blob_match(&table->blob, GEO, NULL);
		struct new_entry copy = entry_copy(table, GEO);

		assert_string_equal(match->u.user.name, "geoip");
		assert_non_null(copy.bytes);
		assert_int_equal(copy.size, table->blob.entries[GEO].size);
		assert_memory_equal(match->data, &russia_china, sizeof(russia_china));
		assert_memory_equal(
			copy.bytes + ((const unsigned char *)match - blob_bytes(&table->blob, GEO)),
			match, match->u.match_size);
		free(copy.bytes);
		table_put(table);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_iptables_words),
		cmocka_unit_test(is_of_countries),
		cmocka_unit_test(is_copied_with_all_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
