/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A target: one geo-block in one firewall, as the policy names it (geopause-policy(5)) or as
 * `discover` found it. Plain values; backends read them, nobody but the policy's loader and
 * target_* writes them.
 */
#ifndef GEOPAUSE_TARGET_H
#define GEOPAUSE_TARGET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define TARGET_COMMAND_MAX 32u   /* strings */
#define TARGET_CONFIG_LEVELS 32u /* of objects and arrays: it becomes part of other documents */
#define TARGET_DEADLINE_DEFAULT_S 30u
#define TARGET_DEADLINE_MAX_S 300u

enum action {
	ACTION_AUTO,  /* let the backend choose */
	ACTION_SKIP,  /* the rule denies: packets to the lifted ports skip it */
	ACTION_WIDEN, /* the rule allows: it takes packets to the lifted ports from everywhere */
	ACTION_SET,   /* the administrator's own set of open ports gets elements */
};

/* "auto", "skip", ...; the array form is for the parser and has an entry for every action. */
const char *action_name(enum action action);
int action_by_name(const char *name, enum action *action);

/* A shell-style pattern (fnmatch(3), no flags) or exact name, with the line it stands on. */
struct pattern {
	char *text;
	unsigned line; /* 1-based; 0: not from a file */
};

struct patterns {
	struct pattern *v;
	size_t n;
};

/*
 * Which rules of the table: every key that is given must match, each by any of its patterns.
 * All empty: every rule of the table (and chain) that decides by the source address.
 */
struct rule_selector {
	struct patterns chain;
	struct patterns set;     /* named sets (iptables: of ipset(8)) with the sources */
	struct patterns map;     /* verdict maps, or maps whose value later rules decide on */
	struct patterns comment; /* the rule's comment */
	uint64_t *handles;       /* as `nft -a list` shows them; not stable across reloads */
	size_t n_handles;
	unsigned handle_line;
};

struct target {
	char *name;    /* unique in the policy */
	char *backend; /* "nftables", "iptables", "exec", "rest" */
	char *table;   /* nftables: "inet filter"; iptables: "filter", for both families; or NULL */
	enum action action;
	struct rule_selector rules;

	/* exec: */
	char **command;      /* argv, NULL-terminated; or NULL */
	unsigned deadline_s; /* how long each call of it may take; rest: each operation */
	json_t *config;      /* what it is given, whatever that means; or NULL */
	unsigned command_line;

	/* rest, geopause-recipe(5): */
	char *recipe;    /* its name, or an absolute path; or NULL */
	json_t *params;  /* an object of strings; or NULL */
	json_t *secrets; /* references: {"token": {"file": PATH} or {"credential": NAME}}; or NULL
			  */
	char *ca_file;   /* absolute path, PEM; or NULL: the system's */
	char *pin;       /* "sha256//BASE64", as CURLOPT_PINNEDPUBLICKEY; or NULL */
	bool plain;      /* without TLS */
	unsigned recipe_line;

	const char *file; /* the policy's path, borrowed; NULL: found by discover */
	unsigned line;    /* where the target begins */
	unsigned table_line;
	size_t index; /* in "targets" */
};

/* Takes nothing; copies text. */
int patterns_add(struct patterns *patterns, const char *text, unsigned line);
bool pattern_matches(const struct pattern *pattern, const char *name);
/* The first pattern that matches, or NULL. */
const struct pattern *patterns_match(const struct patterns *patterns, const char *name);
/* True when the text has a character special to fnmatch(3). */
bool pattern_is_wild(const struct pattern *pattern);
void target_fini(struct target *target);
/* Where its firewall is, for people: the table, the command or the recipe. */
const char *target_where(const struct target *target);
/*
 * True when both mean the same rules and the same action: backend, table, action and selectors,
 * each list in any order. Names, files and lines do not count. Of exec targets: the same name,
 * command and config; of rest targets: the same recipe, parameters and way to the provider.
 */
bool target_same(const struct target *a, const struct target *b);

/*
 * Reports a target that does not fit the live firewall, as an ERR_POLICY:
 * "FILE:LINE: targets[INDEX].PATH: message", or "discovered target NAME: message" without a file.
 * path is like "rules.set[1]" or "table"; line 0 takes the target's own.
 */
int target_err(struct err *e, const struct target *target, const char *path, unsigned line,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
