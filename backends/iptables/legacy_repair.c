/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_repair.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_script.h"

/* One chain, before and now. The rules now are those of before, with some more or fewer at q. */
struct shifted {
	const struct save *before, *now;
	const struct save_chain *was, *is;
	const char *txn;
	size_t q; /* 0-based */
};

static bool
is_our_jump(const struct shifted *s, size_t i)
{
	const char *spec = s->now->rules[s->is->first + i].spec;
	size_t len = strlen(s->txn);

	return !strncmp(spec, "-j GP-", 6) && !strncmp(spec + 6, s->txn, len) &&
	       spec[6 + len] == '-';
}

/* Where the rule that is number i now was before; SAVE_NONE: it was not there. */
static size_t
number_before(const struct shifted *s, size_t i)
{
	size_t n = s->was->n, more = s->is->n > n ? s->is->n - n : 0;
	size_t fewer = n > s->is->n ? n - s->is->n : 0;

	if (i < s->q)
		return i;
	if (i < s->q + more)
		return SAVE_NONE;
	return i - more + fewer;
}

/* With this q, every rule now that is not our jump is the one that it was. */
static bool
fits(const struct shifted *s)
{
	for (size_t i = 0; i < s->is->n; i++) {
		size_t was = number_before(s, i);

		if (was == SAVE_NONE || is_our_jump(s, i))
			continue;
		if (strcmp(s->before->rules[s->was->first + was].spec,
			   s->now->rules[s->is->first + i].spec) != 0)
			return false;
	}
	return true;
}

/* How the chain moved; false: not by rules that came or went in one place. */
static bool
find_shift(struct shifted *s)
{
	size_t shorter = s->was->n < s->is->n ? s->was->n : s->is->n;

	for (s->q = 0; s->q <= shorter; s->q++)
		if (fits(s))
			return true;
	return false;
}

static bool
is_edited(const struct legacy_edits *edits, size_t rule)
{
	for (size_t i = 0; i < edits->n; i++)
		if (edits->v[i].rule == rule)
			return edits->v[i].action == ACTION_SKIP;
	return false;
}

/* False: what a jump stands for is not known. */
static bool
put_back_in(struct script *script, struct shifted *s, const struct legacy_edits *edits)
{
	bool moved = find_shift(s), known = true;

	for (size_t i = 0; i < s->is->n; i++) {
		const struct save_rule *rule;
		size_t was = moved ? number_before(s, i) : SAVE_NONE;

		if (!is_our_jump(s, i))
			continue;
		if (was == SAVE_NONE) {
			known = false;
			continue;
		}
		rule = &s->before->rules[s->was->first + was];
		if (!is_edited(edits, s->was->first + was))
			fprintf(script->f, "[%" PRIu64 ":%" PRIu64 "] -R %s %zu %s\n",
				rule->packets, rule->bytes, s->was->name, i + 1, rule->spec);
	}
	return known;
}

static bool
write_repair(struct script *script, const struct save *before, const struct save *now,
	     const struct legacy_edits *edits, const char *txn)
{
	bool known = true;

	for (size_t c = 0; c < before->n_chains; c++) {
		size_t chain = save_chain(now, before->chains[c].name);
		struct shifted s = { .before = before, .now = now, .txn = txn };

		if (chain == SAVE_NONE)
			continue;
		s.was = &before->chains[c];
		s.is = &now->chains[chain];
		known = put_back_in(script, &s, edits) && known;
	}
	return known;
}

int
legacy_repair(const struct legacy_host *host, const struct save *before,
	      const struct legacy_edits *edits, const char *txn, struct err *e)
{
	struct script script = { 0 };
	struct save now;
	bool known = false;
	int rc;

	if (host_save(host, edits->family, edits->table, &now, e) < 0)
		return -1;
	rc = script_begin(&script, edits->table, &now, e);
	if (rc == 0) {
		known = write_repair(&script, before, &now, edits, txn);
		rc = script_end(&script, e);
	}
	if (rc == 0 &&
	    host_restore(host, edits->family, script.text, script.len, e) != OUTCOME_DONE)
		rc = -1;
	if (rc == 0 && !known)
		rc = err_set(e, ERR_FAILED,
			     "%s, table %s: a rule that was added without iptables' lock in the "
			     "moment of the change is lost",
			     family_names[edits->family], edits->table);
	script_fini(&script);
	save_fini(&now);
	return rc;
}
