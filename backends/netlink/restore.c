/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "copy.h"
#include "element.h"
#include "elements.h"
#include "mark.h"
#include "nf.h"

#define RESTORE_TRIES 16

static bool
is_meant(const struct record *record, const char *txn)
{
	return !record || strcmp(record->txn, txn) == 0;
}

/* --- rules --- */

/* Which expressions of a rule are marks that are meant; their number. */
static size_t
find_marks(const struct rule *rule, const struct record *record, bool marks[EXPRS_MAX],
	   char found[TXN_BUF])
{
	size_t n = 0;

	memset(marks, 0, EXPRS_MAX * sizeof(marks[0]));
	for (size_t i = 0; i < rule->core; i += MARK_EXPRS) {
		char txn[TXN_BUF];
		bool inverted;

		if (!mark_at(rule, i, &inverted, txn) || !is_meant(record, txn))
			continue;
		for (size_t k = 0; k < MARK_EXPRS; k++)
			marks[i + k] = true;
		memcpy(found, txn, TXN_BUF);
		n++;
	}
	return n;
}

static bool
is_meant_copy(const struct rule *rule, const struct record *record, char txn[TXN_BUF])
{
	bool inverted;

	return rule->ours &&
	       (mark_at(rule, rule->core, &inverted, txn) || mark_was_saved(rule, txn)) &&
	       is_meant(record, txn);
}

/* What one pass over the ruleset finds and does. */
struct restore {
	struct nl *nl;
	struct ruleset rs;
	const struct record *record;
	struct batch *batch; /* NULL: only look */
	struct names *notes;
	size_t found;
	struct err *e;
};

/* "rule inet filter input handle 7, skipped by geopause_<txn>" */
static void
text_rule(char *buf, size_t size, const struct rule *rule, const char *how, const char *txn)
{
	char name[NAME_BUF];

	snprintf(buf, size, "rule %s %s handle %llu, %s by %s%s", rule->chain->table->text,
		 err_name(name, rule->chain->name), (unsigned long long)rule->handle, how,
		 MARK_SET_PREFIX, txn);
}

static int
stop_at_first(const struct element *x, void *data)
{
	(void)x;
	(void)data;
	return 1;
}

/* Have the transaction's sets in this table nothing left that is open? */
static bool
is_closed(const struct restore *r, const struct table *table, const char *txn)
{
	bool closed = true;

	/* A rule without its set lets nothing through either: it cannot be. */
	for (size_t i = 0; i < r->rs.n_sets && closed; i++) {
		struct set *set = r->rs.sets[i];
		char of[TXN_BUF];

		closed = set->table != table || !mark_is_set(set, of) || strcmp(of, txn) != 0 ||
			 (ruleset_elements(r->nl, set, r->e) == 0 &&
			  element_each(set, stop_at_first, NULL) == 0);
	}
	return closed;
}

/* table NULL: an element that is open, or it would not be seen. */
static int
note(struct restore *r, const struct table *table, const char *txn, const char *text)
{
	bool closed = !r->batch && table && is_closed(r, table, txn);

	r->found++;
	if (!r->notes || names_addf(r->notes, "%s%s", text, closed ? " (closed)" : "") == 0)
		return 0;
	return err_set(r->e, ERR_FAILED, "out of memory while restoring");
}

static int
delete_copy(struct restore *r, const struct rule *rule, const char *txn)
{
	const struct table *table = rule->chain->table;
	bool inverted;
	/* What was saved and loaded is open or not by the time, which is not looked at. */
	const struct table *closing = mark_at(rule, rule->core, &inverted, NULL) ? table : NULL;
	char what[2 * NAME_BUF + 96];
	struct nlmsghdr *nlh;

	text_rule(what, sizeof(what), rule, "added", txn);
	if (!r->batch)
		return note(r, closing, txn, what);
	nlh = batch_message(r->batch, NFT_MSG_DELRULE, 0, table->family, what);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, rule->chain->name);
	mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(rule->handle));
	return note(r, closing, txn, what);
}

static int
strip_rule(struct restore *r, const struct rule *rule, const bool marks[EXPRS_MAX], const char *txn)
{
	char what[2 * NAME_BUF + 96];
	struct copy copy;

	text_rule(what, sizeof(what), rule, "skipped", txn);
	if (!r->batch)
		return note(r, rule->chain->table, txn, what);
	if (copy_prepare(r->nl, &r->rs, rule, r->e) < 0)
		return -1;
	copy_begin(&copy, r->batch, &r->rs, rule, NLM_F_REPLACE, marks, what);
	mnl_attr_put_u64(copy.nlh, NFTA_RULE_HANDLE, htobe64(rule->handle));
	copy_open_list(&copy);
	copy_expressions(&copy, marks);
	copy_close_list(&copy);
	copy_userdata(&copy);
	return note(r, rule->chain->table, txn, what);
}

static int
restore_rules(struct restore *r)
{
	for (size_t i = 0; i < r->rs.n_chains; i++) {
		const struct chain *chain = r->rs.chains[i];

		for (size_t j = 0; j < chain->n; j++) {
			bool marks[EXPRS_MAX];
			char txn[TXN_BUF];
			int rc = 0;

			if (is_meant_copy(chain->rules[j], r->record, txn))
				rc = delete_copy(r, chain->rules[j], txn);
			else if (find_marks(chain->rules[j], r->record, marks, txn) > 0)
				rc = strip_rule(r, chain->rules[j], marks, txn);
			if (rc < 0)
				return -1;
		}
	}
	return 0;
}

/* --- elements of the administrator's sets --- */

struct our_ports {
	const struct set *set;
	const struct record *record;
	struct ports ports;
	char txn[TXN_BUF]; /* of the last */
};

static int
take_our_port(const struct element *x, void *data)
{
	struct our_ports *ours = data;
	bool pair = ours->set->key_type == MARK_SET_KEY_TYPE;
	size_t at = pair ? 4 : 0;
	char txn[TXN_BUF];
	struct ports one = { .n = 1 };

	if (!mark_is_comment(x->comment, txn) || !is_meant(ours->record, txn) ||
	    x->key.len < at + 2)
		return 0;
	one.v[0].proto = pair ? x->key.v[0] : IPPROTO_TCP;
	one.v[0].number = (uint16_t)(x->key.v[at] << 8 | x->key.v[at + 1]);
	ports_add(&ours->ports, &one);
	memcpy(ours->txn, txn, TXN_BUF);
	return 0;
}

static bool
may_hold_ours(const struct set *set)
{
	return select_is_port_set(set) && (set->flags & NFT_SET_TIMEOUT) && set->table->loaded &&
	       !mark_is_set(set, NULL);
}

static int
find_our_ports(struct nl *nl, struct set *set, const struct record *record, struct our_ports *ours,
	       struct err *e)
{
	*ours = (struct our_ports){ .set = set, .record = record };
	if (!may_hold_ours(set))
		return 0;
	if (ruleset_elements(nl, set, e) < 0)
		return -1;
	element_each(set, take_our_port, ours);
	return 0;
}

static int
restore_elements(struct restore *r)
{
	for (size_t i = 0; i < r->rs.n_sets; i++) {
		struct set *set = r->rs.sets[i];
		char what[2 * NAME_BUF + 64], name[NAME_BUF];
		struct our_ports ours;

		if (find_our_ports(r->nl, set, r->record, &ours, r->e) < 0)
			return -1;
		if (ours.ports.n == 0)
			continue;
		if (r->batch)
			elements_delete(r->batch, set, set->table, set->name, &ours.ports);
		snprintf(what, sizeof(what), "ports in set %s of table %s, added by %s%s",
			 err_name(name, set->name), set->table->text, MARK_SET_PREFIX, ours.txn);
		if (note(r, NULL, ours.txn, what) < 0)
			return -1;
	}
	return 0;
}

/* --- our sets --- */

/* A rule that uses our set in a way that is not our mark: somebody else wrote it. */
static const struct rule *
foreign_user(const struct ruleset *rs, const struct set *set)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		const struct chain *chain = rs->chains[i];

		for (size_t j = 0; chain->table == set->table && j < chain->n; j++) {
			const struct rule *rule = chain->rules[j];

			for (size_t k = rule->ours ? rule->n : rule->core; k < rule->n; k++) {
				if (rule->v[k].set && strcmp(rule->v[k].set, set->name) == 0)
					return rule;
			}
		}
	}
	return NULL;
}

static int
restore_sets(struct restore *r)
{
	for (size_t i = 0; i < r->rs.n_sets; i++) {
		const struct set *set = r->rs.sets[i];
		char what[2 * NAME_BUF + 96], txn[TXN_BUF];
		const struct rule *user;
		struct nlmsghdr *nlh;

		if (!mark_is_set(set, txn) || !is_meant(r->record, txn))
			continue;
		user = foreign_user(&r->rs, set);
		if (user) {
			snprintf(what, sizeof(what),
				 "set %s of table %s, which stays: rule handle %llu uses it and is "
				 "not ours",
				 set->name, set->table->text, (unsigned long long)user->handle);
			if (note(r, set->table, txn, what) < 0)
				return -1;
			continue;
		}
		snprintf(what, sizeof(what), "set %s of table %s", set->name, set->table->text);
		if (r->batch) {
			nlh = batch_message(r->batch, NFT_MSG_DELSET, 0, set->table->family, what);
			mnl_attr_put_strz(nlh, NFTA_SET_TABLE, set->table->name);
			mnl_attr_put_strz(nlh, NFTA_SET_NAME, set->name);
		}
		if (note(r, set->table, txn, what) < 0)
			return -1;
	}
	return 0;
}

/* --- the whole --- */

static int
pass(struct restore *r)
{
	if (restore_rules(r) < 0 || restore_elements(r) < 0)
		return -1;
	return restore_sets(r);
}

static enum outcome
restore_once(struct nl *nl, const struct record *record, struct names *notes, struct err *e)
{
	struct restore r = { .nl = nl, .record = record, .notes = notes, .e = e };
	enum outcome outcome = OUTCOME_NOT_DONE;
	struct batch batch;

	if (ruleset_load(&r.rs, nl, every_table, NULL, e) < 0)
		return OUTCOME_NOT_DONE;
	batch_init(&batch, r.rs.generation);
	r.batch = &batch;
	if (pass(&r) == 0)
		outcome = batch_empty(&batch) ? OUTCOME_DONE : batch_commit(&batch, nl, e);
	batch_fini(&batch);
	ruleset_fini(&r.rs);
	return outcome;
}

/* Somebody changed the ruleset, or an element expired, between reading and writing. */
static bool
is_worth_another_try(const struct err *e)
{
	return e->sys == ERESTART || e->sys == ENOENT || e->sys == EEXIST;
}

enum outcome
restore_apply(struct nl *nl, const struct record *record, struct names *notes, struct err *e)
{
	for (int i = 0; i < RESTORE_TRIES; i++) {
		struct err refused = ERR_INIT;
		struct names found = { 0 };
		enum outcome outcome = restore_once(nl, record, &found, &refused);

		for (size_t k = 0; notes && outcome == OUTCOME_DONE && k < found.n; k++)
			names_add(notes, found.v[k]);
		names_fini(&found);
		if (outcome == OUTCOME_DONE)
			return outcome;
		if (outcome == OUTCOME_UNKNOWN || !is_worth_another_try(&refused)) {
			*e = e->code ? *e : refused;
			return outcome;
		}
	}
	err_set(e, ERR_FAILED, "the ruleset changed %d times between reading and writing it",
		RESTORE_TRIES);
	return OUTCOME_NOT_DONE;
}

int
restore_look(struct nl *nl, const struct record *record, struct names *notes, size_t *n,
	     struct err *e)
{
	struct restore r = { .nl = nl, .record = record, .notes = notes, .e = e };
	int rc;

	*n = 0;
	if (ruleset_load(&r.rs, nl, every_table, NULL, e) < 0)
		return -1;
	rc = pass(&r);
	*n = r.found;
	ruleset_fini(&r.rs);
	return rc;
}
