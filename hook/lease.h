/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leases: the claims on a window, a set keyed by owner. Every one ends by itself in time. */
#ifndef GEOPAUSE_LEASE_H
#define GEOPAUSE_LEASE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ancestry.h"
#include "err.h"

enum lease_kind {
	LEASE_TIMED, /* nobody's: each pre adds one, each post gives back one */
	LEASE_OWNER, /* a process's: ends with it */
	LEASE_NAME,  /* timed, too */
};

struct lease {
	enum lease_kind kind;
	char *name;                         /* LEASE_NAME */
	struct process owner;               /* LEASE_OWNER */
	char owner_name[ANCESTRY_NAME_MAX]; /* "certbot"; printable ASCII, "" if it is not known */
	struct process guard;  /* the `geopause run` that it was taken under, or nobody */
	struct process keeper; /* the `geopause run` that gives it back, or nobody */
	struct process via; /* LEASE_TIMED: the topmost process that it was taken by, or nobody */
	bool unseen;        /* the watchdog cannot see the owner: as a timed one; not stored */
	int64_t expires;    /* CLOCK_BOOTTIME, seconds */
};

struct leases {
	struct lease *v; /* oldest first */
	size_t n;
};

/*
 * The lease that the options ask for, else that of the client above us (ancestry.h), else a timed
 * one. name is borrowed, copy with leases_add. An --owner that does not live is ERR_USAGE.
 */
struct options;
int lease_of(struct lease *lease, const struct options *options, struct err *e);

/* Expired, or its owner is dead. */
bool lease_void(const struct lease *lease);
/* Copies; returns the new entry or NULL. */
struct lease *leases_add(struct leases *leases, const struct lease *lease);
/*
 * Same owner under the same guard, or same name. LEASE_TIMED: the oldest one of the same script
 * (via), else the oldest that nobody alive stands behind. NULL if there is none.
 */
struct lease *leases_find(struct leases *leases, const struct lease *key);
/* The same, but never one that is only nobody else's. */
struct lease *leases_find_own(struct leases *leases, const struct lease *key);
void leases_drop(struct leases *leases, struct lease *lease);
/* Some are not void. */
bool leases_held(const struct leases *leases);
/* Drops the void ones. */
void leases_prune(struct leases *leases);
/* The latest expiry, 0 if there is none. */
int64_t leases_expiry(const struct leases *leases);
void leases_fini(struct leases *leases);

#define LEASE_TEXT_MAX 256
/* "process 123, until 12:34:56" */
const char *lease_text(char *buf, const struct lease *lease);
#define LEASES_TEXT_MAX 600
/* All of them, "; " between. */
const char *leases_text(char *buf, const struct leases *leases);

json_t *lease_json(const struct lease *lease);
int lease_parse(struct lease *lease, json_t *json, struct err *e);

#endif
