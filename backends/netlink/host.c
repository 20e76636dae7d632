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

#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#define BUF 8192u /* bytes; one reply of either is some hundred */

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

static void
take_route(struct route *route, const struct nlmsghdr *reply)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(reply);
	const struct nlattr *attr;

	if (reply->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(reply) < sizeof(*rtm))
		return;
	route->local = rtm->rtm_type == RTN_LOCAL;
	attr_each(attr, reply, sizeof(*rtm))
	{
		if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_get_payload_len(attr) == 4)
			route->interface = mnl_attr_get_u32(attr);
	}
}

void
host_route(struct host *host, uint8_t family, const uint8_t address[16], struct route *route)
{
	_Alignas(8) uint8_t out[256] = { 0 }, in[BUF];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(out);
	const struct nlmsghdr *reply;
	struct rtmsg *rtm;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = address_family(family);
	rtm->rtm_dst_len = (uint8_t)(8 * address_len(family));
	mnl_attr_put(nlh, RTA_DST, address_len(family), address);
	*route = (struct route){ 0 };
	reply = ask(host, &host->route, NETLINK_ROUTE, nlh, in);
	if (reply)
		take_route(route, reply);
	if (route->interface)
		if_indextoname(route->interface, route->name);
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
