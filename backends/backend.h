/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one contract between the program and a firewall. A backend is a module that exports
 * geopause_backend(); those of this kernel's firewalls are part of the program (builtin.h). It
 * never knows another backend, the journal or the command line, and hook/window.c is the only
 * caller of apply, extend, revert and sweep.
 *
 * Reads (discover, plan, inspect, sweep with look_only) change nothing. A mutation has three
 * outcomes; after OUTCOME_UNKNOWN the caller inspects before it decides anything.
 *
 * Messages say what failed and where; the caller adds what is open and what to do next.
 */
#ifndef GEOPAUSE_BACKEND_H
#define GEOPAUSE_BACKEND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "challenge.h"
#include "err.h"
#include "names.h"
#include "observation.h"
#include "target.h"

#define BACKEND_ABI 8u
#define BACKEND_SYMBOL "geopause_backend"

/* A transaction id: 12 lower-case hex digits, part of our mark in the live firewall. */
#define TXN_LEN 12
#define TXN_BUF (TXN_LEN + 1)

enum backend_caps {
	BACKEND_ATOMIC = 1 << 0,          /* apply and revert happen entirely or not at all */
	BACKEND_KERNEL_EXPIRY = 1 << 1,   /* the kernel closes the lift by itself */
	BACKEND_PROVIDER_EXPIRY = 1 << 2, /* the provider does */
	BACKEND_CONCURRENCY = 1 << 3,     /* a write fails if the state changed since it was read */
	BACKEND_HEARTBEAT = 1 << 4,       /* extend is cheap and disturbs nothing: expiries may be
					     short and be moved all the time */
	BACKEND_SURVIVES_BOOT = 1 << 5, /* what it lifts is not in this kernel: a new boot does not
					   close it */
	BACKEND_ALL_RIGHTS = 1 << 7,    /* what it runs may need any right that the caller has */
	BACKEND_APART = 1 << 8,         /* each target is asked for by itself: one may be lifted and
					   another not */
};

enum outcome {
	OUTCOME_DONE,
	OUTCOME_NOT_DONE, /* e says why */
	OUTCOME_UNKNOWN,  /* e says why; inspect */
};

/* Where a lift stands, seen in the live firewall. */
enum lift_state {
	LIFT_LIFTED,     /* all of it is there and open */
	LIFT_CLOSED,     /* all of it is there, but its expiry has passed: closed, not yet exact */
	LIFT_NOT_LIFTED, /* nothing of it is there */
	LIFT_DRIFTED,    /* part of it is there: somebody changed the ruleset */
	LIFT_PENDING,    /* a change was accepted and is not done: open or not, await it */
	LIFT_UNKNOWN,    /* could not be read; e says why */
};

struct lift_request {
	const struct target *const *targets; /* all of this backend's, borrowed */
	size_t n;
	struct ports ports;
	char txn[TXN_BUF];
	unsigned expiry_s; /* the lift closes by itself after this many seconds: a heartbeat */
	unsigned window_s; /* what cannot be moved on cheaply closes after this many, >= expiry_s */
	bool explain;      /* fill in before and after of each step, whatever it costs */
	bool at_once;      /* apply comes next, and then inspect; if not, plan_free */
};

/* One rule or set that the plan changes; everything ASCII. */
struct step {
	size_t target;   /* index into the request's targets */
	const char *how; /* "skip", "widen", "set"; static */
	char *where;     /* "inet filter input handle 7" */
	char *rule;      /* the rule, short */
	char *before;    /* with explain: in the firewall's own syntax; NULL if nothing was there */
	char *after;
	char *reason; /* why this rule is taken for the geo-block, and why it is lifted so */
};

struct plan {
	struct step *steps;
	size_t n; /* 0: nothing stands in the way of these ports */
	struct names
		notes; /* what the administrator should know: limits reset, other blocks, ... */
	void *data;    /* the backend's own */
};

struct backend; /* an open backend; each module has its own */
struct cover;   /* what the lifted rules of one lift would block; each module has its own */

struct backend_ops {
	unsigned abi; /* BACKEND_ABI */
	const char *name;
	unsigned caps;

	/*
	 * ERR_FAILED: no right or no such firewall; the message says what to do. e->sys is ENOENT
	 * if this kernel has none, and so no rules and no marks in it.
	 */
	int (*open)(struct backend **backend, struct err *e);
	void (*close)(struct backend *backend);

	/*
	 * fd is the lock of the state directory; -1: not held. Whatever is started to change
	 * something inherits it, so that the lock is not free before that has ended. NULL: nothing
	 * is started.
	 */
	void (*hold)(struct backend *backend, int fd);

	/*
	 * From now on what is asked and answered is told, a line each, without secrets; by any
	 * thread of the backend's. NULL: there is nothing to be told.
	 */
	void (*trace)(struct backend *backend, void (*line)(const char *line));

	/*
	 * Appends what decides by the source on the way to these ports to *found; the caller frees
	 * it. Unreadable firewalls are errors. NULL: nobody can look, as at a provider.
	 */
	int (*discover)(struct backend *backend, const struct ports *ports,
			struct observations *found, struct err *e);

	/*
	 * Reads the present state and decides the steps, all targets at once. A target that does
	 * not fit is ERR_POLICY (through target_err), one that cannot be lifted safely ERR_FAILED.
	 */
	int (*plan)(struct backend *backend, const struct lift_request *request, struct plan **plan,
		    struct err *e);
	/* What revert, inspect and extend need in another process; a new reference, or NULL. */
	json_t *(*record)(const struct plan *plan);
	void (*plan_free)(struct plan *plan);
	/*
	 * Of a backend with BACKEND_HEARTBEAT: false if this lift has parts that cannot be moved
	 * on cheaply; it was planned for window_s then. NULL: none has.
	 */
	bool (*beats)(const json_t *record);
	/* Does this lift close by itself? NULL: as the capabilities say. */
	bool (*expires)(const json_t *record);

	/*
	 * Does the plan; what takes its time is only begun. If the state changed since, it plans
	 * again, a bounded number of times.
	 */
	enum outcome (*apply)(struct backend *backend, struct plan *plan, struct err *e);
	/*
	 * Waits, for a bounded time, until what was applied is in force, or reverted gone; without
	 * the lock. NULL: it is when apply is done, or revert.
	 */
	enum outcome (*await)(struct backend *backend, const json_t *record, struct err *e);
	/*
	 * After every mutation and await: brings the record up to date with what was accepted, and
	 * what is done by now. False: nothing is left to be waited for. NULL: never is. *more (may
	 * be NULL): there are steps of the lift that can only be begun when what is waited for is
	 * done: go_on. Until then, and while nothing is under way, it is LIFT_DRIFTED.
	 */
	bool (*pending)(struct backend *backend, json_t *record, bool *more);
	/*
	 * After await, with the lock again: the next of these steps, unless something is under way,
	 * begun by somebody else. Not done: what is there has to be taken back. Called where
	 * pending says that there is more.
	 */
	enum outcome (*go_on)(struct backend *backend, const json_t *record, struct err *e);
	/* *left_s: seconds until the lift closes by itself, 0 if it is not open. */
	enum lift_state (*inspect)(struct backend *backend, const json_t *record, unsigned *left_s,
				   struct err *e);
	/* The lift closes expiry_s seconds from now. Re-opens one that has expired. */
	enum outcome (*extend)(struct backend *backend, const json_t *record, unsigned expiry_s,
			       struct err *e);
	/*
	 * Takes back what the record describes, computed from the present state; idempotent, what
	 * is gone already is success. Appends to *notes what somebody else changed meanwhile. With
	 * something pending afterwards there may be more to do, by another revert.
	 */
	enum outcome (*revert)(struct backend *backend, const json_t *record, struct names *notes,
			       struct err *e);
	/*
	 * Finds our marks in the live firewall without any record, and removes them; with look_only
	 * just counts. Appends to *found what it was, a line each: with its transaction id in it,
	 * and "(closed)" at its end if it has expired. NULL: it leaves none that could be found.
	 */
	enum outcome (*sweep)(struct backend *backend, bool look_only, struct names *found,
			      struct err *e);

	/*
	 * A number that changes whenever anybody changes the firewall, cheap enough to be asked
	 * 20 times a second. NULL where there is none.
	 */
	int (*generation)(struct backend *backend, uint64_t *generation, struct err *e);

	/*
	 * Flows that a lift let in (policy: "flows": "cut"). cover reads, while the lift is in
	 * place, what its rules would block without it; it is used until cover_free, also after
	 * the lift was reverted. flows lists the flows to the record's ports from the sources that
	 * are covered, a text each that identifies a flow for as long as it lives; cut deletes
	 * them but those in spared, and counts. NULL, all four, where there is no such thing.
	 */
	int (*cover)(struct backend *backend, const json_t *record, struct cover **cover,
		     struct err *e);
	int (*flows)(struct backend *backend, const struct cover *cover, struct names *flows,
		     struct err *e);
	enum outcome (*cut)(struct backend *backend, const struct cover *cover,
			    const struct names *spared, size_t *n, struct err *e);
	void (*cover_free)(struct cover *cover);
};

const struct backend_ops *geopause_backend(void);

#endif
