/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a lift stands in the live ruleset, and moving its expiry. */
#include "restore.h"

#include <errno.h>
#include <string.h>

#include "element.h"
#include "elements.h"
#include "mark.h"
#include "nf.h"

#define EXTEND_TRIES 16

/* The marks of one transaction, counted. */
struct count {
	const char *txn;
	size_t rules;        /* with our prefix, and copies */
	size_t sets;         /* of ours */
	size_t open, expect; /* elements, in our sets and in the administrator's */
	uint64_t left_ms;    /* the longest */
};

static void
count_rules(struct count *count, const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			const struct rule *rule = rs->chains[i]->rules[j];
			size_t end = rule->ours ? rule->core + 1 : rule->core;

			for (size_t k = 0; k < end; k += MARK_EXPRS) {
				char txn[TXN_BUF];
				bool inverted;

				if (mark_at(rule, k, &inverted, txn) &&
				    strcmp(txn, count->txn) == 0)
					count->rules++;
			}
		}
	}
}

struct count_elements {
	struct count *count;
	bool own; /* in the administrator's set: only those with our comment */
};

static int
count_element(const struct element *x, void *data)
{
	struct count_elements *c = data;
	char txn[TXN_BUF];

	if (c->own && (!mark_is_comment(x->comment, txn) || strcmp(txn, c->count->txn) != 0))
		return 0;
	c->count->open++;
	if (x->expires_ms > c->count->left_ms)
		c->count->left_ms = x->expires_ms;
	return 0;
}

static int
count_set(struct count *count, struct nl *nl, struct set *set, bool own, struct err *e)
{
	struct count_elements c = { .count = count, .own = own };

	if (ruleset_elements(nl, set, e) < 0)
		return -1;
	element_each(set, count_element, &c);
	return 0;
}

static struct set *
find_recorded_set(const struct ruleset *rs, const char *table_text, const char *name)
{
	struct table *table = select_table(rs, table_text);

	return table ? ruleset_set(rs, table, name) : NULL;
}

static int
count_marks(struct count *count, struct nl *nl, const struct ruleset *rs,
	    const struct record *record, struct err *e)
{
	char name[MARK_SET_BUF];

	mark_set_name(name, record->txn, MARK_PORT_PACKET);
	count_rules(count, rs);
	for (size_t i = 0; i < record->tables.n; i++) {
		struct set *set = find_recorded_set(rs, record->tables.v[i], name);

		count->expect += record->ports.n;
		if (!set)
			continue;
		count->sets++;
		if (count_set(count, nl, set, false, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < record->n_sets; i++) {
		struct set *set = find_recorded_set(rs, record->sets[i].table, record->sets[i].set);

		count->expect += record->sets[i].ports.n;
		if (set && count_set(count, nl, set, true, e) < 0)
			return -1;
	}
	return 0;
}

enum lift_state
restore_inspect(struct nl *nl, const struct record *record, unsigned *left_s, struct err *e)
{
	struct count count = { .txn = record->txn };
	struct ruleset rs;
	int rc;

	*left_s = 0;
	if (ruleset_load(&rs, nl, every_table, NULL, e) < 0)
		return LIFT_UNKNOWN;
	rc = count_marks(&count, nl, &rs, record, e);
	ruleset_fini(&rs);
	if (rc < 0)
		return LIFT_UNKNOWN;
	*left_s = (unsigned)((count.left_ms + 999) / 1000);
	if (count.rules == 0 && count.sets == 0 && count.open == 0)
		return LIFT_NOT_LIFTED;
	if (count.rules == record->rules && count.sets == record->tables.n &&
	    count.open == count.expect)
		return LIFT_LIFTED;
	if (count.rules == record->rules && count.sets == record->tables.n && count.open == 0)
		return LIFT_CLOSED;
	return LIFT_DRIFTED;
}

/* --- extending --- */

/* Which of the recorded ports are in the set now as ours, and which keys are somebody else's. */
struct present {
	const struct set *set;
	const char *txn; /* NULL: a set of ours, everything in it is */
	const struct ports *wanted;
	struct ports ours, taken;
};

static int
take_present(const struct element *x, void *data)
{
	struct present *p = data;

	for (size_t i = 0; i < p->wanted->n; i++) {
		struct ports one = { .n = 1, .v = { p->wanted->v[i] } };
		uint8_t key[MARK_SET_KEY_LEN];
		size_t len = elements_key(p->txn ? p->set : NULL, one.v[0], key);
		char txn[TXN_BUF];

		if (x->key.len < len || memcmp(x->key.v, key, len) != 0)
			continue;
		if (!p->txn || (mark_is_comment(x->comment, txn) && strcmp(txn, p->txn) == 0))
			ports_add(&p->ours, &one);
		else
			ports_add(&p->taken, &one);
	}
	return 0;
}

static int
extend_set(struct batch *batch, struct nl *nl, struct set *set, const struct record *record,
	   const struct ports *ports, bool own, unsigned expiry_s, struct err *e)
{
	struct present p = { .set = set, .txn = own ? record->txn : NULL, .wanted = ports };
	char comment[MARK_COMMENT_BUF];
	struct ports add;

	if (ruleset_elements(nl, set, e) < 0)
		return -1;
	element_each(set, take_present, &p);
	add = ports_minus(ports, &p.taken);
	mark_comment(comment, record->txn);
	elements_delete(batch, own ? set : NULL, set->table, set->name, &p.ours);
	elements_put(batch, own ? set : NULL, set->table, set->name, &add, expiry_s,
		     own ? comment : NULL);
	return 0;
}

static int
extend_all(struct batch *batch, struct nl *nl, const struct ruleset *rs,
	   const struct record *record, unsigned expiry_s, struct err *e)
{
	char name[MARK_SET_BUF];

	mark_set_name(name, record->txn, MARK_PORT_PACKET);
	for (size_t i = 0; i < record->tables.n; i++) {
		struct set *set = find_recorded_set(rs, record->tables.v[i], name);

		if (set &&
		    extend_set(batch, nl, set, record, &record->ports, false, expiry_s, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < record->n_sets; i++) {
		struct set *set = find_recorded_set(rs, record->sets[i].table, record->sets[i].set);

		if (set && extend_set(batch, nl, set, record, &record->sets[i].ports, true,
				      expiry_s, e) < 0)
			return -1;
	}
	return 0;
}

static enum outcome
extend_once(struct nl *nl, const struct record *record, unsigned expiry_s, struct err *e)
{
	enum outcome outcome = OUTCOME_NOT_DONE;
	struct ruleset rs;
	struct batch batch;

	if (ruleset_load(&rs, nl, every_table, NULL, e) < 0)
		return OUTCOME_NOT_DONE;
	batch_init(&batch, rs.generation);
	if (extend_all(&batch, nl, &rs, record, expiry_s, e) == 0) {
		if (!batch_empty(&batch))
			outcome = batch_commit(&batch, nl, e);
		else
			err_set(e, ERR_FAILED, "the lift is gone from the ruleset");
	}
	batch_fini(&batch);
	ruleset_fini(&rs);
	return outcome;
}

enum outcome
restore_extend(struct nl *nl, const struct record *record, unsigned expiry_s, struct err *e)
{
	for (int i = 0; i < EXTEND_TRIES; i++) {
		struct err refused = ERR_INIT;
		enum outcome outcome = extend_once(nl, record, expiry_s, &refused);

		/* ENOENT: an element expired in between; EEXIST: somebody added it. */
		if (outcome == OUTCOME_NOT_DONE &&
		    (refused.sys == ERESTART || refused.sys == ENOENT || refused.sys == EEXIST))
			continue;
		if (outcome != OUTCOME_DONE)
			*e = e->code ? *e : refused;
		return outcome;
	}
	err_set(e, ERR_FAILED, "the ruleset changed %d times between reading and writing it",
		EXTEND_TRIES);
	return OUTCOME_NOT_DONE;
}
