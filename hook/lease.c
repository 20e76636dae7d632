/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lease.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "options.h"

static const char *const kind_names[] = {
	[LEASE_TIMED] = "timed",
	[LEASE_OWNER] = "owner",
	[LEASE_NAME] = "name",
};
#define N_KINDS (sizeof(kind_names) / sizeof(*kind_names))

int
lease_of(struct lease *lease, const struct options *options, struct err *e)
{
	union {
		const char *borrowed;
		char *name;
	} name = { .borrowed = options->lease };
	const struct ancestry ancestry = ancestry_read();
	*lease =
		(struct lease){ .kind = LEASE_TIMED, .guard = ancestry.guard, .via = ancestry.via };
	if (options->lease) {
		lease->kind = LEASE_NAME;
		lease->name = name.name;
	} else if (options->owner) {
		lease->kind = LEASE_OWNER;
		return process_find(&lease->owner, options->owner, e);
	} else if (!options->no_owner && ancestry.owner.pid) {
		lease->kind = LEASE_OWNER;
		lease->owner = ancestry.owner;
		memcpy(lease->owner_name, ancestry.name, sizeof(lease->owner_name));
	}
	return 0;
}

bool
lease_void(const struct lease *lease)
{
	if (lease->expires <= boottime_now())
		return true;
	return lease->kind == LEASE_OWNER && !process_may_live(&lease->owner);
}

struct lease *
leases_add(struct leases *leases, const struct lease *lease)
{
	struct lease *v = reallocarray(leases->v, leases->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	leases->v = v;
	v[leases->n] = *lease;
	if (lease->name && !(v[leases->n].name = strdup(lease->name)))
		return NULL;
	return &v[leases->n++];
}

static bool
same_key(const struct lease *a, const struct lease *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case LEASE_OWNER:
		return process_same(&a->owner, &b->owner) && process_same(&a->guard, &b->guard);
	case LEASE_NAME:
		return a->name && b->name && !strcmp(a->name, b->name);
	case LEASE_TIMED:
	default:
		return process_same(&a->via, &b->via);
	}
}

static bool
is_nobodys(const struct lease *lease)
{
	return lease->kind == LEASE_TIMED && (!lease->via.pid || !process_may_live(&lease->via));
}

static struct lease *
find_key(struct leases *leases, const struct lease *key)
{
	for (size_t i = 0; i < leases->n; i++)
		if (same_key(&leases->v[i], key))
			return &leases->v[i];
	return NULL;
}

struct lease *
leases_find_own(struct leases *leases, const struct lease *key)
{
	return key->kind == LEASE_TIMED && !key->via.pid ? NULL : find_key(leases, key);
}

struct lease *
leases_find(struct leases *leases, const struct lease *key)
{
	struct lease *found = find_key(leases, key);
	if (found)
		return found;
	for (size_t i = 0; key->kind == LEASE_TIMED && i < leases->n; i++)
		if (is_nobodys(&leases->v[i]))
			return &leases->v[i];
	return NULL;
}

void
leases_drop(struct leases *leases, struct lease *lease)
{
	size_t i = (size_t)(lease - leases->v);
	free(lease->name);
	leases->n--;
	memmove(lease, lease + 1, (leases->n - i) * sizeof(*lease));
}

bool
leases_held(const struct leases *leases)
{
	for (size_t i = 0; i < leases->n; i++)
		if (!lease_void(&leases->v[i]))
			return true;
	return false;
}

void
leases_prune(struct leases *leases)
{
	for (size_t i = leases->n; i-- > 0;)
		if (lease_void(&leases->v[i]))
			leases_drop(leases, &leases->v[i]);
}

int64_t
leases_expiry(const struct leases *leases)
{
	int64_t latest = 0;
	for (size_t i = 0; i < leases->n; i++)
		if (leases->v[i].expires > latest)
			latest = leases->v[i].expires;
	return latest;
}

void
leases_fini(struct leases *leases)
{
	for (size_t i = 0; i < leases->n; i++)
		free(leases->v[i].name);
	free(leases->v);
	*leases = (struct leases){ 0 };
}

const char *
lease_text(char *buf, const struct lease *lease)
{
	char name[NAME_BUF], until[CLOCK_TEXT_MAX];
	clock_text(until, lease->expires);
	if (lease->kind == LEASE_OWNER)
		snprintf(buf, LEASE_TEXT_MAX,
			 "%s%sprocess %d%s while it lives, until %s at the latest",
			 lease->owner_name, *lease->owner_name ? " (" : "", (int)lease->owner.pid,
			 *lease->owner_name ? ")" : "", until);
	else if (lease->kind == LEASE_NAME)
		snprintf(buf, LEASE_TEXT_MAX, "lease %s, until %s", err_name(name, lease->name),
			 until);
	else
		snprintf(buf, LEASE_TEXT_MAX, "a timed lease, until %s", until);
	return buf;
}

const char *
leases_text(char *buf, const struct leases *leases)
{
	size_t used = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < leases->n && used < LEASES_TEXT_MAX - 1; i++) {
		char one[LEASE_TEXT_MAX];
		int len = snprintf(buf + used, LEASES_TEXT_MAX - used, "%s%s", i ? "; " : "",
				   lease_text(one, &leases->v[i]));
		used += len > 0 ? (size_t)len : 0;
	}
	return buf;
}

static json_t *
process_json(const struct process *process)
{
	return json_pack("{s:i,s:I,s:I}", "pid", (int)process->pid, "start",
			 (json_int_t)process->start, "pidns", (json_int_t)process->pidns);
}

json_t *
lease_json(const struct lease *lease)
{
	json_t *json = json_pack("{s:s,s:I}", "kind", kind_names[lease->kind], "expires",
				 (json_int_t)lease->expires);
	if (lease->kind == LEASE_NAME)
		json_object_set_new(json, "name", json_string(lease->name));
	if (lease->kind == LEASE_OWNER)
		json_object_set_new(json, "owner", process_json(&lease->owner));
	if (*lease->owner_name)
		json_object_set_new(json, "owner_name", json_string(lease->owner_name));
	if (lease->via.pid)
		json_object_set_new(json, "via", process_json(&lease->via));
	if (lease->keeper.pid)
		json_object_set_new(json, "keeper", process_json(&lease->keeper));
	if (lease->guard.pid)
		json_object_set_new(json, "guard", process_json(&lease->guard));
	return json;
}

static int
process_parse(struct process *process, json_t *json, struct err *e)
{
	json_int_t start, pidns;
	int pid;
	if (json_unpack(json, "{s:i,s:I,s:I}", "pid", &pid, "start", &start, "pidns", &pidns) ||
	    pid <= 0)
		return err_set(e, ERR_FAILED, "a lease's process is malformed");
	*process = (struct process){ .pid = (pid_t)pid,
				     .start = (uint64_t)start,
				     .pidns = (uint64_t)pidns };
	return 0;
}

/* lease->name is allocated. */
int
lease_parse(struct lease *lease, json_t *json, struct err *e)
{
	const char *kind = NULL, *name = NULL, *owner_name = "";
	json_t *owner = NULL, *guard = NULL, *via = NULL, *keeper = NULL;
	json_int_t expires;
	size_t k = 0;
	*lease = (struct lease){ 0 };
	if (json_unpack(json, "{s:s,s:I,s?s,s?s,s?o,s?o,s?o,s?o}", "kind", &kind, "expires",
			&expires, "name", &name, "owner_name", &owner_name, "owner", &owner,
			"guard", &guard, "via", &via, "keeper", &keeper))
		return err_set(e, ERR_FAILED, "a lease is malformed");
	while (k < N_KINDS && strcmp(kind_names[k], kind) != 0)
		k++;
	if (k == N_KINDS || (k == LEASE_NAME && !name) || (k == LEASE_OWNER && !owner))
		return err_set(e, ERR_FAILED, "a lease is malformed");
	lease->kind = (enum lease_kind)k;
	lease->expires = (int64_t)expires;
	if (owner && process_parse(&lease->owner, owner, e))
		return -1;
	if (guard && process_parse(&lease->guard, guard, e))
		return -1;
	if (via && process_parse(&lease->via, via, e))
		return -1;
	if (keeper && process_parse(&lease->keeper, keeper, e))
		return -1;
	snprintf(lease->owner_name, sizeof(lease->owner_name), "%s", owner_name);
	if (name && !(lease->name = strdup(name)))
		return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}
