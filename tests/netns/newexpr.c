/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * newexpr TABLE CHAIN SET KIND: appends a drop rule for the sources in SET (of an inet table)
 * that also holds an expression newer than libnftnl 1.2.4, for the tests. KIND:
 *   bitwise   xor of two registers (Linux 6.13): mark xor mark is 0, so that the rule always drops
 *   inner     the source address inside a VXLAN packet (Linux 6.2): never true for plain TCP
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

/* Of newer linux/netfilter/nf_tables.h; the values are its ABI. */
#define BITWISE_SREG2 8  /* NFTA_BITWISE_SREG2 */
#define BITWISE_XOR_OP 5 /* NFT_BITWISE_XOR */
#define INNER_NUM 1      /* NFTA_INNER_* */
#define INNER_TYPE 2
#define INNER_FLAGS 3
#define INNER_HDRSIZE 4
#define INNER_EXPR 5
#define INNER_VXLAN 1
#define INNER_ALL 15u   /* header size, link layer, network and transport header */
#define VXLAN_HEADER 8u /* bytes */
#define IPV4_SADDR 12u
#define IPV4_PROTO 2 /* NFPROTO_IPV4 */

struct expr {
	struct nlattr *elem, *data;
};

static struct expr
expr_begin(struct nlmsghdr *msg, uint16_t kind, const char *name)
{
	struct expr expr = { .elem = mnl_attr_nest_start(msg, kind) };

	mnl_attr_put_strz(msg, NFTA_EXPR_NAME, name);
	expr.data = mnl_attr_nest_start(msg, NFTA_EXPR_DATA);
	return expr;
}

static void
expr_end(struct nlmsghdr *msg, struct expr expr)
{
	mnl_attr_nest_end(msg, expr.data);
	mnl_attr_nest_end(msg, expr.elem);
}

static void
put_u32(struct nlmsghdr *msg, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(msg, type, htonl(value));
}

static void
put_meta(struct nlmsghdr *msg, uint32_t key, uint32_t reg)
{
	struct expr expr = expr_begin(msg, NFTA_LIST_ELEM, "meta");

	put_u32(msg, NFTA_META_KEY, key);
	put_u32(msg, NFTA_META_DREG, reg);
	expr_end(msg, expr);
}

static void
put_cmp(struct nlmsghdr *msg, uint32_t reg, const void *value, size_t len)
{
	struct expr expr = expr_begin(msg, NFTA_LIST_ELEM, "cmp");
	struct nlattr *data;

	put_u32(msg, NFTA_CMP_SREG, reg);
	put_u32(msg, NFTA_CMP_OP, NFT_CMP_EQ);
	data = mnl_attr_nest_start(msg, NFTA_CMP_DATA);
	mnl_attr_put(msg, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(msg, data);
	expr_end(msg, expr);
}

static void
put_saddr(struct nlmsghdr *msg, uint16_t kind, uint32_t reg)
{
	struct expr expr = expr_begin(msg, kind, "payload");

	put_u32(msg, NFTA_PAYLOAD_DREG, reg);
	put_u32(msg, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	put_u32(msg, NFTA_PAYLOAD_OFFSET, IPV4_SADDR);
	put_u32(msg, NFTA_PAYLOAD_LEN, sizeof(struct in_addr));
	expr_end(msg, expr);
}

static void
put_lookup(struct nlmsghdr *msg, const char *set, uint32_t reg)
{
	struct expr expr = expr_begin(msg, NFTA_LIST_ELEM, "lookup");

	mnl_attr_put_strz(msg, NFTA_LOOKUP_SET, set);
	put_u32(msg, NFTA_LOOKUP_SREG, reg);
	expr_end(msg, expr);
}

static void
put_bitwise(struct nlmsghdr *msg)
{
	const uint32_t zero = 0;
	struct expr expr;

	put_meta(msg, NFT_META_MARK, NFT_REG32_00);
	put_meta(msg, NFT_META_MARK, NFT_REG32_01);
	expr = expr_begin(msg, NFTA_LIST_ELEM, "bitwise");
	put_u32(msg, NFTA_BITWISE_SREG, NFT_REG32_00);
	put_u32(msg, NFTA_BITWISE_DREG, NFT_REG32_00);
	put_u32(msg, NFTA_BITWISE_LEN, sizeof(zero));
	put_u32(msg, NFTA_BITWISE_OP, BITWISE_XOR_OP);
	put_u32(msg, BITWISE_SREG2, NFT_REG32_01);
	expr_end(msg, expr);
	put_cmp(msg, NFT_REG32_00, &zero, sizeof(zero));
}

static void
put_inner(struct nlmsghdr *msg)
{
	const struct in_addr inside = { htonl(0x0a000001) };
	struct expr expr = expr_begin(msg, NFTA_LIST_ELEM, "inner");

	put_u32(msg, INNER_NUM, 0);
	put_u32(msg, INNER_TYPE, INNER_VXLAN);
	put_u32(msg, INNER_FLAGS, INNER_ALL);
	put_u32(msg, INNER_HDRSIZE, VXLAN_HEADER);
	put_saddr(msg, INNER_EXPR, NFT_REG32_00);
	expr_end(msg, expr);
	put_cmp(msg, NFT_REG32_00, &inside, sizeof(inside));
}

static void
put_drop(struct nlmsghdr *msg)
{
	struct expr expr = expr_begin(msg, NFTA_LIST_ELEM, "immediate");
	struct nlattr *data, *verdict;

	put_u32(msg, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(msg, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(msg, NFTA_DATA_VERDICT);
	put_u32(msg, NFTA_VERDICT_CODE, 0 /* NF_DROP */);
	mnl_attr_nest_end(msg, verdict);
	mnl_attr_nest_end(msg, data);
	expr_end(msg, expr);
}

static struct nlmsghdr *
message(struct mnl_nlmsg_batch *batch, int type, uint16_t flags, uint8_t family, uint16_t res)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(batch));
	struct nfgenmsg *nfg;

	msg->nlmsg_type = (uint16_t)type;
	msg->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nfg = mnl_nlmsg_put_extra_header(msg, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(res);
	return msg;
}

static void
put_rule(struct mnl_nlmsg_batch *batch, char **argv, void (*put_extra)(struct nlmsghdr *))
{
	const uint8_t ipv4 = IPV4_PROTO;
	struct nlmsghdr *msg = message(batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE,
				       NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, 1 /* inet */, 0);
	struct nlattr *list;

	mnl_attr_put_strz(msg, NFTA_RULE_TABLE, argv[1]);
	mnl_attr_put_strz(msg, NFTA_RULE_CHAIN, argv[2]);
	list = mnl_attr_nest_start(msg, NFTA_RULE_EXPRESSIONS);
	put_meta(msg, NFT_META_NFPROTO, NFT_REG_1);
	put_cmp(msg, NFT_REG_1, &ipv4, sizeof(ipv4));
	put_saddr(msg, NFTA_LIST_ELEM, NFT_REG_1);
	put_lookup(msg, argv[3], NFT_REG_1);
	put_extra(msg);
	put_drop(msg);
	mnl_attr_nest_end(msg, list);
	mnl_nlmsg_batch_next(batch);
}

/* Returns 0, or -1 with errno: of the socket, or what the kernel said to the rule. */
static int
send_batch(struct mnl_nlmsg_batch *batch)
{
	char reply[8192];
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	ssize_t got;
	int ret = -1;

	if (!nl)
		return -1;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, mnl_nlmsg_batch_head(batch), mnl_nlmsg_batch_size(batch)) >= 0) {
		got = mnl_socket_recvfrom(nl, reply, sizeof(reply));
		ret = got < 0 ? -1 : mnl_cb_run(reply, (size_t)got, 0, 0, NULL, NULL);
	}
	mnl_socket_close(nl);
	return ret < 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	static char buf[16384];
	struct mnl_nlmsg_batch *batch;
	void (*put_extra)(struct nlmsghdr *) = NULL;

	if (argc == 5 && strcmp(argv[4], "bitwise") == 0)
		put_extra = put_bitwise;
	else if (argc == 5 && strcmp(argv[4], "inner") == 0)
		put_extra = put_inner;
	if (!put_extra) {
		fprintf(stderr, "usage: newexpr TABLE CHAIN SET bitwise|inner\n");
		return 2;
	}
	batch = mnl_nlmsg_batch_start(buf, sizeof(buf) / 2);
	if (!batch)
		return 1;
	message(batch, NFNL_MSG_BATCH_BEGIN, 0, 0, NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(batch);
	put_rule(batch, argv, put_extra);
	message(batch, NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(batch);
	if (send_batch(batch) < 0) {
		fprintf(stderr, "newexpr: %s: %s\n", argv[4], strerror(errno));
		mnl_nlmsg_batch_stop(batch);
		return 1;
	}
	mnl_nlmsg_batch_stop(batch);
	return 0;
}
