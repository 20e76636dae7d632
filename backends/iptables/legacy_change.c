/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_entry.h"

_Static_assert(sizeof(struct ipt_replace) == sizeof(struct ip6t_replace) &&
		       offsetof(struct ipt_replace, counters) ==
			       offsetof(struct ip6t_replace, counters),
	       "ip6_tables is told as ip_tables is");

void
change_begin(struct change *change, const struct legacy_table *table)
{
	*change = (struct change){ .table = table };
	change->dropped = calloc(table->blob.n, sizeof(*change->dropped));
	change->failed = !change->dropped;
}

void
change_fini(struct change *change)
{
	for (size_t i = 0; i < change->n; i++)
		free(change->pieces[i].entry.bytes);
	free(change->pieces);
	free(change->chains);
	free(change->dropped);
	*change = (struct change){ 0 };
}

bool
change_is_empty(const struct change *change)
{
	for (size_t i = 0; !change->failed && i < change->table->blob.n; i++)
		if (change->dropped[i])
			return false;
	return !change->failed && change->n == 0;
}

void
change_drop(struct change *change, size_t entry)
{
	if (!change->failed)
		change->dropped[entry] = true;
}

void
change_insert_take(struct change *change, size_t before, struct new_entry *entry)
{
	struct change_piece *pieces = reallocarray(change->pieces, change->n + 1, sizeof(*pieces));

	if (pieces)
		change->pieces = pieces;
	if (!pieces || !entry->bytes) {
		change->failed = true;
		free(entry->bytes);
	} else {
		pieces[change->n++] = (struct change_piece){ .before = before, .entry = *entry };
	}
	entry->bytes = NULL;
}

/* iptables keeps chains in the order of their names: before the head of the first that is later. */
static size_t
place_of_chain(const struct legacy_table *table, const char *name)
{
	const struct save *save = &table->save;

	for (size_t i = 0; i < save->n_chains; i++)
		if (!save->chains[i].policy && strcmp(save->chains[i].name, name) > 0)
			return table_head(table, i);
	return table->blob.n - 1;
}

size_t
change_chain_take(struct change *change, const char *name, struct new_entry *rules, size_t n)
{
	const enum family family = change->table->blob.family;
	const size_t before = place_of_chain(change->table, name);
	size_t *chains = reallocarray(change->chains, change->n_chains + 1, sizeof(*chains));
	struct new_entry head = entry_head(family, name), foot = entry_return(family);

	change_insert_take(change, before, &head);
	if (chains) {
		change->chains = chains;
		chains[change->n_chains++] = change->n;
	} else {
		change->failed = true;
	}
	for (size_t i = 0; i < n; i++)
		change_insert_take(change, before, &rules[i]);
	change_insert_take(change, before, &foot);
	return change->n_chains - 1;
}

/* --- making --- */

struct maker {
	struct change *change;
	struct replacement *made;
	unsigned char *out; /* the first entry that is made */
	uint32_t *before;   /* by entry: the offset of what stands in front of it, or of itself */
	uint32_t *self;     /* its own, or of what follows */
	size_t *order;      /* the pieces, by where they stand */
};

/* Stable: those before the same entry stay in the order in which they came. */
static void
sort_pieces(struct maker *m)
{
	const struct change *c = m->change;

	for (size_t i = 0; i < c->n; i++) {
		size_t at = i;

		for (; at > 0 && c->pieces[m->order[at - 1]].before > c->pieces[i].before; at--)
			m->order[at] = m->order[at - 1];
		m->order[at] = i;
	}
}

/* Where everything will be; returns the size of it all. */
static size_t
place_all(struct maker *m)
{
	struct change *c = m->change;
	const struct blob *blob = &c->table->blob;
	size_t offset = 0, next = 0;

	m->made->n = 0;
	for (size_t i = 0; i < blob->n; i++) {
		m->before[i] = (uint32_t)offset;
		for (; next < c->n && c->pieces[m->order[next]].before == i; next++) {
			c->pieces[m->order[next]].offset = (uint32_t)offset;
			offset += c->pieces[m->order[next]].entry.size;
			m->made->n++;
		}
		m->self[i] = (uint32_t)offset;
		offset += c->dropped[i] ? 0 : blob->entries[i].size;
		m->made->n += !c->dropped[i];
	}
	return offset;
}

static void
set_verdict(unsigned char *entry, size_t target, uint32_t verdict)
{
	((struct xt_standard_target *)(void *)(entry + target))->verdict = (int)verdict;
}

/* The offset of an entry that rules lead to; false: it is left out. */
static bool
lead_to(const struct maker *m, size_t entry, uint32_t *offset)
{
	*offset = m->before[entry];
	/* What a chain begins with may have been left out, but not its head. */
	return entry == 0 || !m->change->table->blob.entries[entry - 1].head ||
	       !m->change->dropped[entry - 1];
}

static bool
put_kept(struct maker *m, size_t i, size_t n)
{
	const struct blob *blob = &m->change->table->blob;
	const struct blob_entry *entry = &blob->entries[i];
	unsigned char *out = m->out + m->self[i];
	uint32_t to;

	memcpy(out, blob_bytes(blob, i), entry->size);
	m->made->counters[n] = i;
	if (entry->to == BLOB_NONE)
		return true;
	if (entry->to == i + 1)
		to = m->self[i] + entry->size;
	else if (!lead_to(m, entry->to, &to))
		return false;
	set_verdict(out, entry->target, to);
	return true;
}

static bool
put_new(struct maker *m, const struct change_piece *piece, size_t n)
{
	const struct change *c = m->change;
	const struct new_entry *entry = &piece->entry;
	unsigned char *out = m->out + piece->offset;
	uint32_t to = piece->offset + (uint32_t)entry->size;

	memcpy(out, entry->bytes, entry->size);
	m->made->counters[n] = entry->counters;
	if (entry->lead == LEAD_NONE)
		return true;
	if (entry->lead == LEAD_CHAIN)
		to = c->pieces[c->chains[entry->to]].offset;
	else if (entry->lead == LEAD_ENTRY && !lead_to(m, entry->to, &to))
		return false;
	set_verdict(out, *xt_target_offset(c->table->blob.family, out), to);
	return true;
}

static bool
put_all(struct maker *m)
{
	struct change *c = m->change;
	size_t next = 0, n = 0;

	for (size_t i = 0; i < c->table->blob.n; i++) {
		for (; next < c->n && c->pieces[m->order[next]].before == i; next++)
			if (!put_new(m, &c->pieces[m->order[next]], n++))
				return false;
		if (!c->dropped[i] && !put_kept(m, i, n++))
			return false;
	}
	return true;
}

static void
fill_in(struct maker *m, const char *name, size_t size)
{
	const struct blob *blob = &m->change->table->blob;
	struct ipt_replace *request = m->made->request;

	snprintf(request->name, sizeof(request->name), "%s", name);
	request->valid_hooks = blob->hooks;
	request->num_entries = (unsigned)m->made->n;
	request->size = (unsigned)size;
	request->num_counters = (unsigned)blob->n;
	for (unsigned hook = 0; hook < NF_INET_NUMHOOKS; hook++) {
		if (!(blob->hooks & 1u << hook))
			continue;
		request->hook_entry[hook] = m->before[blob_at(blob, blob->entry[hook])];
		request->underflow[hook] = m->self[blob_at(blob, blob->policy[hook])];
	}
}

static int
make(struct maker *m, const char *name, struct err *e)
{
	struct replacement *made = m->made;
	size_t size;

	sort_pieces(m);
	size = place_all(m);
	if (size > INT32_MAX)
		return err_set(e, ERR_FAILED, "the table would be longer than the kernel allows");
	made->size = sizeof(*made->request) + size;
	made->n_before = m->change->table->blob.n;
	made->request = calloc(1, made->size);
	made->counters = calloc(made->n + 1, sizeof(*made->counters));
	if (!made->request || !made->counters)
		return err_set(e, ERR_FAILED, "out of memory");
	m->out = (unsigned char *)made->request + sizeof(*made->request);
	if (!put_all(m))
		return err_set(e, ERR_FAILED, "a chain that is to be removed is still jumped to");
	fill_in(m, name, size);
	return 0;
}

int
change_make(struct replacement *made, struct change *change, const char *name, struct err *e)
{
	const size_t n = change->table->blob.n;
	struct maker m = { .change = change, .made = made };
	int rc;

	*made = (struct replacement){ 0 };
	m.before = calloc(n, sizeof(*m.before));
	m.self = calloc(n, sizeof(*m.self));
	m.order = calloc(change->n + 1, sizeof(*m.order));
	if (change->failed || !m.before || !m.self || !m.order)
		rc = err_set(e, ERR_FAILED, "out of memory");
	else
		rc = make(&m, name, e);
	if (rc < 0)
		replacement_fini(made);
	free(m.before);
	free(m.self);
	free(m.order);
	return rc;
}

void
replacement_take(struct replacement *made, enum family family, struct blob *blob)
{
	struct ipt_replace *request = made->request;

	*blob = (struct blob){ .family = family,
			       .hooks = request->valid_hooks,
			       .bytes = (unsigned char *)request,
			       .size = request->size };
	memcpy(blob->entry, request->hook_entry, sizeof(blob->entry));
	memcpy(blob->policy, request->underflow, sizeof(blob->policy));
	memmove(blob->bytes, blob->bytes + sizeof(*request), blob->size);
	made->request = NULL;
}

void
replacement_fini(struct replacement *made)
{
	free(made->request);
	free(made->counters);
	*made = (struct replacement){ 0 };
}
