/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include "legacy_entry.h"

#include <linux/netfilter/xt_time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry that grows. */
struct maker {
	enum family family;
	unsigned char *bytes;
	size_t size;
	bool failed;
};

static void *
more(struct maker *m, size_t size)
{
	unsigned char *bytes = m->failed ? NULL : realloc(m->bytes, m->size + size);

	if (!bytes) {
		m->failed = true;
		return NULL;
	}
	m->bytes = bytes;
	m->size += size;
	return memset(bytes + m->size - size, 0, size);
}

static void
add_bytes(struct maker *m, const void *bytes, size_t size)
{
	void *at = more(m, size);

	if (at)
		memcpy(at, bytes, size);
}

static void
add_match(struct maker *m, const struct new_match *new)
{
	const size_t size = XT_ALIGN(sizeof(struct xt_entry_match) + new->size);
	struct xt_entry_match *match = more(m, size);

	if (!match)
		return;
	match->u.match_size = (uint16_t)size;
	snprintf(match->u.user.name, sizeof(match->u.user.name), "%s", new->name);
	match->u.user.revision = new->revision;
	memcpy(match->data, new->data, new->size);
}

static void
begin_target(struct maker *m)
{
	if (!m->failed)
		*xt_target_offset(m->family, m->bytes) = (uint16_t)m->size;
}

static void
add_standard(struct maker *m, int verdict)
{
	struct xt_standard_target *target;

	begin_target(m);
	target = more(m, XT_ALIGN(sizeof(*target)));
	if (!target)
		return;
	target->target.u.target_size = XT_ALIGN(sizeof(*target));
	target->verdict = verdict;
}

static struct new_entry
finish(struct maker *m, enum lead lead, size_t to)
{
	if (m->size > UINT16_MAX)
		m->failed = true;
	if (m->failed) {
		free(m->bytes);
		return (struct new_entry){ .counters = BLOB_NONE };
	}
	*xt_next_offset(m->family, m->bytes) = (uint16_t)m->size;
	*xt_counters_of(m->family, m->bytes) = (struct xt_counters){ 0 };
	return (struct new_entry){
		.bytes = m->bytes, .size = m->size, .lead = lead, .to = to, .counters = BLOB_NONE
	};
}

static void
set_proto(struct maker *m, uint8_t proto)
{
	struct xt_header h;

	if (m->failed)
		return;
	h = xt_header_of(m->family, m->bytes);
	if (*h.proto)
		return;
	*h.proto = proto;
	if (m->family == FAMILY_IPV6)
		*h.flags |= IP6T_F_PROTO;
}

/* --- ours --- */

struct new_entry
entry_head(enum family family, const char *name)
{
	struct maker m = { .family = family };
	struct xt_error_target *target;

	more(&m, xt_layouts[family].header);
	begin_target(&m);
	target = more(&m, XT_ALIGN(sizeof(*target)));
	if (target) {
		target->target.u.target_size = XT_ALIGN(sizeof(*target));
		snprintf(target->target.u.user.name, sizeof(target->target.u.user.name), "%s",
			 XT_ERROR_TARGET);
		snprintf(target->errorname, sizeof(target->errorname), "%s", name);
	}
	return finish(&m, LEAD_NONE, 0);
}

struct new_entry
entry_return(enum family family)
{
	struct maker m = { .family = family };

	more(&m, xt_layouts[family].header);
	add_standard(&m, XT_RETURN);
	return finish(&m, LEAD_NONE, 0);
}

struct new_entry
entry_jump(enum family family, size_t chain)
{
	struct maker m = { .family = family };

	more(&m, xt_layouts[family].header);
	add_standard(&m, 0);
	return finish(&m, LEAD_CHAIN, chain);
}

struct new_entry
entry_returning(enum family family, const struct new_rule *rule)
{
	struct maker m = { .family = family };

	more(&m, xt_layouts[family].header);
	set_proto(&m, rule->proto);
	for (size_t i = 0; i < rule->n; i++)
		add_match(&m, &rule->matches[i]);
	add_standard(&m, XT_RETURN);
	return finish(&m, LEAD_NONE, 0);
}

/* --- copies --- */

static enum lead
lead_of(const struct legacy_table *table, size_t entry)
{
	size_t to = table->blob.entries[entry].to;

	if (to == BLOB_NONE)
		return LEAD_NONE;
	return to == entry + 1 ? LEAD_NEXT : LEAD_ENTRY;
}

struct new_entry
entry_copy(const struct legacy_table *table, size_t entry)
{
	const struct blob *blob = &table->blob;
	struct maker m = { .family = blob->family };
	struct new_entry made;

	add_bytes(&m, blob_bytes(blob, entry), blob->entries[entry].size);
	made = finish(&m, lead_of(table, entry), blob->entries[entry].to);
	made.counters = entry;
	return made;
}

static void
forget_source(struct maker *m)
{
	struct xt_header h;

	if (m->failed)
		return;
	h = xt_header_of(m->family, m->bytes);
	memset(h.source, 0, h.address_len);
	memset(h.source_mask, 0, h.address_len);
	*h.invert &= (uint8_t)~IPT_INV_SRCIP;
}

struct new_entry
entry_copy_without(const struct legacy_table *table, size_t entry, uint64_t without,
		   const struct new_rule *rule)
{
	const struct blob *blob = &table->blob;
	const struct blob_entry *at = &blob->entries[entry];
	const struct xt_entry_match *match = NULL;
	struct maker m = { .family = blob->family };
	unsigned i = 0;

	add_bytes(&m, blob_bytes(blob, entry), xt_layouts[blob->family].header);
	if (without & 1)
		forget_source(&m);
	set_proto(&m, rule->proto);
	while ((match = blob_match(blob, entry, match)))
		if (++i >= 64 || !(without & UINT64_C(1) << i))
			add_bytes(&m, match, match->u.match_size);
	for (size_t k = 0; k < rule->n; k++)
		add_match(&m, &rule->matches[k]);
	begin_target(&m);
	add_bytes(&m, blob_bytes(blob, entry) + at->target, at->size - at->target);
	return finish(&m, lead_of(table, entry), at->to);
}

/* Its match `time`, in place; NULL: it has none. */
static struct xt_time_info *
find_time(const struct blob *blob, size_t entry)
{
	struct xt_entry_match *match = NULL;

	while ((match = blob_match(blob, entry, match)))
		if (!strcmp(match->u.user.name, "time") && match->u.user.revision == 0 &&
		    match->u.match_size >= sizeof(*match) + sizeof(struct xt_time_info))
			return (void *)match->data;
	return NULL;
}

struct new_entry
entry_copy_until(const struct legacy_table *table, size_t entry, time_t stop)
{
	const struct xt_time_info *time = find_time(&table->blob, entry);
	struct new_entry made = { .counters = BLOB_NONE };
	size_t at;

	if (!time)
		return made;
	at = (size_t)((const unsigned char *)time - blob_bytes(&table->blob, entry));
	made = entry_copy(table, entry);
	if (made.bytes)
		((struct xt_time_info *)(void *)(made.bytes + at))->date_stop = (uint32_t)stop;
	return made;
}
