/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moving the expiry of a lift. */
#include <errno.h>
#include <string.h>

#include "element.h"
#include "elements.h"
#include "mark.h"
#include "nf.h"
#include "restore.h"

#define EXTEND_TRIES 16

static struct set *
find_recorded_set(const struct ruleset *rs, const char *table_text, const char *name)
{
	struct table *table = select_table(rs, table_text);

	return table ? ruleset_set(rs, table, name) : NULL;
}

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

	mark_set_name(name, record->txn, (struct mark_port){ 0 });
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
