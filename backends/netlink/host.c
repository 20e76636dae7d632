/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "attr.h"
#include "nf.h"

#include <linux/fib_rules.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#define BUF 8192u       /* bytes; one reply of either is some hundred */
#define DUMP_BUF 65536u /* the kernel sends up to 32768 at once */

static bool
open_socket(struct mnl_socket **sock, int protocol)
{
	struct timeval limit = { .tv_sec = NL_TIMEOUT_S };

	if (*sock)
		return true;
	*sock = mnl_socket_open2(protocol, SOCK_CLOEXEC);
	if (*sock && mnl_socket_bind(*sock, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(*sock), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ==
		    0)
		return true;
	if (*sock)
		mnl_socket_close(*sock);
	*sock = NULL;
	return false;
}

/* The first message of the reply, in buf; NULL for an error, or an acknowledgement. */
static const struct nlmsghdr *
ask(struct host *host, struct mnl_socket **sock, int protocol, struct nlmsghdr *request,
    uint8_t buf[BUF])
{
	request->nlmsg_seq = ++host->seq;
	if (!open_socket(sock, protocol) ||
	    mnl_socket_sendto(*sock, request, request->nlmsg_len) < 0)
		return NULL;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(*sock, buf, BUF);
		const struct nlmsghdr *reply = (const void *)buf;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !message_ok(reply, (size_t)n))
			return NULL;
		if (reply->nlmsg_seq == host->seq)
			return reply->nlmsg_type == NLMSG_ERROR ? NULL : reply;
	}
}

static size_t
address_len(uint8_t family)
{
	return family == NFPROTO_IPV4 ? 4 : 16;
}

static uint8_t
address_family(uint8_t family)
{
	return family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
}

/* --- routes --- */

/* A request for the route to an address, for more attributes. */
static struct nlmsghdr *
route_request(uint8_t buf[256], uint8_t family, const uint8_t address[16])
{
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	memset(buf, 0, 256);
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = address_family(family);
	rtm->rtm_dst_len = (uint8_t)(8 * address_len(family));
	mnl_attr_put(nlh, RTA_DST, address_len(family), address);
	return nlh;
}

/* NULL: there is none. */
static const struct nlmsghdr *
ask_route(struct host *host, struct nlmsghdr *request, uint8_t buf[BUF])
{
	const struct nlmsghdr *reply = ask(host, &host->route, NETLINK_ROUTE, request, buf);

	if (!reply || reply->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(reply) < sizeof(struct rtmsg))
		return NULL;
	return reply;
}

bool
host_owns(struct host *host, uint8_t family, const uint8_t address[16])
{
	_Alignas(8) uint8_t out[256], in[BUF];
	const struct nlmsghdr *reply = ask_route(host, route_request(out, family, address), in);
	const struct rtmsg *rtm = reply ? mnl_nlmsg_get_payload(reply) : NULL;

	return rtm && rtm->rtm_type == RTN_LOCAL;
}

/* --- routing rules --- */

static void
add_mark(struct routing *routing, uint32_t mark)
{
	for (size_t i = 0; i < routing->n_marks; i++) {
		if (routing->marks[i] == mark)
			return;
	}
	if (routing->n_marks == WAYS_MAX)
		routing->unclear = true;
	else
		routing->marks[routing->n_marks++] = mark;
}

static void
take_rule_attr(struct routing *routing, const struct nlattr *attr)
{
	const char *name;

	switch (mnl_attr_get_type(attr)) {
	case FRA_FWMARK:
		if (mnl_attr_get_payload_len(attr) == 4)
			add_mark(routing, mnl_attr_get_u32(attr));
		break;
	case FRA_L3MDEV:
		routing->vrf = true;
		break;
	case FRA_IIFNAME:
		name = attr_string(attr); /* the host's own packets come from lo */
		routing->by_entry |= !name || strcmp(name, "lo") != 0;
		break;
	case FRA_SRC:
		routing->by_entry = true;
		break;
	case FRA_DST:
	case FRA_PRIORITY:
	case FRA_TABLE:
	case FRA_GOTO:
	case FRA_FWMASK:
	case FRA_FLOW:
	case FRA_SUPPRESS_IFGROUP:
	case FRA_SUPPRESS_PREFIXLEN:
	case FRA_PROTOCOL:
	case FRA_PAD:
		break;
	default:
		routing->unclear = true;
	}
}

static void
take_rule(struct routing *routing, const struct nlmsghdr *nlh)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rule))
		return;
	routing->unclear |= rule->tos != 0;
	attr_each(attr, nlh, sizeof(*rule)) take_rule_attr(routing, attr);
}

/* A kernel without policy routing. */
static bool
says_none(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *refused = mnl_nlmsg_get_payload(nlh);

	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(*refused) &&
	       (refused->error == -EOPNOTSUPP || refused->error == -EAFNOSUPPORT);
}

/* One part of the dump; false: it was the last. */
static bool
take_rules(struct host *host, struct routing *routing, const uint8_t *buf, size_t len)
{
	const struct nlmsghdr *nlh = (const void *)buf;

	for (; message_ok(nlh, len); nlh = message_next(nlh, &len)) {
		if (nlh->nlmsg_seq != host->seq)
			continue;
		routing->unclear |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return false;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			routing->unclear |= !says_none(nlh);
			return false;
		}
		take_rule(routing, nlh);
	}
	return true;
}

static void
read_rules(struct host *host, uint8_t family, struct routing *routing)
{
	_Alignas(8) uint8_t out[256] = { 0 }, in[DUMP_BUF];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(out);
	struct fib_rule_hdr *rule;
	ssize_t n;

	nlh->nlmsg_type = RTM_GETRULE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++host->seq;
	rule = mnl_nlmsg_put_extra_header(nlh, sizeof(*rule));
	rule->family = address_family(family);
	add_mark(routing, 0);
	routing->read = routing->unclear = true; /* until all of them were seen */
	if (!open_socket(&host->route, NETLINK_ROUTE) ||
	    mnl_socket_sendto(host->route, nlh, nlh->nlmsg_len) < 0)
		return;
	routing->unclear = false;
	do
		n = mnl_socket_recvfrom(host->route, in, sizeof(in));
	while (n < 0 ? errno == EINTR : take_rules(host, routing, in, (size_t)n));
	routing->unclear |= n < 0;
}

static const struct routing *
routing_of(struct host *host, uint8_t family)
{
	struct routing *routing = family == NFPROTO_IPV4 ? &host->v4 : &host->v6;

	if (!routing->read)
		read_rules(host, family, routing);
	return routing;
}

bool
host_has_vrf(struct host *host, uint8_t family)
{
	return routing_of(host, family)->vrf;
}

/* --- ways back --- */

/* False: it does not end in one interface. */
static bool
take_way(struct ways *ways, const struct nlmsghdr *reply)
{
	struct route route = { 0 };
	const struct nlattr *attr;

	attr_each(attr, reply, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_get_payload_len(attr) == 4)
			route.interface = mnl_attr_get_u32(attr);
	}
	if (!route.interface || !if_indextoname(route.interface, route.name))
		return false;
	for (size_t i = 0; i < ways->n; i++) {
		if (ways->v[i].interface == route.interface)
			return true;
	}
	ways->v[ways->n++] = route;
	return true;
}

static bool
is_link_local(const struct flow *flow)
{
	const uint8_t *source = flow->original.source;

	return flow->family == NFPROTO_IPV6 && source[0] == 0xfe && (source[1] & 0xc0) == 0x80;
}

/*
 * The route as it is written (RTM_F_FIB_MATCH), since of several next hops the kernel would tell
 * just the one that it takes for this question.
 */
void
host_ways_back(struct host *host, const struct flow *flow, struct ways *ways)
{
	const struct routing *routing = routing_of(host, flow->family);

	ways->n = 0;
	if (routing->unclear || routing->vrf || is_link_local(flow) ||
	    (routing->by_entry && !flow->local))
		return;
	for (size_t i = 0; i < routing->n_marks; i++) {
		_Alignas(8) uint8_t out[256], in[BUF];
		struct nlmsghdr *nlh = route_request(out, flow->family, flow->original.source);
		struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
		const struct nlmsghdr *reply;

		rtm->rtm_flags = RTM_F_FIB_MATCH;
		mnl_attr_put_u32(nlh, RTA_MARK, routing->marks[i]);
		if (flow->local) {
			rtm->rtm_src_len = rtm->rtm_dst_len;
			mnl_attr_put(nlh, RTA_SRC, address_len(flow->family), flow->reply.source);
		}
		reply = ask_route(host, nlh, in);
		if (reply && !take_way(ways, reply)) {
			ways->n = 0;
			return;
		}
	}
}

/* --- sockets --- */

static struct nlmsghdr *
diag_request(uint8_t buf[256], uint16_t type, uint16_t flags, uint8_t family,
	     const struct inet_diag_sockid *id)
{
	struct nlmsghdr *nlh;
	struct inet_diag_req_v2 *req;

	memset(buf, 0, 256);
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = address_family(family);
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = ~0u;
	req->id = *id;
	return nlh;
}

/* The ends of a flow as its socket on this host has them: behind any translation. */
static struct inet_diag_sockid
ends_of(const struct flow *flow)
{
	struct inet_diag_sockid id = { .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } };
	size_t len = address_len(flow->family);

	id.idiag_sport = htons(flow->reply.sport);
	id.idiag_dport = htons(flow->reply.dport);
	memcpy(id.idiag_src, flow->reply.source, len);
	memcpy(id.idiag_dst, flow->reply.destination, len);
	return id;
}

/*
 * Without a connection the kernel finds the listener of the port: only the cookie makes sure that
 * what is ended is the connection that was found.
 */
void
host_abort(struct host *host, const struct flow *flow)
{
	_Alignas(8) uint8_t out[256], in[BUF];
	struct inet_diag_sockid id = ends_of(flow);
	struct nlmsghdr *nlh = diag_request(out, SOCK_DIAG_BY_FAMILY, 0, flow->family, &id);
	const struct nlmsghdr *reply = ask(host, &host->diag, NETLINK_SOCK_DIAG, nlh, in);
	const struct inet_diag_msg *found;

	if (!reply || reply->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(reply) < sizeof(*found))
		return;
	found = mnl_nlmsg_get_payload(reply);
	if (found->idiag_state == TCP_LISTEN || found->id.idiag_dport != id.idiag_dport)
		return;
	memcpy(id.idiag_cookie, found->id.idiag_cookie, sizeof(id.idiag_cookie));
	nlh = diag_request(out, SOCK_DESTROY, NLM_F_ACK, flow->family, &id);
	ask(host, &host->diag, NETLINK_SOCK_DIAG, nlh, in);
}

void
host_fini(struct host *host)
{
	if (host->route)
		mnl_socket_close(host->route);
	if (host->diag)
		mnl_socket_close(host->diag);
	*host = (struct host){ 0 };
}
