/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_change.h"
#include "legacy_kernel.h"
#include "legacy_rewrite.h"
#include "proc.h"

#define EDIT_TRIES 10u
#define SEEN_MAX (FAMILIES * 4u) /* x_tables has hardly more tables than that */

struct seen_table {
	enum family family;
	char name[XT_TABLE_MAXNAMELEN];
	struct legacy_table *table;
	bool sure; /* read or written with the lock, which is held since */
};

struct host_seen {
	struct seen_table v[SEEN_MAX];
	size_t n;
};

/* Their names, of this thread's network namespace. */
bool
host_has(enum family family, const char *table)
{
	/* What cannot be asked may be there: whoever reads it hears why it cannot be. */
	return proc_has_xt_table(family_protos[family], table);
}

bool
host_tracks(enum family family)
{
	char count[PROC_MAX];

	return (proc_read("/proc/sys/net/netfilter/nf_conntrack_count", count) &&
		strtoul(count, NULL, 10) > 0) ||
	       host_has(family, "nat");
}

int
legacy_host_init(struct legacy_host *host, struct err *e)
{
	*host = (struct legacy_host){ .lock = -1 };
	host->kernel = calloc(1, sizeof(*host->kernel));
	host->seen = calloc(1, sizeof(*host->seen));
	if (!host->kernel || !host->seen) {
		free(host->kernel);
		free(host->seen);
		return err_set(e, ERR_FAILED, "out of memory");
	}
	kernel_open(host->kernel);
	return 0;
}

static void
forget_seen(struct host_seen *seen)
{
	for (size_t i = 0; i < seen->n; i++)
		table_put(seen->v[i].table);
	*seen = (struct host_seen){ .n = 0 };
}

void
host_doubt(const struct legacy_host *host)
{
	for (size_t i = 0; i < host->seen->n; i++)
		host->seen->v[i].sure = false;
}

void
legacy_host_fini(struct legacy_host *host)
{
	host_unlock(host);
	forget_seen(host->seen);
	free(host->seen);
	kernel_close(host->kernel);
	free(host->kernel);
}

int
host_check_matches(const struct legacy_host *host, enum family family, struct err *e)
{
	for (size_t i = 0; i < LIFT_MATCHES; i++)
		if (!kernel_has_match(host->kernel, family, lift_matches[i].name,
				      lift_matches[i].revision))
			return err_sys(e, ERR_FAILED, errno,
				       "the kernel has no match \"%s\" (module xt_%s) for %s, "
				       "which a lift needs",
				       lift_matches[i].name, lift_matches[i].name,
				       family_names[family]);
	return 0;
}

/* --- reading --- */

/* Where the table is kept; NULL: nowhere. */
static struct seen_table *
seen_place(struct host_seen *seen, enum family family, const char *name)
{
	struct seen_table *place = &seen->v[seen->n];

	for (size_t i = 0; i < seen->n; i++)
		if (seen->v[i].family == family && !strcmp(seen->v[i].name, name))
			return &seen->v[i];
	if (seen->n == SEEN_MAX)
		return NULL;
	*place = (struct seen_table){ .family = family };
	snprintf(place->name, sizeof(place->name), "%s", name);
	seen->n++;
	return place;
}

static bool
is_seen(const struct legacy_table *table, const struct blob *blob)
{
	return table && blob_same(&table->blob, blob->bytes, blob->size) &&
	       blob_has_hooks(&table->blob, blob->hooks, blob->entry, blob->policy);
}

/* Takes over a hold of the table, which is in the kernel now. NULL: what is there is not known. */
static struct legacy_table *
keep_seen(const struct legacy_host *host, struct seen_table *seen, struct legacy_table *table)
{
	if (table != seen->table) {
		table_put(seen->table);
		seen->table = table;
	}
	seen->sure = table && host->lock >= 0;
	return table;
}

/* What was seen already is the same one, with its words. */
static struct legacy_table *
read_now(const struct legacy_host *host, enum family family, const char *name,
	 const struct seen_table *seen, struct err *e)
{
	struct legacy_table *table;
	struct blob blob;

	if (kernel_read(host->kernel, family, name, &blob, e) < 0)
		return NULL;
	if (seen && is_seen(seen->table, &blob)) {
		table_count(seen->table, blob.bytes);
		free(blob.bytes);
		return seen->table;
	}
	table = table_read_take(&blob, kernel_set_name, host->kernel, e);
	if (!table)
		err_wrap(e, "table %s", name);
	return table;
}

/* For one more holder. */
static struct legacy_table *
read_table(const struct legacy_host *host, enum family family, const char *name, struct err *e)
{
	struct seen_table *seen;
	struct legacy_table *table;

	if (!kernel_names_hold(host->kernel))
		forget_seen(host->seen);
	seen = seen_place(host->seen, family, name);
	if (seen && seen->sure && kernel_has_size(host->kernel, name, &seen->table->blob))
		return table_hold(seen->table);
	table = read_now(host, family, name, seen, e);
	if (!table || !seen)
		return table;
	return table_hold(keep_seen(host, seen, table));
}

int
host_save(const struct legacy_host *host, enum family family, const char *table, struct save *save,
	  struct err *e)
{
	struct legacy_table *read = read_table(host, family, table, e);

	if (!read)
		return -1;
	*save = table_save_take(read);
	return 0;
}

bool
host_names_known(const struct legacy_host *host)
{
	return !host->kernel->unsure;
}

/* --- writing --- */

/* The kernel has taken it as it is; what we cannot read ourselves is read from the kernel. */
static void
keep_written(const struct legacy_host *host, enum family family, const char *name,
	     struct replacement *made)
{
	struct seen_table *seen = seen_place(host->seen, family, name);
	struct err ignored = ERR_INIT;
	struct blob blob;

	if (!seen)
		return;
	replacement_take(made, family, &blob);
	keep_seen(host, seen, table_read_take(&blob, kernel_set_name, host->kernel, &ignored));
}

static enum outcome
write_change(const struct legacy_host *host, const char *name, struct change *change, bool *changed,
	     struct err *e)
{
	const enum family family = change->table->blob.family;
	struct replacement made;
	enum outcome outcome;

	if (change_make(&made, change, name, e) < 0)
		return OUTCOME_NOT_DONE;
	outcome = kernel_replace(host->kernel, family, &made, changed, e);
	if (outcome == OUTCOME_DONE)
		keep_written(host, family, name, &made);
	else
		host_doubt(host);
	replacement_fini(&made);
	return outcome;
}

static enum outcome
edit_once(const struct legacy_host *host, enum family family, const char *name, host_edit_fn edit,
	  void *data, bool *changed, struct err *e)
{
	struct legacy_table *table = read_table(host, family, name, e);
	enum outcome outcome = OUTCOME_NOT_DONE;
	struct change change;

	*changed = false;
	if (!table)
		return OUTCOME_NOT_DONE;
	change_begin(&change, table);
	if (edit(&change, &table->save, data, e) == 0)
		outcome = change_is_empty(&change) ? OUTCOME_DONE
						   : write_change(host, name, &change, changed, e);
	change_fini(&change);
	table_put(table);
	return outcome;
}

enum outcome
host_edit(const struct legacy_host *host, enum family family, const char *table, host_edit_fn edit,
	  void *data, struct err *e)
{
	for (unsigned i = 1;; i++) {
		struct err once = ERR_INIT;
		bool changed;
		enum outcome outcome = edit_once(host, family, table, edit, data, &changed, &once);

		if (changed && i < EDIT_TRIES)
			continue;
		if (once.code && !e->code)
			*e = once;
		return outcome;
	}
}
