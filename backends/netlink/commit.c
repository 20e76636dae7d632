/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a plan to the transaction that lifts. */
#include "lift.h"

#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "copy.h"
#include "elements.h"
#include "nf.h"

#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_time.h>

#define APPLY_TRIES 16

/* --- our set --- */

static struct nftnl_set *
new_set(const struct table *table, const char *name)
{
	static const char comment[] = "ports that geopause opens for an ACME challenge";
	struct nftnl_set *set = nftnl_set_alloc();
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(128);

	if (set && udata) {
		nftnl_udata_put_strz(udata, NFTNL_UDATA_SET_COMMENT, comment);
		nftnl_set_set_str(set, NFTNL_SET_TABLE, table->name);
		nftnl_set_set_str(set, NFTNL_SET_NAME, name);
		nftnl_set_set_u32(set, NFTNL_SET_ID, 1);
		nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
		nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, MARK_SET_KEY_TYPE);
		nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, MARK_SET_KEY_LEN);
		nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(udata),
				   nftnl_udata_buf_len(udata));
	}
	if (udata)
		nftnl_udata_buf_free(udata);
	return set;
}

/* comment NULL: the set that each table has; of others the journal knows the name. */
static void
put_set(struct batch *batch, const struct lift *lift, const struct table *table, const char *name,
	const struct ports *ports, const char *comment)
{
	char what[2 * NAME_BUF];
	struct nftnl_set *set;
	struct nlmsghdr *nlh;

	snprintf(what, sizeof(what), "adding set %s to table %s", name, table->text);
	set = new_set(table, name);
	if (!set) {
		batch_fail(batch);
		return;
	}
	nlh = batch_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, table->family, what);
	nftnl_set_nlmsg_build_payload(nlh, set);
	nftnl_set_free(set);
	elements_put(batch, NULL, table, name, ports, lift->request.expiry_s, comment);
}

static void
put_sets(struct batch *batch, const struct lift *lift)
{
	char name[MARK_SET_BUF], comment[MARK_COMMENT_BUF];

	mark_comment(comment, lift->request.txn);
	for (size_t i = 0; i < lift->n; i++) {
		const struct lift_step *step = &lift->steps[i];

		if (lift_is_first(lift, i)) {
			mark_set_name(name, lift->request.txn, (struct mark_port){ 0 });
			put_set(batch, lift, step->suspect.rule->chain->table, name,
				&lift->request.ports, NULL);
		}
		if (lift_is_first_of_set(lift, i)) {
			mark_set_name(name, lift->request.txn, step->port);
			put_set(batch, lift, step->suspect.rule->chain->table, name,
				lift_step_ports(lift, step), comment);
		}
	}
}

/* --- rules --- */

static void
put_skip(struct batch *batch, const struct lift *lift, const struct lift_step *step,
	 const char *what)
{
	const struct rule *rule = step->suspect.rule;
	struct copy copy;

	copy_begin(&copy, batch, &lift->rs, rule, NLM_F_REPLACE, NULL, what);
	mnl_attr_put_u64(copy.nlh, NFTA_RULE_HANDLE, htobe64(rule->handle));
	copy_open_list(&copy);
	if (!mark_put_prefix(copy.nlh, lift->request.txn, step->port, true))
		batch_fail(batch);
	copy_expressions(&copy, NULL);
	copy_close_list(&copy);
	copy_userdata(&copy);
}

/* meta KEY == these bytes. */
static bool
put_meta_is(struct nlmsghdr *nlh, uint32_t key, const void *data, uint32_t len)
{
	struct nftnl_expr *load = nftnl_expr_alloc("meta"), *compare = nftnl_expr_alloc("cmp");
	bool put;

	if (load) {
		nftnl_expr_set_u32(load, NFTNL_EXPR_META_KEY, key);
		nftnl_expr_set_u32(load, NFTNL_EXPR_META_DREG, NFT_REG_1);
	}
	if (compare) {
		nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
		nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
		nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, data, len);
	}
	put = mark_put_expr_take(nlh, load);
	return mark_put_expr_take(nlh, compare) && put;
}

/*
 * A test of the mark stands for one of the source: where only one family is marked, the copy must
 * not let the other through.
 */
static bool
put_family(struct nlmsghdr *nlh, const struct suspect *s)
{
	uint16_t protocol = htons(s->mark_families == FAMILY_IPV4 ? 0x0800 : 0x86dd);

	return put_meta_is(nlh, NFT_META_PROTOCOL, &protocol, sizeof(protocol));
}

/* What the copy of a verdict map does instead of looking up. */
static bool
put_verdict(struct nlmsghdr *nlh, const struct branch *verdict)
{
	struct nftnl_expr *x = nftnl_expr_alloc("immediate");

	if (!x)
		return false;
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, verdict->verdict);
	if (verdict->chain)
		nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, verdict->chain);
	return mark_put_expr_take(nlh, x);
}

static void
put_comment(struct nlmsghdr *nlh, const char *comment)
{
	uint8_t tlv[2 + MARK_COMMENT_BUF];
	size_t len = strlen(comment) + 1;

	tlv[0] = NFTNL_UDATA_RULE_COMMENT;
	tlv[1] = (uint8_t)len;
	memcpy(tlv + 2, comment, len);
	mnl_attr_put(nlh, NFTA_RULE_USERDATA, len + 2, tlv);
}

/* An extension of iptables. */
static void
put_match(struct nlmsghdr *nlh, const char *name, uint32_t revision, const void *info, size_t len)
{
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM), *data;

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "match");
	data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	mnl_attr_put_strz(nlh, NFTA_MATCH_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_MATCH_REV, htonl(revision));
	mnl_attr_put(nlh, NFTA_MATCH_INFO, len, info);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, elem);
}

/* -m conntrack --ctorigdstport PORT */
static void
put_original_port(struct nlmsghdr *nlh, uint16_t port, bool inverted)
{
	struct xt_conntrack_mtinfo3 info = { .match_flags = XT_CONNTRACK_ORIGDST_PORT,
					     .origdst_port = port,
					     .origdst_port_high = port };

	info.invert_flags = inverted ? XT_CONNTRACK_ORIGDST_PORT : 0;
	put_match(nlh, "conntrack", 3, &info, sizeof(info));
}

/* Which of the rules that a step adds: in a table of iptables each is for one protocol. */
struct own_rule {
	uint8_t proto;     /* or 0: in a table of nftables */
	uint16_t original; /* that alone was asked for; or 0 */
};

/*
 * What iptables shows of our copy, and so saves: `-p tcp -m multiport --dports 80,443 -m time
 * --datestop ...`. Loaded again after the window, it lets nobody in.
 */
static bool
put_shown(struct nlmsghdr *nlh, const struct lift *lift, const struct lift_step *step,
	  const struct own_rule *own)
{
	const struct ports *ports = lift_step_ports(lift, step);
	struct xt_multiport_v1 multiport = { .flags = XT_MULTIPORT_DESTINATION };
	struct xt_time_info end = { .date_stop = (uint32_t)step->until,
				    .daytime_stop = XT_TIME_MAX_DAYTIME,
				    .monthdays_match = XT_TIME_ALL_MONTHDAYS,
				    .weekdays_match = XT_TIME_ALL_WEEKDAYS };

	for (size_t i = 0; i < ports->n && multiport.count < XT_MULTI_PORTS; i++) {
		if (ports->v[i].proto == own->proto)
			multiport.ports[multiport.count++] = ports->v[i].number;
	}
	if (!put_meta_is(nlh, NFT_META_L4PROTO, &own->proto, sizeof(own->proto)))
		return false;
	put_match(nlh, "multiport", 1, &multiport, sizeof(multiport));
	if (own->original)
		put_original_port(nlh, own->original, false);
	put_match(nlh, "time", 0, &end, sizeof(end));
	return true;
}

static void
put_our_comment(struct nlmsghdr *nlh, const struct lift *lift)
{
	char comment[MARK_COMMENT_BUF];

	mark_comment(comment, lift->request.txn);
	put_comment(nlh, comment);
}

/* Not our marks of other windows, nor the comment that iptables keeps in an expression. */
static void
leave_out_of_copy(const struct rule *rule, bool leave_out[EXPRS_MAX])
{
	for (size_t i = 0; i < EXPRS_MAX; i++)
		leave_out[i] = i < rule->core || (i < rule->n && expr_is_comment(&rule->v[i]));
}

static void
put_copy(struct batch *batch, const struct lift *lift, const struct lift_step *step,
	 const struct own_rule *own, const char *what)
{
	const struct rule *rule = step->suspect.rule, *before = step->place.before;
	bool leave_out[EXPRS_MAX];
	struct copy copy;

	leave_out_of_copy(rule, leave_out);
	for (size_t i = 0; i < EXPRS_MAX; i++)
		leave_out[i] |= step->suspect.criterion.uses[i];
	copy_begin_in(&copy, batch, &lift->rs, rule, step->place.chain,
		      before ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_APPEND, leave_out, own->proto,
		      what);
	if (before)
		mnl_attr_put_u64(copy.nlh, NFTA_RULE_POSITION, htobe64(before->handle));
	copy_open_list(&copy);
	if (!mark_put_prefix(copy.nlh, lift->request.txn, step->port, false))
		batch_fail(batch);
	if (own->proto && !put_shown(copy.nlh, lift, step, own))
		batch_fail(batch);
	if (suspect_one_family(&step->suspect) && !put_family(copy.nlh, &step->suspect))
		batch_fail(batch);
	copy_expressions(&copy, leave_out);
	if (step->suspect.criterion.decides && !put_verdict(copy.nlh, &step->verdict))
		batch_fail(batch);
	copy_close_list(&copy);
	put_our_comment(copy.nlh, lift);
}

static void
put_widen(struct batch *batch, const struct lift *lift, const struct lift_step *step,
	  const char *what)
{
	const struct ports *asked = &lift->request.ports;
	struct own_rule own = { .proto = 0 };
	uint8_t protos[2];
	size_t n = lift_step_protos(lift, step, protos);

	if (step->protos == 0)
		put_copy(batch, lift, step, &own, what);
	for (size_t i = 0; i < n; i++) {
		own = (struct own_rule){ .proto = protos[i] };
		if (!step->by_original)
			put_copy(batch, lift, step, &own, what);
		for (size_t k = 0; step->by_original && k < asked->n; k++) {
			own.original = asked->v[k].number;
			if (asked->v[k].proto == own.proto)
				put_copy(batch, lift, step, &own, what);
		}
	}
}

/*
 * Goes on doing what the rule does, for packets that it is skipped for although they came to a port
 * that is not lifted.
 */
static void
put_guard(struct batch *batch, const struct lift *lift, const struct lift_step *step, uint8_t proto,
	  const char *what)
{
	const struct rule *rule = step->suspect.rule;
	const struct ports *asked = &lift->request.ports;
	bool leave_out[EXPRS_MAX];
	struct copy copy;

	leave_out_of_copy(rule, leave_out);
	copy_begin_in(&copy, batch, &lift->rs, rule, rule->chain, NLM_F_CREATE, leave_out, proto,
		      what);
	mnl_attr_put_u64(copy.nlh, NFTA_RULE_POSITION, htobe64(rule->handle));
	copy_open_list(&copy);
	if (!mark_put_prefix(copy.nlh, lift->request.txn, step->port, false) ||
	    !put_meta_is(copy.nlh, NFT_META_L4PROTO, &proto, sizeof(proto)))
		batch_fail(batch);
	for (size_t i = 0; i < asked->n; i++) {
		if (asked->v[i].proto == proto)
			put_original_port(copy.nlh, asked->v[i].number, true);
	}
	copy_expressions(&copy, leave_out);
	copy_close_list(&copy);
	put_our_comment(copy.nlh, lift);
}

static void
put_guards(struct batch *batch, const struct lift *lift, const struct lift_step *step,
	   const char *what)
{
	uint8_t protos[2];
	size_t n = lift_step_protos(lift, step, protos);

	for (size_t i = 0; step->by_original && i < n; i++)
		put_guard(batch, lift, step, protos[i], what);
}

static void
put_step(struct batch *batch, const struct lift *lift, size_t i)
{
	const struct lift_step *step = &lift->steps[i];
	char *where = lift_where(lift, i), what[512], comment[MARK_COMMENT_BUF];

	if (step->action == ACTION_SKIP) {
		snprintf(what, sizeof(what), "changing rule %s", where ? where : "");
		put_guards(batch, lift, step, what);
		put_skip(batch, lift, step, what);
	} else if (step->action == ACTION_WIDEN) {
		snprintf(what, sizeof(what), "adding a rule behind %s", where ? where : "");
		put_widen(batch, lift, step, what);
	} else {
		mark_comment(comment, lift->request.txn);
		elements_put(batch, step->set, step->set->table, step->set->name, &step->add,
			     lift->request.expiry_s, comment);
	}
	free(where);
}

static enum outcome
apply_once(const struct lift *lift, struct nl *nl, struct err *e)
{
	enum outcome outcome;
	struct batch batch;

	batch_init(&batch, lift->rs.generation);
	put_sets(&batch, lift);
	for (size_t i = 0; i < lift->n; i++)
		put_step(&batch, lift, i);
	outcome = batch_empty(&batch) ? OUTCOME_DONE : batch_commit(&batch, nl, e);
	batch_fini(&batch);
	return outcome;
}

enum outcome
lift_commit(struct lift *lift, struct nl *nl, struct err *e)
{
	for (int i = 0; i < APPLY_TRIES; i++) {
		struct lift_request request = lift->request;
		const struct unseen_nat unseen = lift->unseen;
		struct err refused = ERR_INIT;
		size_t planned = lift->n;
		enum outcome outcome = apply_once(lift, nl, &refused);

		if (outcome != OUTCOME_NOT_DONE || refused.sys != ERESTART) {
			if (outcome != OUTCOME_DONE && !e->code)
				*e = refused;
			return outcome;
		}
		/* Somebody was faster: look again, then send at once. */
		lift_fini(lift);
		if (lift_plan(lift, nl, &request, &unseen, NULL, e) < 0)
			return OUTCOME_NOT_DONE;
		if (planned > 0 && lift->n == 0) {
			err_set(e, ERR_FAILED,
				"the rules of the geo-block went away while they were lifted; "
				"something rewrites the ruleset");
			return OUTCOME_NOT_DONE;
		}
	}
	err_set(e, ERR_FAILED,
		"the ruleset changed %d times between reading and writing it; something rewrites "
		"it all the time",
		APPLY_TRIES);
	return OUTCOME_NOT_DONE;
}
