/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_table.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_PER_BYTE 8 /* no match's words are longer than that, but for short ones: */
#define TEXT_PER_ENTRY 256

static const char *const hook_chains[NF_INET_NUMHOOKS] = {
	[NF_INET_PRE_ROUTING] = "PREROUTING",   [NF_INET_LOCAL_IN] = "INPUT",
	[NF_INET_FORWARD] = "FORWARD",          [NF_INET_LOCAL_OUT] = "OUTPUT",
	[NF_INET_POST_ROUTING] = "POSTROUTING",
};

size_t
table_rule(const struct legacy_table *table, size_t rule)
{
	const struct save_rule *r = &table->save.rules[rule];

	return table->first[r->chain] + r->number - 1;
}

size_t
table_head(const struct legacy_table *table, size_t chain)
{
	return table->save.chains[chain].policy ? BLOB_NONE : table->first[chain] - 1;
}

size_t
table_foot(const struct legacy_table *table, size_t chain)
{
	return table->first[chain] + table->save.chains[chain].n;
}

static int
bad_table(const struct blob *blob, size_t entry, const char *what, struct err *e)
{
	return err_set(
		e, ERR_FAILED,
		"the kernel's table, %s, offset %u: %s: something other than iptables made it",
		family_names[blob->family], blob->entries[entry].offset, what);
}

/* --- chains --- */

/* The hook whose chain begins with this entry; -1: none. */
static int
hook_of(const struct blob *blob, size_t i)
{
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (blob->hooks & 1u << hook && blob->entry[hook] == blob->entries[i].offset)
			return hook;
	return -1;
}

static const char *
head_name(const struct blob *blob, size_t i)
{
	return ((const struct xt_error_target *)(void *)blob_target(blob, i))->errorname;
}

static const char *
policy_name(int verdict)
{
	if (verdict == -NF_ACCEPT - 1)
		return "ACCEPT";
	return verdict == -NF_DROP - 1 ? "DROP" : NULL;
}

/* Of the chain that begins with this entry; NULL: none does. */
static const char *
chain_name(const struct blob *blob, size_t first)
{
	int hook = hook_of(blob, first);

	if (hook >= 0)
		return hook_chains[hook];
	if (first == 0 || !blob->entries[first - 1].head || hook_of(blob, first - 1) >= 0)
		return NULL;
	return head_name(blob, first - 1);
}

static void
add_chain(struct legacy_table *table, size_t first, const char *name, bool is_hooks)
{
	struct save *s = &table->save;

	table->first[s->n_chains] = first;
	s->chains[s->n_chains++] =
		(struct save_chain){ .name = name, .policy = is_hooks ? "" : NULL };
}

static int
read_heads(struct legacy_table *table, struct err *e)
{
	const struct blob *blob = &table->blob;
	unsigned hooks = 0;

	for (size_t i = 0; i + 1 < blob->n; i++) {
		int hook = hook_of(blob, i);

		if (hook >= 0 && !blob->entries[i].head) {
			add_chain(table, i, hook_chains[hook], true);
			hooks |= 1u << hook;
		} else if (blob->entries[i].head) {
			if (blob->entries[i + 1].head || hook_of(blob, i + 1) >= 0)
				return bad_table(blob, i, "a chain has no end", e);
			add_chain(table, i + 1, head_name(blob, i), false);
			i++;
		} else if (i == 0) {
			return bad_table(blob, i, "a rule is in no chain", e);
		}
	}
	return hooks == blob->hooks ? 0 : bad_table(blob, 0, "a hook has no chain of its own", e);
}

/* The entry after the chain's last one. */
static size_t
chain_end(const struct legacy_table *table, size_t chain)
{
	const struct save *s = &table->save;

	if (chain + 1 == s->n_chains)
		return table->blob.n - 1;
	return table->first[chain + 1] - (s->chains[chain + 1].policy ? 0 : 1);
}

/* A chain ends with its policy, or with a return. */
static int
read_foot(struct legacy_table *table, size_t chain, struct err *e)
{
	const struct blob *blob = &table->blob;
	struct save_chain *c = &table->save.chains[chain];
	size_t foot = chain_end(table, chain) - 1;
	int hook = hook_of(blob, table->first[chain]), verdict;

	if (foot < table->first[chain] || !blob_verdict(blob, foot, &verdict))
		return bad_table(blob, foot, "a chain has no end", e);
	c->n = foot - table->first[chain];
	c->first = table->save.n_rules;
	table->save.n_rules += c->n;
	if (!c->policy)
		return verdict == XT_RETURN ? 0
					    : bad_table(blob, foot, "a chain ends elsewhere", e);
	c->policy = policy_name(verdict);
	if (!c->policy || blob->policy[hook] != blob->entries[foot].offset)
		return bad_table(blob, foot, "a hook's chain has no policy", e);
	return 0;
}

/* --- rules --- */

/* It leads on to the next one, or nowhere. */
static bool
is_jump(const struct blob *blob, size_t entry)
{
	return blob->entries[entry].to != BLOB_NONE && blob->entries[entry].to != entry + 1;
}

/* Matches in whose words there are numbers, and names that are not the administrator's. */
static bool
is_bare_match(const char *name)
{
	static const char *const names[] = { "tcp", "udp", "multiport", "conntrack", "state" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* *comment: it has one. */
static bool
has_bare_matches(const struct blob *blob, size_t entry, bool *comment)
{
	bool bare = true;

	*comment = false;
	for (const struct xt_entry_match *match = NULL; (match = blob_match(blob, entry, match));) {
		const char *name = match->u.user.name;

		bare = bare && is_bare_match(name);
		*comment |= !bare && !strcmp(name, "comment");
	}
	return bare;
}

static bool
is_bare_name(const char *interface)
{
	for (size_t i = 0; i < IFNAMSIZ && interface[i]; i++)
		if ((unsigned char)interface[i] < 0x20)
			return false;
	return true;
}

static bool
is_bare(const struct blob *blob, size_t entry)
{
	const struct xt_header header = xt_header_of(blob->family, blob_bytes(blob, entry));
	int verdict;

	return blob_verdict(blob, entry, &verdict) &&
	       (policy_name(verdict) || verdict == XT_RETURN) && is_bare_name(header.iniface) &&
	       is_bare_name(header.outiface);
}

static int
read_rule(struct legacy_table *table, size_t chain, unsigned number, struct err *e)
{
	const struct blob *blob = &table->blob;
	const size_t entry = table->first[chain] + number - 1;
	const bool jump = is_jump(blob, entry);
	bool comment, bare = has_bare_matches(blob, entry, &comment);

	if (jump && !chain_name(blob, blob->entries[entry].to))
		return bad_table(blob, entry, "a jump leads into the middle of a chain", e);
	table->save.rules[table->save.chains[chain].first + number - 1] = (struct save_rule){
		.chain = chain,
		.number = number,
		.dull = !jump && !comment,
		.bare = bare && is_bare(blob, entry),
	};
	return 0;
}

static int
read_rules(struct legacy_table *table, struct err *e)
{
	struct save *s = &table->save;

	s->rules = calloc(s->n_rules + 1, sizeof(*s->rules));
	if (!s->rules)
		return err_set(e, ERR_FAILED, "out of memory while reading a table");
	for (size_t chain = 0; chain < s->n_chains; chain++)
		for (unsigned i = 1; i <= s->chains[chain].n; i++)
			if (read_rule(table, chain, i, e) < 0)
				return -1;
	return 0;
}

static size_t
count_heads(const struct blob *blob)
{
	size_t n = 0;

	for (size_t i = 0; i < blob->n; i++)
		n += blob->entries[i].head;
	return n;
}

static int
read_table(struct legacy_table *table, struct err *e)
{
	struct save *s = &table->save;

	const size_t room = count_heads(&table->blob) + NF_INET_NUMHOOKS;

	table->first = calloc(room, sizeof(*table->first));
	s->chains = calloc(room, sizeof(*s->chains));
	if (!table->first || !s->chains)
		return err_set(e, ERR_FAILED, "out of memory while reading a table");
	if (read_heads(table, e) < 0)
		return -1;
	for (size_t chain = 0; chain < s->n_chains; chain++)
		if (read_foot(table, chain, e) < 0)
			return -1;
	return read_rules(table, e);
}

struct legacy_table *
table_read_take(struct blob *blob, set_name_fn set_name, void *sets, struct err *e)
{
	struct legacy_table *table = calloc(1, sizeof(*table));

	if (!table) {
		blob_fini(blob);
		err_set(e, ERR_FAILED, "out of memory while reading a table");
		return NULL;
	}
	table->holders = 1;
	table->blob = *blob;
	*blob = (struct blob){ 0 };
	table->words =
		(struct words){ .family = table->blob.family, .set_name = set_name, .sets = sets };
	table->save.table = table;
	if (blob_read(&table->blob, e) < 0 || read_table(table, e) < 0) {
		table_put(table);
		return NULL;
	}
	table_count(table, table->blob.bytes);
	return table;
}

bool
table_words(struct legacy_table *table, size_t rule)
{
	const struct blob *blob = &table->blob;
	const size_t entry = table_rule(table, rule);
	const bool jump = is_jump(blob, entry);

	words_open(&table->words, blob->entries[entry].size * TEXT_PER_BYTE + TEXT_PER_ENTRY);
	words_rule(&table->words, blob, entry,
		   jump ? chain_name(blob, blob->entries[entry].to) : NULL);
	return words_close(&table->words, &table->save.rules[rule]);
}

void
table_count(struct legacy_table *table, const unsigned char *bytes)
{
	struct save *s = &table->save;

	if (bytes != table->blob.bytes)
		memcpy(table->blob.bytes, bytes, table->blob.size);
	for (size_t c = 0; c < s->n_chains; c++) {
		struct save_chain *chain = &s->chains[c];
		struct xt_counters count;

		for (size_t i = 0; i < chain->n; i++) {
			count = blob_counters(&table->blob, table->first[c] + i);
			s->rules[chain->first + i].packets = count.pcnt;
			s->rules[chain->first + i].bytes = count.bcnt;
		}
		count = blob_counters(&table->blob, table_foot(table, c));
		chain->packets = chain->policy ? count.pcnt : 0;
		chain->bytes = chain->policy ? count.bcnt : 0;
	}
}

struct legacy_table *
table_hold(struct legacy_table *table)
{
	table->holders++;
	return table;
}

struct save
table_save_take(struct legacy_table *table)
{
	return table->save;
}

void
table_put(struct legacy_table *table)
{
	if (!table || --table->holders > 0)
		return;
	free(table->save.chains);
	free(table->save.rules);
	words_fini(&table->words);
	blob_fini(&table->blob);
	free(table->first);
	free(table);
}
