/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a lift stands in the live ruleset. */
#include "restore.h"

#include <errno.h>
#include <string.h>

#include "attr.h"
#include "element.h"
#include "mark.h"
#include "nf.h"

#define INSPECT_TRIES 16

/* The marks of one transaction, counted. */
struct count {
	const struct record *record;
	size_t rules;        /* with our prefix, and copies */
	size_t sets;         /* of ours */
	size_t open, expect; /* elements, in our sets and in the administrator's */
	uint64_t left_ms;    /* the longest */
};

/* Rules are looked at as they come: of the ruleset nothing has to be kept. */
static int
count_rule(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	struct count *count = data;
	struct expr v[EXPRS_MAX];
	struct rule rule = { .v = v };
	const struct nlattr *attr, *exprs = NULL;
	int n;

	if ((nlh->nlmsg_type & 0xff) != NFT_MSG_NEWRULE)
		return 0;
	attr_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS)
			exprs = attr;
	}
	n = exprs_parse(exprs, v);
	if (n < 0)
		return err_set(e, ERR_FAILED, "the kernel sent a rule that cannot be read");
	rule.n = (size_t)n;
	count->rules += mark_count(&rule, count->record->txn);
	return 0;
}

static int
count_element(const struct element *x, void *data)
{
	struct count *count = data;

	count->open++;
	if (x->expires_ms > count->left_ms)
		count->left_ms = x->expires_ms;
	return 0;
}

/* In the administrator's set: only those with our comment. */
static int
count_own_element(const struct element *x, void *data)
{
	const struct count *count = data;
	char txn[TXN_BUF];

	if (!mark_is_comment(x->comment, txn) || strcmp(txn, count->record->txn) != 0)
		return 0;
	return count_element(x, data);
}

static int
count_elements(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	(void)e;
	return element_each_of(nlh, count_element, data);
}

static int
count_own_elements(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	(void)e;
	return element_each_of(nlh, count_own_element, data);
}

/* As nl_query, but a set that is not there has no elements, and *there is false. */
static int
ask_elements(struct count *count, struct nl *nl, const char *table, const char *set, nl_fn fn,
	     bool *there, struct err *e)
{
	struct err refused = ERR_INIT;
	uint8_t family;
	int rc;

	*there = false;
	if (!(table = select_table_name(table, &family)))
		return 0;
	rc = ruleset_ask_elements(nl, family, table, set, fn, count, &refused);
	if (rc < 0 && refused.sys == ENOENT)
		return 0;
	if (rc < 0)
		*e = e->code ? *e : refused;
	*there = rc == 0;
	return rc;
}

static int
count_sets(struct count *count, struct nl *nl, struct err *e)
{
	const struct record *record = count->record;
	char name[MARK_SET_BUF];
	bool there;
	int rc = 0;

	mark_set_name(name, record->txn, (struct mark_port){ 0 });
	for (size_t i = 0; rc == 0 && i < record->tables.n; i++) {
		count->expect += record->ports.n;
		rc = ask_elements(count, nl, record->tables.v[i], name, count_elements, &there, e);
		count->sets += there;
	}
	for (size_t i = 0; rc == 0 && i < record->n_sets; i++) {
		const struct record_set *set = &record->sets[i];

		count->expect += set->ports.n;
		rc = ask_elements(count, nl, set->table, set->set, count_own_elements, &there, e);
	}
	return rc;
}

/* NL_AGAIN: not all of it was of one generation. */
static int
count_once(struct count *count, struct nl *nl, struct err *e)
{
	uint32_t before, after = 0;
	int rc = ruleset_generation(nl, &before, e);

	if (rc == 0)
		rc = nl_query(nl, nl_request(nl, NFT_MSG_GETRULE, NFPROTO_UNSPEC, NLM_F_DUMP),
			      count_rule, count, e);
	if (rc == 0)
		rc = count_sets(count, nl, e);
	if (rc == 0)
		rc = ruleset_generation(nl, &after, e);
	return rc == 0 && after != before ? NL_AGAIN : rc;
}

static enum lift_state
state_of(const struct count *count)
{
	const struct record *record = count->record;

	if (count->rules == 0 && count->sets == 0 && count->open == 0)
		return LIFT_NOT_LIFTED;
	if (count->rules == record->rules && count->sets == record->tables.n &&
	    count->open == count->expect)
		return LIFT_LIFTED;
	if (count->rules == record->rules && count->sets == record->tables.n && count->open == 0)
		return LIFT_CLOSED;
	return LIFT_DRIFTED;
}

enum lift_state
restore_inspect(struct nl *nl, const struct record *record, unsigned *left_s, struct err *e)
{
	*left_s = 0;
	for (int i = 0; i < INSPECT_TRIES; i++) {
		struct count count = { .record = record };
		int rc = count_once(&count, nl, e);

		if (rc < 0)
			return LIFT_UNKNOWN;
		if (rc == 0) {
			*left_s = (unsigned)((count.left_ms + 999) / 1000);
			return state_of(&count);
		}
	}
	err_set(e, ERR_FAILED, "the ruleset changed %d times while it was read", INSPECT_TRIES);
	return LIFT_UNKNOWN;
}
