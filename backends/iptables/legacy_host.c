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

struct host_seen {
	struct {
		enum family family;
		char name[XT_TABLE_MAXNAMELEN];
		struct legacy_table *table;
	} v[SEEN_MAX];
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
	for (size_t i = 0; i < seen->n; i++) {
		table_put(seen->v[i].table);
		seen->v[i].table = NULL;
	}
	seen->n = 0;
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
static struct legacy_table **
seen_place(struct host_seen *seen, enum family family, const char *name)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->v[i].family == family && !strcmp(seen->v[i].name, name))
			return &seen->v[i].table;
	if (seen->n == SEEN_MAX)
		return NULL;
	seen->v[seen->n].family = family;
	snprintf(seen->v[seen->n].name, sizeof(seen->v[seen->n].name), "%s", name);
	return &seen->v[seen->n++].table;
}

static bool
is_seen(const struct legacy_table *table, const struct blob *blob)
{
	return table && blob_same(&table->blob, blob->bytes, blob->size) &&
	       !memcmp(table->blob.entry, blob->entry, sizeof(blob->entry)) &&
	       !memcmp(table->blob.policy, blob->policy, sizeof(blob->policy));
}

/* For one more holder. What was seen already keeps its words. */
static struct legacy_table *
read_table(const struct legacy_host *host, enum family family, const char *name, struct err *e)
{
	struct legacy_table **seen, *table;
	struct blob blob;

	if (!kernel_names_hold(host->kernel))
		forget_seen(host->seen);
	seen = seen_place(host->seen, family, name);
	if (kernel_read(host->kernel, family, name, &blob, e) < 0)
		return NULL;
	if (seen && is_seen(*seen, &blob)) {
		table_count(*seen, blob.bytes);
		free(blob.bytes);
		return table_hold(*seen);
	}
	table = table_read_take(&blob, kernel_set_name, host->kernel, e);
	if (!table) {
		err_wrap(e, "table %s", name);
		return NULL;
	}
	if (!seen)
		return table;
	table_put(*seen);
	*seen = table;
	return table_hold(table);
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

static enum outcome
write_change(const struct legacy_host *host, const char *name, struct change *change, bool *changed,
	     struct err *e)
{
	struct replacement made;
	enum outcome outcome;

	if (change_make(&made, change, name, e) < 0)
		return OUTCOME_NOT_DONE;
	outcome = kernel_replace(host->kernel, change->table->blob.family, &made, changed, e);
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
