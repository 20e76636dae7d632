/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unmet.h"

#include <stdio.h>

#define LOOKED_MAX 160

/* "IPv4 and IPv6, iptables-nft and iptables-legacy (not on this host)". */
static const char *
looked_text(char buf[LOOKED_MAX], const struct unmet_place *places, size_t n)
{
	int at = snprintf(buf, LOOKED_MAX, "IPv4 and IPv6, ");

	for (size_t i = 0; i < n && at >= 0 && at < LOOKED_MAX; i++)
		at += snprintf(buf + at, (size_t)(LOOKED_MAX - at), "%s%s%s", i ? " and " : "",
			       places[i].name, places[i].there ? "" : " (no tables here)");
	return buf;
}

int
unmet_check_size(const struct lift_request *request, struct err *e)
{
	for (size_t t = 0; t < request->n; t++) {
		const struct rule_selector *rules = &request->targets[t]->rules;

		if (rules->chain.n > PATTERNS_MAX || rules->set.n > PATTERNS_MAX ||
		    rules->comment.n > PATTERNS_MAX)
			return target_err(
				e, request->targets[t], "rules", 0,
				"more than %d names of one kind: use patterns (\"cc_*\"), or "
				"several targets",
				PATTERNS_MAX);
	}
	return 0;
}

static int
check_patterns(const struct target *target, const struct patterns *patterns, const char *kind,
	       uint64_t met, const char *looked, struct err *e)
{
	char path[32], quoted[NAME_BUF];

	for (size_t i = 0; i < patterns->n && i < PATTERNS_MAX; i++) {
		if (met & (UINT64_C(1) << i) || pattern_is_wild(&patterns->v[i]))
			continue;
		snprintf(path, sizeof(path), "rules.%s[%zu]", kind, i);
		return target_err(e, target, path, patterns->v[i].line,
				  "no rule of table %s that could be meant has the %s \"%s\"%s "
				  "(looked at: %s)",
				  target->table, kind, err_name(quoted, patterns->v[i].text),
				  patterns == &target->rules.set ? " for sources" : "", looked);
	}
	return 0;
}

static int
check_target(const struct target *target, const struct met *met, const char *looked, struct err *e)
{
	const struct rule_selector *rules = &target->rules;

	if (check_patterns(target, &rules->chain, "chain", met->chain, looked, e) < 0 ||
	    check_patterns(target, &rules->set, "set", met->set, looked, e) < 0 ||
	    check_patterns(target, &rules->comment, "comment", met->comment, looked, e) < 0)
		return -1;
	if (met->any)
		return 0;
	return target_err(e, target, "rules", 0, "no rule of table %s %s (looked at: %s)",
			  target->table,
			  rules->chain.n || rules->set.n || rules->comment.n
				  ? "that stops or lets through packets by their source fits all "
				    "of these together"
				  : "decides by the source address",
			  looked);
}

int
unmet_check(const struct lift_request *request, const struct unmet_place *places, size_t n,
	    struct err *e)
{
	char looked[LOOKED_MAX];

	looked_text(looked, places, n);
	for (size_t t = 0; t < request->n; t++) {
		struct met all = { 0 };

		for (size_t i = 0; i < n; i++) {
			all.any |= places[i].met[t].any;
			all.chain |= places[i].met[t].chain;
			all.set |= places[i].met[t].set;
			all.comment |= places[i].met[t].comment;
		}
		if (check_target(request->targets[t], &all, looked, e) < 0)
			return -1;
	}
	return 0;
}
