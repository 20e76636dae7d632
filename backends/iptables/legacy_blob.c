/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_blob.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT (__alignof__(struct _xt_align))
#define NAME_MAX_XT XT_EXTENSION_MAXNAMELEN

struct reader {
	struct blob *blob;
	struct err *e;
};

static int
bad_entry(struct reader *r, size_t offset, const char *what)
{
	return err_set(r->e, ERR_FAILED, "the kernel's table, %s, offset %zu: %s",
		       family_names[r->blob->family], offset, what);
}

unsigned char *
blob_bytes(const struct blob *blob, size_t i)
{
	return blob->bytes + blob->entries[i].offset;
}

struct xt_entry_target *
blob_target(const struct blob *blob, size_t i)
{
	return (void *)(blob_bytes(blob, i) + blob->entries[i].target);
}

bool
blob_verdict(const struct blob *blob, size_t i, int *verdict)
{
	const struct xt_standard_target *target = (void *)blob_target(blob, i);

	if (target->target.u.user.name[0])
		return false;
	*verdict = target->verdict;
	return true;
}

struct xt_entry_match *
blob_match(const struct blob *blob, size_t i, const struct xt_entry_match *after)
{
	unsigned char *entry = blob_bytes(blob, i);
	size_t at = xt_layouts[blob->family].header;

	if (after)
		at = (size_t)((const unsigned char *)after - entry) + after->u.match_size;
	return at < blob->entries[i].target ? (void *)(entry + at) : NULL;
}

struct xt_counters
blob_counters(const struct blob *blob, size_t i)
{
	return *xt_counters_of(blob->family, blob_bytes(blob, i));
}

size_t
blob_at(const struct blob *blob, uint32_t offset)
{
	size_t low = 0, high = blob->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (blob->entries[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < blob->n && blob->entries[low].offset == offset ? low : BLOB_NONE;
}

/* --- reading --- */

static bool
is_name(const char *name)
{
	return memchr(name, '\0', NAME_MAX_XT) != NULL;
}

/* Do matches fill the entry from its header to its target? */
static bool
has_good_matches(const unsigned char *entry, size_t at, size_t target)
{
	while (at < target) {
		const struct xt_entry_match *match = (const void *)(entry + at);

		if (target - at < sizeof(*match) || match->u.match_size < sizeof(*match) ||
		    match->u.match_size > target - at || match->u.match_size % ALIGNMENT ||
		    !is_name(match->u.user.name))
			return false;
		at += match->u.match_size;
	}
	return true;
}

/* The kernel looks at no more of a standard or error target, either. */
static bool
has_good_target(const unsigned char *entry, size_t at, size_t size, bool *head)
{
	const struct xt_entry_target *target = (const void *)(entry + at);
	const struct xt_error_target *error = (const void *)target;

	*head = false;
	if (size - at < sizeof(*target) || target->u.target_size < sizeof(*target) ||
	    target->u.target_size > size - at || !is_name(target->u.user.name))
		return false;
	if (!target->u.user.name[0])
		return target->u.target_size >= sizeof(struct xt_standard_target);
	*head = !strcmp(target->u.user.name, XT_ERROR_TARGET);
	return !*head || (target->u.target_size >= sizeof(*error) &&
			  memchr(error->errorname, '\0', sizeof(error->errorname)));
}

static int
read_entry(struct reader *r, size_t offset)
{
	struct blob *blob = r->blob;
	const size_t header = xt_layouts[blob->family].header;
	unsigned char *entry = blob->bytes + offset;
	struct blob_entry *found = &blob->entries[blob->n];
	size_t target, size;

	if (blob->size - offset < header)
		return bad_entry(r, offset, "an entry is cut off");
	target = *xt_target_offset(blob->family, entry);
	size = *xt_next_offset(blob->family, entry);
	*found = (struct blob_entry){ .offset = (uint32_t)offset,
				      .size = (uint32_t)size,
				      .target = (uint32_t)target,
				      .to = BLOB_NONE };
	if (target < header || target % ALIGNMENT || size % ALIGNMENT || size < target ||
	    size > blob->size - offset)
		return bad_entry(r, offset, "an entry's lengths do not fit");
	if (!has_good_matches(entry, header, target))
		return bad_entry(r, offset, "the matches do not fit");
	if (!has_good_target(entry, target, size, &found->head))
		return bad_entry(r, offset, "the target does not fit");
	blob->n++;
	return 0;
}

/* No more than there can be, and at once: nothing is moved, and most of it is used. */
static int
read_entries(struct reader *r)
{
	struct blob *blob = r->blob;
	const size_t least = xt_layouts[blob->family].header + sizeof(struct xt_entry_target);

	blob->entries = reallocarray(NULL, blob->size / least + 1, sizeof(*blob->entries));
	if (!blob->entries)
		return err_set(r->e, ERR_FAILED, "out of memory");
	for (size_t offset = 0; offset < blob->size;) {
		if (read_entry(r, offset) < 0)
			return -1;
		offset += blob->entries[blob->n - 1].size;
	}
	return 0;
}

static int
read_verdicts(struct reader *r)
{
	struct blob *blob = r->blob;

	for (size_t i = 0; i < blob->n; i++) {
		int verdict;

		if (!blob_verdict(blob, i, &verdict) || verdict < 0)
			continue;
		blob->entries[i].to = blob_at(blob, (uint32_t)verdict);
		if (blob->entries[i].to == BLOB_NONE)
			return bad_entry(r, blob->entries[i].offset, "a jump leads to no entry");
	}
	return 0;
}

static int
check_hooks(struct reader *r)
{
	const struct blob *blob = r->blob;

	if (blob->n == 0 || !blob->entries[blob->n - 1].head)
		return bad_entry(r, blob->size, "the table has no end");
	for (unsigned hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (blob->hooks & 1u << hook && (blob_at(blob, blob->entry[hook]) == BLOB_NONE ||
						 blob_at(blob, blob->policy[hook]) == BLOB_NONE))
			return bad_entry(r, blob->entry[hook], "a hook's chain is not there");
	return 0;
}

int
blob_read(struct blob *blob, struct err *e)
{
	struct reader r = { .blob = blob, .e = e };
	int rc = -1;

	blob->entries = NULL;
	blob->n = 0;
	if (blob->size > INT32_MAX)
		bad_entry(&r, blob->size, "the table is longer than the kernel allows");
	else if (read_entries(&r) == 0 && read_verdicts(&r) == 0)
		rc = check_hooks(&r);
	if (rc < 0) {
		free(blob->entries);
		blob->entries = NULL;
		blob->n = 0;
	}
	return rc;
}

void
blob_fini(struct blob *blob)
{
	free(blob->entries);
	free(blob->bytes);
	*blob = (struct blob){ 0 };
}

bool
blob_has_hooks(const struct blob *blob, unsigned hooks, const uint32_t entry[NF_INET_NUMHOOKS],
	       const uint32_t policy[NF_INET_NUMHOOKS])
{
	/* What the kernel says of others is no offset. */
	for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
		if (hooks & 1u << i && (blob->entry[i] != entry[i] || blob->policy[i] != policy[i]))
			return false;
	return blob->hooks == hooks;
}

bool
blob_same(const struct blob *blob, const unsigned char *bytes, size_t size)
{
	if (size != blob->size)
		return false;
	for (size_t i = 0; i < blob->n; i++)
		if (!xt_same_entry(blob->family, blob_bytes(blob, i),
				   bytes + blob->entries[i].offset, blob->entries[i].size))
			return false;
	return true;
}
