/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal: what geopause has done, or is about to do, to the firewall of one network
 * namespace. Written before each mutation; the file format stands in journal.c. Only the holder of
 * the state's lock writes; reading needs no lock, because files are replaced atomically.
 */
#ifndef GEOPAUSE_JOURNAL_H
#define GEOPAUSE_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "challenge.h"
#include "err.h"
#include "identity.h"
#include "lease.h"
#include "names.h"
#include "policy.h"

#define JOURNAL_VERSION 2
#define JOURNAL_FILE_MAX (16u << 20) /* bytes */
#define JOURNAL_NAME_MAX 64          /* bytes, of the file's name */

enum journal_state {
	JOURNAL_OPENING, /* the lifts may be there or not */
	JOURNAL_OPEN,
	JOURNAL_CLOSING, /* as JOURNAL_OPENING */
};

const char *journal_state_name(enum journal_state state);

/* What one backend was asked to do in one transaction. */
struct lift {
	char *backend;
	char txn[TXN_BUF];
	struct ports ports;
	bool expires_itself; /* the kernel or the provider closes it */
	bool survives_boot;  /* a new boot does not close it: lasting.h */
	bool applied;        /* it was seen to be lifted; else it may be, and is to be taken back */
	struct names targets; /* their names in the policy */
	struct names tables;  /* where: "inet filter" */
	json_t *documents; /* array: the targets as in a policy, for telling whether they changed */
	json_t *record;    /* what the backend's revert needs */
};

struct lifts {
	struct lift *v; /* in the order in which they were applied */
	size_t n;
};

/* What a client asked to be lifted, so that it can be lifted again. */
struct wish {
	json_t *policy;  /* a policy document: its targets */
	bool discovered; /* there was no policy: look for geo-blocks again */
	struct ports ports;
	struct ports begun; /* of these: asked for by a call that is not done yet */
};

struct wishes {
	struct wish *v;
	size_t n;
};

struct journal {
	enum journal_state state;
	char window[TXN_BUF];
	struct identity id;
	int64_t opened_wall;  /* seconds since 1970 */
	int64_t opened;       /* the rest: CLOCK_BOOTTIME, seconds */
	int64_t deadline;     /* max_window */
	int64_t expiry;       /* the latest that was asked of any lift */
	unsigned heartbeat_s; /* a watchdog moves short expiries on; 0: nobody does */
	enum on_refresh on_refresh;
	enum flows flows;
	struct names spared; /* flows that were there before the window: not to be cut */
	struct leases leases;
	struct wishes wishes;
	struct lifts lifts;
};

enum journal_read {
	JOURNAL_NONE,
	JOURNAL_GOOD,
	JOURNAL_BAD,        /* its content cannot be used; e says why */
	JOURNAL_UNREADABLE, /* the file system failed; e says why */
};

/* "window-COOKIE.json"; buf has JOURNAL_NAME_MAX bytes. */
const char *journal_name(char *buf, uint64_t netns);
/* The inverse: false if this is no journal's name. */
bool journal_name_parse(const char *name, uint64_t *netns);

enum journal_read journal_read(int dir, const char *name, struct journal *journal, struct err *e);
/* What journal_read does with the file's bytes; JOURNAL_GOOD or JOURNAL_BAD, then empty. */
enum journal_read journal_decode(struct journal *journal, const char *text, size_t len,
				 struct err *e);
/* Its first line says that a later version wrote it. */
bool journal_is_newer(int dir, const char *name);
/* durable: fsync file and directory, for what survives the boot. */
int journal_write(int dir, const char *name, const struct journal *journal, bool durable,
		  struct err *e);
/* A missing file is success. */
int journal_remove(int dir, const char *name, struct err *e);
/* Renames it to NAME.bad-SECONDS[-N], never deletes; aside has JOURNAL_NAME_MAX bytes. */
int journal_put_aside(int dir, const char *name, char *aside, struct err *e);
void journal_fini(struct journal *journal);

/* Appends an empty lift, or NULL. */
struct lift *lifts_add(struct lifts *lifts);
void lifts_drop(struct lifts *lifts, size_t i);
/* All that they lift. */
struct ports lifts_ports(const struct lifts *lifts);
/* One of the first n names this target: lifts of more ports name it again. */
bool lifts_named_before(const struct lifts *lifts, size_t n, const char *target);
/* All return 0, or -1 when memory is gone. */
int wishes_copy(struct wishes *copy, const struct wishes *wishes);
void wishes_fini(struct wishes *wishes);
/* Adds the ports to an equal wish, or appends one; takes a reference. */
int wishes_add(struct wishes *wishes, json_t *policy, bool discovered, const struct ports *ports);
/* The same; what is new of them is only begun. */
int wishes_begin(struct wishes *wishes, json_t *policy, bool discovered, const struct ports *ports);
bool wishes_are_begun(const struct wishes *wishes);
/* What was begun is done, or else was never asked for. */
void wishes_settle(struct wishes *wishes, bool done);

/* journal_json.c: the document inside the file. A new reference, or NULL when memory is gone. */
json_t *journal_json(const struct journal *journal);
int journal_parse(struct journal *journal, json_t *json, struct err *e);

#endif
