/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conntrack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "attr.h"
#include "nf.h"

#include <linux/netfilter/nfnetlink_conntrack.h>

#define READ_TRIES 4 /* kernels up to 6.18 never ask for another one */

/* --- reading --- */

static size_t
address_len(uint8_t family)
{
	return family == NFPROTO_IPV4 ? 4 : 16;
}

static bool
take_address(uint8_t to[16], const struct nlattr *nest, uint16_t type, size_t len)
{
	const struct nlattr *attr = attr_find(nest, type);

	if (!attr || mnl_attr_get_payload_len(attr) != len)
		return false;
	memcpy(to, mnl_attr_get_payload(attr), len);
	return true;
}

static bool
take_port(uint16_t *to, const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr = attr_find(nest, type);

	*to = attr ? attr_u16(attr, 0) : 0;
	return attr != NULL;
}

/* False: not of TCP or UDP over IP, or malformed. */
static bool
take_tuple(struct flow *flow, struct flow_tuple *tuple, const struct nlattr *nest)
{
	const struct nlattr *ip = attr_find(nest, CTA_TUPLE_IP);
	const struct nlattr *proto = attr_find(nest, CTA_TUPLE_PROTO);
	const struct nlattr *number = proto ? attr_find(proto, CTA_PROTO_NUM) : NULL;
	bool v4 = flow->family == NFPROTO_IPV4;
	size_t len = address_len(flow->family);

	if (!ip || !number || mnl_attr_get_payload_len(number) != 1)
		return false;
	flow->proto = mnl_attr_get_u8(number);
	if (flow->proto != IPPROTO_TCP && flow->proto != IPPROTO_UDP)
		return false;
	return take_address(tuple->source, ip, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, len) &&
	       take_address(tuple->destination, ip, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, len) &&
	       take_port(&tuple->sport, proto, CTA_PROTO_SRC_PORT) &&
	       take_port(&tuple->dport, proto, CTA_PROTO_DST_PORT);
}

static void
take_zone(bool *has, uint16_t *zone, const struct nlattr *attr)
{
	*has = attr != NULL;
	*zone = attr ? attr_u16(attr, 0) : 0;
}

static bool
flow_parse(struct flow *flow, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *of[CTA_MAX + 1] = { NULL };

	*flow = (struct flow){ .family = nfg->nfgen_family };
	if (flow->family != NFPROTO_IPV4 && flow->family != NFPROTO_IPV6)
		return false;
	attr_each(attr, nlh, sizeof(*nfg))
	{
		if (mnl_attr_get_type(attr) <= CTA_MAX)
			of[mnl_attr_get_type(attr)] = attr;
	}
	if (!of[CTA_TUPLE_ORIG] || !of[CTA_TUPLE_REPLY] || !of[CTA_ID])
		return false;
	flow->id = attr_u32(of[CTA_ID], 0);
	take_zone(&flow->has_zone, &flow->zone, of[CTA_ZONE]);
	take_zone(&flow->has_tuple_zone, &flow->tuple_zone,
		  attr_find(of[CTA_TUPLE_ORIG], CTA_TUPLE_ZONE));
	return take_tuple(flow, &flow->reply, of[CTA_TUPLE_REPLY]) &&
	       take_tuple(flow, &flow->original, of[CTA_TUPLE_ORIG]);
}

int
conntrack_take(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	struct flow_list *flows = data;
	struct flow flow;

	if (!flow_parse(&flow, nlh) ||
	    !ports_contain(&flows->ports, (struct port){ flow.proto, flow.original.dport }))
		return 0;
	if (flows->n == flows->size) {
		size_t size = flows->size ? flows->size * 2 : 64;
		struct flow *grown = reallocarray(flows->v, size, sizeof(*grown));

		if (!grown)
			return err_set(e, ERR_FAILED, "out of memory while reading flows");
		flows->v = grown;
		flows->size = size;
	}
	flows->v[flows->n++] = flow;
	return 0;
}

int
conntrack_read(struct flow_list *flows, struct nl *nl, struct err *e)
{
	struct err refused = ERR_INIT;
	int rc = NL_AGAIN;

	for (int i = 0; rc == NL_AGAIN && i < READ_TRIES; i++) {
		flows->n = 0;
		rc = nl_query(nl,
			      nl_request_to(nl, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, AF_UNSPEC,
					    NLM_F_DUMP),
			      conntrack_take, flows, &refused);
	}
	/* nfnetlink says EINVAL when nf_conntrack_netlink is not there. */
	if (rc == 0 || refused.sys == EINVAL || refused.sys == EOPNOTSUPP ||
	    refused.sys == EPROTONOSUPPORT)
		return 0;
	if (rc == NL_AGAIN)
		err_set(&refused, ERR_FAILED, "they change all the time");
	err_wrap(&refused, "reading the tracked connections");
	*e = e->code ? *e : refused;
	return -1;
}

void
conntrack_fini(struct flow_list *flows)
{
	free(flows->v);
	*flows = (struct flow_list){ 0 };
}

/* --- deleting --- */

static void
put_tuple(struct nlmsghdr *nlh, const struct flow *flow)
{
	const struct flow_tuple *t = &flow->original;
	bool v4 = flow->family == NFPROTO_IPV4;
	size_t len = address_len(flow->family);
	struct nlattr *tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG), *nest;

	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, len, t->source);
	mnl_attr_put(nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, len, t->destination);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, flow->proto);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(t->sport));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(t->dport));
	mnl_attr_nest_end(nlh, nest);
	if (flow->has_tuple_zone)
		mnl_attr_put_u16(nlh, CTA_TUPLE_ZONE, htons(flow->tuple_zone));
	mnl_attr_nest_end(nlh, tuple);
}

int
conntrack_delete(struct nl *nl, const struct flow *flow, struct err *e)
{
	struct nlmsghdr *nlh = nl_request_to(nl, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE,
					     flow->family, NLM_F_ACK);
	struct err refused = ERR_INIT;
	char text[FLOW_TEXT_MAX];

	put_tuple(nlh, flow);
	/* Another flow that has the same tuple by now has another id. */
	mnl_attr_put_u32(nlh, CTA_ID, htonl(flow->id));
	if (flow->has_zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(flow->zone));
	if (nl_query(nl, nlh, nl_ignore, NULL, &refused) >= 0)
		return 1;
	if (refused.sys == ENOENT)
		return 0;
	err_wrap(&refused, "deleting the connection %s%s", conntrack_text(text, flow),
		 refused.sys == EBUSY ? ", which is offloaded to a flowtable" : "");
	*e = e->code ? *e : refused;
	return -1;
}

/* --- naming --- */

const char *
conntrack_text(char buf[FLOW_TEXT_MAX], const struct flow *flow)
{
	int af = flow->family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	char source[INET6_ADDRSTRLEN] = "", destination[INET6_ADDRSTRLEN] = "", zone[32] = "";

	inet_ntop(af, flow->original.source, source, sizeof(source));
	inet_ntop(af, flow->original.destination, destination, sizeof(destination));
	if (flow->has_zone || flow->has_tuple_zone)
		snprintf(zone, sizeof(zone), " zone %u",
			 (unsigned)(flow->has_zone ? flow->zone : flow->tuple_zone));
	snprintf(buf, FLOW_TEXT_MAX, "%s %s %u %s %u id %u%s",
		 flow->proto == IPPROTO_TCP ? "tcp" : "udp", source, flow->original.sport,
		 destination, flow->original.dport, flow->id, zone);
	return buf;
}
