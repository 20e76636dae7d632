/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "legacy_heap.h"
#include "legacy_lift.h"
#include "netlink/ipset_ask.h"

#define TRIES 20u

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries),
	       "ip6_tables speaks of tables like ip_tables");

static const struct {
	int domain, level;
	int info, entries, revision; /* getsockopt */
	int replace, counters;       /* setsockopt */
} families[FAMILIES] = {
	[FAMILY_IPV4] = { AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES,
			  IPT_SO_GET_REVISION_MATCH, IPT_SO_SET_REPLACE, IPT_SO_SET_ADD_COUNTERS },
	[FAMILY_IPV6] = { AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
			  IP6T_SO_GET_REVISION_MATCH, IP6T_SO_SET_REPLACE,
			  IP6T_SO_SET_ADD_COUNTERS },
};

/* When it is needed; if it fails then, next time again: a watchdog must not be blind for good. */
static int
socket_of(struct legacy_kernel *kernel, enum family family)
{
	int *fd = &kernel->fd[family];

	if (*fd < 0)
		*fd = socket(families[family].domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		kernel->failed = errno;
	return *fd;
}

void
kernel_open(struct legacy_kernel *kernel)
{
	kernel->failed = 0;
	for (enum family i = 0; i < FAMILIES; i++)
		kernel->fd[i] = -1;
}

void
kernel_close(struct legacy_kernel *kernel)
{
	for (enum family i = 0; i < FAMILIES; i++) {
		if (kernel->fd[i] >= 0)
			close(kernel->fd[i]);
		kernel->fd[i] = -1;
	}
	free(kernel->sets);
	kernel->sets = NULL;
	kernel->n_sets = 0;
}

static int
check_socket(struct legacy_kernel *kernel, enum family family, struct err *e)
{
	if (socket_of(kernel, family) >= 0)
		return 0;
	return err_sys(e, ERR_FAILED, kernel->failed,
		       "opening a socket, by which the kernel's %s tables are seen and changed",
		       family_names[family]);
}

static bool
read_info(const struct legacy_kernel *kernel, enum family family, const char *table,
	  struct ipt_getinfo *info)
{
	socklen_t len = sizeof(*info);

	*info = (struct ipt_getinfo){ 0 };
	snprintf(info->name, sizeof(info->name), "%s", table);
	return getsockopt(kernel->fd[family], families[family].level, families[family].info, info,
			  &len) == 0;
}

/*
 * errno EAGAIN: it has another size now. The kernel leaves out what stands behind the ends of names
 * and the like: what stands there instead must not look like a change.
 */
static unsigned char *
read_entries(const struct legacy_kernel *kernel, enum family family, const struct ipt_getinfo *info)
{
	const size_t head = sizeof(struct ipt_get_entries);
	socklen_t len = (socklen_t)(head + info->size);
	struct ipt_get_entries *get;
	unsigned char *bytes;

	heap_expect(info->size);
	get = calloc(1, len);
	bytes = (unsigned char *)get;

	if (!get)
		return NULL;
	memcpy(get->name, info->name, sizeof(get->name));
	get->size = info->size;
	if (getsockopt(kernel->fd[family], families[family].level, families[family].entries, get,
		       &len) != 0) {
		int saved = errno;

		free(get);
		errno = saved;
		return NULL;
	}
	return memmove(bytes, bytes + head, info->size);
}

int
kernel_read(struct legacy_kernel *kernel, enum family family, const char *table, struct blob *blob,
	    struct err *e)
{
	if (check_socket(kernel, family, e) < 0)
		return -1;
	for (unsigned i = 1;; i++) {
		struct ipt_getinfo info;
		unsigned char *bytes = NULL;

		if (read_info(kernel, family, table, &info))
			bytes = read_entries(kernel, family, &info);
		if (!bytes && errno == EAGAIN && i < TRIES)
			continue;
		if (!bytes)
			return err_sys(e, ERR_FAILED, errno, "reading the kernel's table %s, %s",
				       table, family_names[family]);
		*blob = (struct blob){ .family = family,
				       .hooks = info.valid_hooks,
				       .bytes = bytes,
				       .size = info.size };
		memcpy(blob->entry, info.hook_entry, sizeof(blob->entry));
		memcpy(blob->policy, info.underflow, sizeof(blob->policy));
		return 0;
	}
}

bool
kernel_has_size(const struct legacy_kernel *kernel, const char *table, const struct blob *blob)
{
	struct ipt_getinfo info;

	return read_info(kernel, blob->family, table, &info) && info.num_entries == blob->n &&
	       info.size == blob->size &&
	       blob_has_hooks(blob, info.valid_hooks, info.hook_entry, info.underflow);
}

/* --- writing --- */

/* What the kernel cannot find is a module that a rule needs. */
static enum outcome
replace_failed(enum family family, const struct replacement *made, int error, bool *changed,
	       struct err *e)
{
	*changed = error == EAGAIN;
	err_sys(e, ERR_FAILED, error,
		"replacing the kernel's table %s, %s%s; nothing was changed there",
		made->request->name, family_names[family],
		error == EAGAIN   ? ": other rules came or went meanwhile"
		: error == ENOENT ? ": a module that a rule needs is not there"
				  : "");
	return OUTCOME_NOT_DONE;
}

/* The table is what it should be: counters that cannot be kept are no failure. */
static void
add_counters(const struct legacy_kernel *kernel, enum family family, const struct replacement *made,
	     const struct xt_counters *before)
{
	const size_t size = sizeof(struct xt_counters_info) + made->n * sizeof(*before);
	struct xt_counters_info *add = calloc(1, size);

	if (!add)
		return;
	memcpy(add->name, made->request->name, sizeof(add->name));
	add->num_counters = (unsigned)made->n;
	for (size_t i = 0; i < made->n; i++)
		if (made->counters[i] != BLOB_NONE)
			add->counters[i] = before[made->counters[i]];
	for (unsigned i = 1; setsockopt(kernel->fd[family], families[family].level,
					families[family].counters, add, (socklen_t)size) != 0 &&
			     errno != EAGAIN && i < TRIES;
	     i++)
		;
	free(add);
}

enum outcome
kernel_replace(const struct legacy_kernel *kernel, enum family family,
	       const struct replacement *made, bool *changed, struct err *e)
{
	struct xt_counters *before = calloc(made->n_before, sizeof(*before));
	enum outcome outcome = OUTCOME_DONE;

	*changed = false;
	if (!before) {
		err_set(e, ERR_FAILED, "out of memory");
		return OUTCOME_NOT_DONE;
	}
	made->request->counters = before;
	if (setsockopt(kernel->fd[family], families[family].level, families[family].replace,
		       made->request, (socklen_t)made->size) == 0)
		add_counters(kernel, family, made, before);
	else
		outcome = replace_failed(family, made, errno, changed, e);
	made->request->counters = NULL;
	free(before);
	return outcome;
}

/* --- asking --- */

bool
kernel_has_match(struct legacy_kernel *kernel, enum family family, const char *name,
		 uint8_t revision)
{
	struct xt_get_revision ask = { .revision = revision };
	socklen_t len = sizeof(ask);

	snprintf(ask.name, sizeof(ask.name), "%s", name);
	return getsockopt(socket_of(kernel, family), families[family].level,
			  families[family].revision, &ask, &len) == 0;
}

/* Copies. */
static bool
keep_set_name(struct legacy_kernel *kernel, const struct ipset_name *set)
{
	void *sets = reallocarray(kernel->sets, kernel->n_sets + 1, sizeof(*kernel->sets));

	if (!sets)
		return false;
	kernel->sets = sets;
	kernel->sets[kernel->n_sets].index = set->index;
	memcpy(kernel->sets[kernel->n_sets].name, set->name, sizeof(kernel->sets[0].name));
	kernel->n_sets++;
	return true;
}

const char *
kernel_set_name(void *data, uint16_t index)
{
	struct legacy_kernel *kernel = data;
	struct ipset_name ask = { .index = index };

	for (size_t i = 0; i < kernel->n_sets; i++)
		if (kernel->sets[i].index == index)
			return kernel->sets[i].name;
	ipset_name_ask(socket_of(kernel, FAMILY_IPV4), &ask);
	if (!ask.name[0] || !keep_set_name(kernel, &ask)) {
		kernel->unsure = true;
		return NULL;
	}
	return kernel->sets[kernel->n_sets - 1].name;
}

bool
kernel_names_hold(struct legacy_kernel *kernel)
{
	bool hold = !kernel->unsure;

	for (size_t i = 0; hold && i < kernel->n_sets; i++) {
		struct ipset_name ask = { .index = kernel->sets[i].index };

		ipset_name_ask(socket_of(kernel, FAMILY_IPV4), &ask);
		hold = !strcmp(ask.name, kernel->sets[i].name);
	}
	kernel->unsure = false;
	if (!hold)
		kernel->n_sets = 0;
	return hold;
}

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

static uint64_t
hash_table(const struct legacy_kernel *kernel, enum family family, const char *table, uint64_t hash)
{
	struct ipt_getinfo info;

	if (!read_info(kernel, family, table, &info))
		return hash;
	hash = mix(mix(hash, info.num_entries), info.size);
	for (size_t i = 0; i < NF_INET_NUMHOOKS; i++)
		hash = mix(mix(hash, info.hook_entry[i]), info.underflow[i]);
	return hash;
}

uint64_t
kernel_generation(struct legacy_kernel *kernel)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t t = 0; t < LEGACY_TABLES; t++) {
		for (enum family i = 0; i < FAMILIES; i++) {
			if (!host_has(i, legacy_tables[t]) || socket_of(kernel, i) < 0)
				continue;
			hash = mix(hash, t * FAMILIES + i);
			hash = hash_table(kernel, i, legacy_tables[t], hash);
		}
	}
	return hash;
}
