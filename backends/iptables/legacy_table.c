/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_table.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_PER_BYTE 8 /* no match's words are longer than that, but for short ones: */
#define TEXT_PER_ENTRY 256
#define TWIN_REACH 8 /* entries that come or go in one place */

static const char *const hook_chains[NF_INET_NUMHOOKS] = {
	[NF_INET_PRE_ROUTING] = "PREROUTING",   [NF_INET_LOCAL_IN] = "INPUT",
	[NF_INET_FORWARD] = "FORWARD",          [NF_INET_LOCAL_OUT] = "OUTPUT",
	[NF_INET_POST_ROUTING] = "POSTROUTING",
};

struct reader {
	struct legacy_table *table;
	size_t *chain_of; /* by entry: the chain that begins with it, or SAVE_NONE */
	struct words words;
	size_t twin; /* the entry of table->like that is likely to be the next one's */
	struct err *e;
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
bad_table(struct reader *r, size_t entry, const char *what)
{
	const struct blob *blob = &r->table->blob;

	return err_set(
		r->e, ERR_FAILED,
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

static void
add_chain(struct reader *r, size_t first, const char *name, bool is_hooks)
{
	struct save *s = &r->table->save;

	r->chain_of[first] = s->n_chains;
	r->table->first[s->n_chains] = first;
	s->chains[s->n_chains++] =
		(struct save_chain){ .name = name, .policy = is_hooks ? "" : NULL };
}

static int
read_heads(struct reader *r)
{
	const struct blob *blob = &r->table->blob;

	for (size_t i = 0; i < blob->n; i++)
		r->chain_of[i] = SAVE_NONE;
	for (size_t i = 0; i + 1 < blob->n; i++) {
		int hook = hook_of(blob, i);

		if (hook >= 0) {
			add_chain(r, i, hook_chains[hook], true);
		} else if (blob->entries[i].head) {
			if (blob->entries[i + 1].head || hook_of(blob, i + 1) >= 0)
				return bad_table(r, i, "a chain has no end");
			add_chain(r, i + 1, head_name(blob, i), false);
			i++;
		} else if (i == 0) {
			return bad_table(r, i, "a rule is in no chain");
		}
	}
	return 0;
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
read_foot(struct reader *r, size_t chain)
{
	struct legacy_table *table = r->table;
	const struct blob *blob = &table->blob;
	struct save_chain *c = &table->save.chains[chain];
	size_t foot = chain_end(table, chain) - 1;
	int hook = hook_of(blob, table->first[chain]), verdict;

	if (foot < table->first[chain] || !blob_verdict(blob, foot, &verdict))
		return bad_table(r, foot, "a chain has no end");
	c->n = foot - table->first[chain];
	c->first = table->save.n_rules;
	table->save.n_rules += c->n;
	if (!c->policy)
		return verdict == XT_RETURN ? 0 : bad_table(r, foot, "a chain ends elsewhere");
	c->policy = policy_name(verdict);
	if (!c->policy || blob->policy[hook] != blob->entries[foot].offset)
		return bad_table(r, foot, "a hook's chain has no policy");
	return 0;
}

/* --- rules --- */

/* The chain's name that a rule leads to; *to: it leads on to the next one, or nowhere. */
static int
read_jump(struct reader *r, size_t entry, const char **jump)
{
	const struct blob *blob = &r->table->blob;
	size_t to = blob->entries[entry].to, chain;

	*jump = NULL;
	if (to == BLOB_NONE || to == entry + 1)
		return 0;
	chain = r->chain_of[to];
	if (chain == SAVE_NONE)
		return bad_table(r, entry, "a jump leads into the middle of a chain");
	*jump = r->table->save.chains[chain].name;
	return 0;
}

/* Of what it leads to, words are made each time: only others are looked for. */
static bool
is_twin(const struct legacy_table *table, size_t entry, size_t twin)
{
	const struct blob *a = &table->blob, *b = &table->like->blob;

	return b->entries[twin].to == BLOB_NONE && !b->entries[twin].head &&
	       b->entries[twin].size == a->entries[entry].size &&
	       xt_same_entry(a->family, blob_bytes(a, entry), blob_bytes(b, twin),
			     a->entries[entry].size);
}

/* The same rule in the table that this one is like, not far from where it is expected. */
static const struct save_rule *
find_twin(struct reader *r, size_t entry)
{
	const struct legacy_table *table = r->table, *like = table->like;
	const size_t first = r->twin > TWIN_REACH ? r->twin - TWIN_REACH : 0;

	if (!like || table->blob.entries[entry].to != BLOB_NONE)
		return NULL;
	for (size_t k = 0; k <= 2 * TWIN_REACH; k++) {
		size_t twin = k == 0 ? r->twin : first + k - 1;

		if (twin >= like->blob.n || !like->rule_at[twin] || !is_twin(table, entry, twin))
			continue;
		r->twin = twin;
		return &like->save.rules[like->rule_at[twin] - 1];
	}
	return NULL;
}

static bool
copy_words(struct reader *r, struct save_rule *rule, const struct save_rule *twin)
{
	rule->spec = twin->spec;
	rule->odd = twin->odd;
	rule->n = twin->n;
	return words_copy(&r->words, &r->table->like->save.tokens[twin->first], twin->n);
}

static int
read_rule(struct reader *r, size_t chain, unsigned number)
{
	struct legacy_table *table = r->table;
	struct words *w = &r->words;
	const struct save_chain *c = &table->save.chains[chain];
	struct save_rule *rule = &table->save.rules[c->first + number - 1];
	const char *spec = w->text, *jump;
	size_t entry = table->first[chain] + number - 1;
	const struct save_rule *twin = find_twin(r, entry);

	*rule = (struct save_rule){ .chain = chain, .number = number, .spec = spec, .first = w->n };
	table->rule_at[entry] = (uint32_t)(rule - table->save.rules) + 1;
	r->twin++;
	if (twin && copy_words(r, rule, twin))
		return 0;
	if (read_jump(r, entry, &jump) < 0)
		return -1;
	w->begun = w->odd = false;
	words_rule(w, &table->blob, entry, jump);
	if (w->failed || w->text == w->text_end)
		return err_set(r->e, ERR_FAILED, "out of memory while reading a table");
	*w->text++ = '\0';
	rule->n = w->n - rule->first;
	rule->odd = w->odd;
	return 0;
}

static int
read_rules(struct reader *r)
{
	struct legacy_table *table = r->table;
	struct save *s = &table->save;
	size_t room = table->blob.size * TEXT_PER_BYTE + table->blob.n * TEXT_PER_ENTRY;

	s->rules = calloc(s->n_rules + 1, sizeof(*s->rules));
	s->text = r->words.text = malloc(room);
	s->unquoted = r->words.plain = malloc(room);
	if (!s->rules || !s->text || !s->unquoted)
		return err_set(r->e, ERR_FAILED, "out of memory while reading a table");
	r->words.text_end = s->text + room;
	r->words.plain_end = s->unquoted + room;
	for (size_t chain = 0; chain < s->n_chains; chain++)
		for (unsigned i = 1; i <= s->chains[chain].n; i++)
			if (read_rule(r, chain, i) < 0)
				return -1;
	return 0;
}

static int
read_table(struct reader *r)
{
	struct legacy_table *table = r->table;
	struct save *s = &table->save;

	table->first = calloc(table->blob.n, sizeof(*table->first));
	table->rule_at = calloc(table->blob.n, sizeof(*table->rule_at));
	s->chains = calloc(table->blob.n, sizeof(*s->chains));
	r->chain_of = calloc(table->blob.n, sizeof(*r->chain_of));
	if (!table->first || !table->rule_at || !s->chains || !r->chain_of)
		return err_set(r->e, ERR_FAILED, "out of memory while reading a table");
	if (read_heads(r) < 0)
		return -1;
	for (size_t chain = 0; chain < s->n_chains; chain++)
		if (read_foot(r, chain) < 0)
			return -1;
	return read_rules(r);
}

struct legacy_table *
table_read_take(struct blob *blob, struct legacy_table *like, set_name_fn set_name, void *sets,
		struct err *e)
{
	struct legacy_table *table = calloc(1, sizeof(*table));
	struct reader r = { .table = table, .e = e };
	int rc;

	if (!table) {
		blob_fini(blob);
		err_set(e, ERR_FAILED, "out of memory while reading a table");
		return NULL;
	}
	table->holders = 1;
	/* Of each other only once: no table keeps a long row of earlier ones. */
	if (like && !like->like)
		table->like = table_hold(like);
	table->blob = *blob;
	*blob = (struct blob){ 0 };
	r.words =
		(struct words){ .family = table->blob.family, .set_name = set_name, .sets = sets };
	rc = blob_read(&table->blob, e) < 0 ? -1 : read_table(&r);
	table->save.tokens = r.words.tokens;
	table->save.n_tokens = r.words.n;
	free(r.chain_of);
	if (rc == 0) {
		table_count(table, table->blob.bytes);
		return table;
	}
	table_put(table);
	return NULL;
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
	struct save save = table->save;

	save.table = table;
	return save;
}

void
table_put(struct legacy_table *table)
{
	if (!table || --table->holders > 0)
		return;
	save_fini(&table->save);
	blob_fini(&table->blob);
	free(table->first);
	free(table->rule_at);
	table_put(table->like);
	free(table);
}
