/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipset.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attr.h"
#include "nf.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/xt_set.h>

/* What a match looks up. */
struct question {
	ip_set_id_t index;
	bool inverted;
	const uint8_t *address;
	uint8_t family;
	char name[IPSET_MAXNAMELEN];
};

/* Only one address, without counters and other options. */
static bool
read_match(struct question *q, const struct expr *x, const struct packet *packet)
{
	struct xt_set_info info;

	if (x->key < 1 || x->key > 4 || x->a.len < sizeof(info))
		return false;
	memcpy(&info, x->a.v, sizeof(info));
	for (size_t i = sizeof(info); i < x->a.len; i++) {
		if (x->a.v[i])
			return false;
	}
	if (info.dim != IPSET_DIM_ONE)
		return false;
	q->index = info.index;
	q->inverted = (info.flags & IPSET_INV_MATCH) != 0;
	q->address = info.flags & IPSET_DIM_ONE_SRC ? packet->source : packet->destination;
	q->family = packet->family;
	return true;
}

/* The name that the set has now; sets are swapped by their names. */
static bool
find_name(struct question *q)
{
	struct ip_set_req_get_set req = { .op = IP_SET_OP_GET_BYINDEX,
					  .version = IPSET_PROTOCOL_MIN,
					  .set = { .index = q->index } };
	socklen_t len = sizeof(req);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = fd >= 0 && getsockopt(fd, SOL_IP, SO_IP_SET, &req, &len) == 0;

	if (fd >= 0)
		close(fd);
	snprintf(q->name, sizeof(q->name), "%.*s", (int)sizeof(req.set.name) - 1,
		 found ? req.set.name : "");
	return q->name[0] != '\0';
}

static struct nlmsghdr *
request(struct nl *nl, uint16_t command, uint16_t flags, const struct question *q)
{
	struct nlmsghdr *nlh = nl_request_to(nl, NFNL_SUBSYS_IPSET, command, q->family, flags);

	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, q->name);
	return nlh;
}

struct header {
	char type[IPSET_MAXNAMELEN];
	uint8_t family;
};

static int
take_header(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	struct header *header = data;
	const struct nlattr *attr;

	(void)e;
	attr_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		const char *text;

		if (mnl_attr_get_type(attr) == IPSET_ATTR_FAMILY &&
		    mnl_attr_get_payload_len(attr) == 1)
			header->family = mnl_attr_get_u8(attr);
		if (mnl_attr_get_type(attr) != IPSET_ATTR_TYPENAME)
			continue;
		text = attr_string(attr);
		snprintf(header->type, sizeof(header->type), "%s", text ? text : "");
	}
	return 0;
}

/* The kernel answers "not in it" to questions that do not fit the set, too. */
static bool
can_be_asked(struct nl *nl, const struct question *q)
{
	static const char *const types[] = { "hash:ip", "hash:net", "bitmap:ip" };
	struct header header = { .family = 0 };
	struct err e = ERR_INIT;

	if (nl_query(nl, request(nl, IPSET_CMD_HEADER, 0, q), take_header, &header, &e) != 0 ||
	    header.family != q->family)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(header.type, types[i]) == 0)
			return true;
	}
	return false;
}

static enum truth
ask(struct nl *nl, const struct question *q)
{
	struct nlmsghdr *nlh = request(nl, IPSET_CMD_TEST, NLM_F_ACK, q);
	bool v4 = q->family == NFPROTO_IPV4;
	uint16_t type = v4 ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6;
	struct nlattr *data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	struct nlattr *ip = mnl_attr_nest_start(nlh, IPSET_ATTR_IP);
	struct err e = ERR_INIT;

	mnl_attr_put(nlh, type | NLA_F_NET_BYTEORDER, v4 ? 4 : 16, q->address);
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_nest_end(nlh, data);
	if (nl_query(nl, nlh, nl_ignore, NULL, &e) == 0)
		return q->inverted ? TRUTH_NO : TRUTH_YES;
	if (e.sys == IPSET_ERR_EXIST)
		return q->inverted ? TRUTH_YES : TRUTH_NO;
	return TRUTH_MAYBE;
}

enum truth
ipset_match(struct nl *nl, const struct expr *x, const struct packet *packet)
{
	struct question q;

	if (!nl || !read_match(&q, x, packet) || !find_name(&q) || !can_be_asked(nl, &q))
		return TRUTH_MAYBE;
	return ask(nl, &q);
}
