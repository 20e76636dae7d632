/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking the kernel for an address in a set of ipset(8). */
#include <string.h>

#include "attr.h"
#include "legacy_set.h"
#include "nf.h"
#include "nlsock.h"

#include <linux/netfilter/ipset/ip_set.h>

struct header {
	bool of_address;
	uint8_t family;
};

static struct nlmsghdr *
request(struct nl *nl, uint16_t command, uint16_t flags, uint8_t family, const char *set)
{
	struct nlmsghdr *nlh = nl_request_to(nl, NFNL_SUBSYS_IPSET, command, family, flags);

	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, set);
	return nlh;
}

static int
take_header(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	static const char *const types[] = { "hash:ip", "hash:net", "bitmap:ip" };
	struct header *header = data;
	const struct nlattr *attr;

	(void)e;
	attr_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == IPSET_ATTR_FAMILY &&
		    mnl_attr_get_payload_len(attr) == 1)
			header->family = mnl_attr_get_u8(attr);
		for (size_t i = 0; mnl_attr_get_type(attr) == IPSET_ATTR_TYPENAME && i < 3; i++) {
			const char *type = attr_string(attr);

			header->of_address |= type && !strcmp(type, types[i]);
		}
	}
	return 0;
}

/* The kernel answers "not in it" to questions that do not fit the set, too. */
static bool
can_be_asked(struct nl *nl, const char *set, uint8_t family)
{
	struct header header = { .family = 0 };
	struct err ignored = ERR_INIT;

	return nl_query(nl, request(nl, IPSET_CMD_HEADER, 0, family, set), take_header, &header,
			&ignored) == 0 &&
	       header.of_address && header.family == family;
}

int
legacy_set_has(struct nl *nl, const char *set, uint8_t family, const uint8_t address[16])
{
	uint16_t type = family == NFPROTO_IPV4 ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6;
	struct err e = ERR_INIT;
	struct nlattr *data, *ip;
	struct nlmsghdr *nlh;

	if (!nl || strlen(set) >= IPSET_MAXNAMELEN || !can_be_asked(nl, set, family))
		return -1;
	nlh = request(nl, IPSET_CMD_TEST, NLM_F_ACK, family, set);
	data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	ip = mnl_attr_nest_start(nlh, IPSET_ATTR_IP);
	mnl_attr_put(nlh, type | NLA_F_NET_BYTEORDER, family == NFPROTO_IPV4 ? 4 : 16, address);
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_nest_end(nlh, data);
	if (nl_query(nl, nlh, nl_ignore, NULL, &e) == 0)
		return 1;
	return e.sys == IPSET_ERR_EXIST ? 0 : -1;
}
