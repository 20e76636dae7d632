/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * floor TABLE CHAIN lift|restore: the least that a lift can cost. One dump of a chain of an inet
 * table, one transaction that puts a set of two elements there (or deletes it) and replaces each
 * rule that looks something up by itself. No policy, no journal, no checks: a yardstick, no tool.
 *
 * The last close of the socket waits until the kernel has freed what the transaction replaced (some
 * 10 ms); a child does it, so that the caller need not wait.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SET "floor"
#define KEY_TYPE 0x34du /* inet_proto . inet_service, for nft's display only */
#define RULE_MAX 4096   /* bytes of a rule's expressions */
#define RULES_MAX 16

struct rule {
	uint64_t handle; /* network byte order */
	uint16_t len;
	char expressions[RULE_MAX];
};

struct floor {
	const char *table, *chain;
	struct rule rules[RULES_MAX];
	size_t n;
	struct mnl_nlmsg_batch *batch;
	uint32_t seq;
};

static struct nlmsghdr *
message(void *buf, int type, int flags, uint8_t family, uint16_t res)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	msg->nlmsg_type = (uint16_t)type;
	msg->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nfg = mnl_nlmsg_put_extra_header(msg, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(res);
	return msg;
}

static struct nlmsghdr *
batch_message(struct floor *f, int type, int flags)
{
	return message(mnl_nlmsg_batch_current(f->batch), NFNL_SUBSYS_NFTABLES << 8 | type, flags,
		       1 /* inet */, 0);
}

struct seen {
	uint64_t handle;
	const struct nlattr *expressions;
	int lookup;
};

static int
see_name(const struct nlattr *attr, void *data)
{
	struct seen *seen = data;

	if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME &&
	    strcmp(mnl_attr_get_str(attr), "lookup") == 0)
		seen->lookup = 1;
	return MNL_CB_OK;
}

static int
see_expression(const struct nlattr *attr, void *data)
{
	return mnl_attr_parse_nested(attr, see_name, data);
}

static int
see_part(const struct nlattr *attr, void *data)
{
	struct seen *seen = data;

	if (mnl_attr_get_type(attr) == NFTA_RULE_HANDLE)
		seen->handle = mnl_attr_get_u64(attr);
	if (mnl_attr_get_type(attr) != NFTA_RULE_EXPRESSIONS)
		return MNL_CB_OK;
	seen->expressions = attr;
	return mnl_attr_parse_nested(attr, see_expression, seen);
}

static int
take_rule(const struct nlmsghdr *msg, void *data)
{
	struct floor *f = data;
	struct rule *rule = &f->rules[f->n];
	struct seen seen = { 0 };

	mnl_attr_parse(msg, sizeof(struct nfgenmsg), see_part, &seen);
	if (!seen.lookup || f->n == RULES_MAX ||
	    mnl_attr_get_payload_len(seen.expressions) > RULE_MAX)
		return MNL_CB_OK;
	rule->handle = seen.handle;
	rule->len = mnl_attr_get_payload_len(seen.expressions);
	memcpy(rule->expressions, mnl_attr_get_payload(seen.expressions), rule->len);
	f->n++;
	return MNL_CB_OK;
}

static int
dump(struct floor *f, struct mnl_socket *nl)
{
	static char buf[1 << 16];
	struct nlmsghdr *msg = message(buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP,
				       1 /* inet */, 0);
	ssize_t got;
	int ret = 1;

	mnl_attr_put_strz(msg, NFTA_RULE_TABLE, f->table);
	mnl_attr_put_strz(msg, NFTA_RULE_CHAIN, f->chain);
	if (mnl_socket_sendto(nl, msg, msg->nlmsg_len) < 0)
		return -1;
	while (ret > 0) {
		got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (got < 0)
			return -1;
		ret = mnl_cb_run(buf, (size_t)got, 0, 0, take_rule, f);
	}
	return ret;
}

static void
put_set(struct floor *f)
{
	struct nlmsghdr *msg = batch_message(f, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *list, *elem, *key;

	mnl_attr_put_strz(msg, NFTA_SET_TABLE, f->table);
	mnl_attr_put_strz(msg, NFTA_SET_NAME, SET);
	mnl_attr_put_u32(msg, NFTA_SET_FLAGS, htonl(NFT_SET_TIMEOUT));
	mnl_attr_put_u32(msg, NFTA_SET_KEY_TYPE, htonl(KEY_TYPE));
	mnl_attr_put_u32(msg, NFTA_SET_KEY_LEN, htonl(8));
	mnl_attr_put_u32(msg, NFTA_SET_ID, htonl(1));
	mnl_nlmsg_batch_next(f->batch);

	msg = batch_message(f, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	mnl_attr_put_strz(msg, NFTA_SET_ELEM_LIST_TABLE, f->table);
	mnl_attr_put_strz(msg, NFTA_SET_ELEM_LIST_SET, SET);
	list = mnl_attr_nest_start(msg, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (uint8_t port = 80; port < 82; port++) {
		const uint8_t value[8] = { 6, 0, 0, 0, 0, port };

		elem = mnl_attr_nest_start(msg, NFTA_LIST_ELEM);
		key = mnl_attr_nest_start(msg, NFTA_SET_ELEM_KEY);
		mnl_attr_put(msg, NFTA_DATA_VALUE, sizeof(value), value);
		mnl_attr_nest_end(msg, key);
		mnl_attr_put_u64(msg, NFTA_SET_ELEM_TIMEOUT, htobe64(60000));
		mnl_attr_nest_end(msg, elem);
	}
	mnl_attr_nest_end(msg, list);
	mnl_nlmsg_batch_next(f->batch);
}

static void
put_replaced(struct floor *f, const struct rule *rule)
{
	struct nlmsghdr *msg = batch_message(f, NFT_MSG_NEWRULE, NLM_F_REPLACE);

	mnl_attr_put_strz(msg, NFTA_RULE_TABLE, f->table);
	mnl_attr_put_strz(msg, NFTA_RULE_CHAIN, f->chain);
	mnl_attr_put_u64(msg, NFTA_RULE_HANDLE, rule->handle);
	mnl_attr_put(msg, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, rule->len, rule->expressions);
	mnl_nlmsg_batch_next(f->batch);
}

static void
put_set_gone(struct floor *f)
{
	struct nlmsghdr *msg = batch_message(f, NFT_MSG_DELSET, 0);

	mnl_attr_put_strz(msg, NFTA_SET_TABLE, f->table);
	mnl_attr_put_strz(msg, NFTA_SET_NAME, SET);
	mnl_nlmsg_batch_next(f->batch);
}

static int
commit(struct floor *f, struct mnl_socket *nl, int lift)
{
	static char buf[1 << 17], reply[1 << 13];
	ssize_t got;

	f->batch = mnl_nlmsg_batch_start(buf, sizeof(buf) / 2);
	if (!f->batch)
		return -1;
	message(mnl_nlmsg_batch_current(f->batch), NFNL_MSG_BATCH_BEGIN, 0, 0,
		NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(f->batch);
	if (lift)
		put_set(f);
	for (size_t i = 0; i < f->n; i++)
		put_replaced(f, &f->rules[i]);
	if (!lift)
		put_set_gone(f);
	message(mnl_nlmsg_batch_current(f->batch), NFNL_MSG_BATCH_END, NLM_F_ACK, 0,
		NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(f->batch);
	if (mnl_socket_sendto(nl, mnl_nlmsg_batch_head(f->batch), mnl_nlmsg_batch_size(f->batch)) <
	    0)
		return -1;
	got = mnl_socket_recvfrom(nl, reply, sizeof(reply));
	return got < 0 ? -1 : mnl_cb_run(reply, (size_t)got, 0, 0, NULL, NULL);
}

int
main(int argc, char **argv)
{
	static struct floor f;
	struct mnl_socket *nl;

	if (argc != 4) {
		fprintf(stderr, "usage: floor TABLE CHAIN lift|restore\n");
		return 2;
	}
	f.table = argv[1];
	f.chain = argv[2];
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || dump(&f, nl) < 0 ||
	    commit(&f, nl, strcmp(argv[3], "lift") == 0) < 0) {
		fprintf(stderr, "floor: %s\n", strerror(errno));
		return 1;
	}
	if (fork() == 0) {
		usleep(1000);
		_exit(0);
	}
	return f.n ? 0 : 1;
}
