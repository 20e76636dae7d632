/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nlsock.h"
#include "attr.h"
#include "nf.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define KEEPER_STACK 16384

/* By any socket of this process. */
static bool wrote;

static int
open_failed(struct nl *nl, struct err *e, const char *what)
{
	int sys = errno;

	nl_close(nl);
	return err_sys(e, ERR_FAILED, sys, "cannot %s a netlink socket to the kernel's nf_tables",
		       what);
}

int
nl_open(struct nl *nl, struct err *e)
{
	struct timeval limit = { .tv_sec = NL_TIMEOUT_S };

	*nl = (struct nl){ .seq = 1 };
	nl->buf = malloc(NL_BUF);
	if (!nl->buf) {
		errno = ENOMEM;
		return open_failed(nl, e, "allocate memory for");
	}
	nl->sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nl->sock)
		return open_failed(nl, e, "open");
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return open_failed(nl, e, "bind");
	if (setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVTIMEO, &limit,
		       sizeof(limit)) < 0)
		return open_failed(nl, e, "set a time limit on");
	nl->portid = mnl_socket_get_portid(nl->sock);
	return 0;
}

/*
 * Whoever closes a netlink socket last waits until the kernel has freed what transactions replaced,
 * of this socket or of others: an RCU grace period, 4 to 12 ms (nft_rcv_nl_event in
 * nf_tables_api.c), in which nothing is left for us to do, and several times as long as all the
 * rest. A child holds the socket for that time, and nothing else: no lock, no terminal, no pipe
 * that a client reads to its end.
 */
struct keeper {
	int gate, fd;
};

static int
keep_socket(void *arg)
{
	const struct keeper *keeper = arg;
	char c;

	dup2(keeper->gate, 0);
	dup2(keeper->fd, 1);
	/* Linux before 5.9, or a sandbox: what a client waits for must not stay open. */
	if (close_range(2, ~0u, 0))
		_exit(0);
	/* Only this process has the gate's other end now: the read ends when it is closed there. */
	while (read(0, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

/*
 * It shares our memory: to copy that would take longer than all that the child does. Its stack is
 * never unmapped: the child may need it for longer than we live.
 */
static void
close_in_child(struct mnl_socket *sock)
{
	struct keeper *keeper;
	char *stack = mmap(NULL, KEEPER_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int gate[2];

	if (stack == MAP_FAILED || pipe2(gate, O_CLOEXEC) < 0) {
		mnl_socket_close(sock);
		return;
	}
	keeper = (struct keeper *)(void *)(stack + KEEPER_STACK) - 1;
	*keeper = (struct keeper){ .gate = gate[0], .fd = mnl_socket_get_fd(sock) };
	/* If no child could be made, we wait ourselves. */
	(void)clone(keep_socket, keeper, CLONE_VM | SIGCHLD, keeper);
	close(gate[0]);
	mnl_socket_close(sock);
	close(gate[1]);
}

void
nl_close(struct nl *nl)
{
	if (nl->sock && wrote)
		close_in_child(nl->sock);
	else if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl->buf);
	*nl = (struct nl){ 0 };
}

int
nl_ignore(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	(void)nlh;
	(void)data;
	(void)e;
	return 0;
}

struct nlmsghdr *
nl_request_to(struct nl *nl, uint16_t subsystem, uint16_t type, uint8_t family, uint16_t flags)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	memset(nl->buf, 0, NLMSG_LENGTH(sizeof(struct nfgenmsg)));
	nlh = mnl_nlmsg_put_header(nl->buf);
	nlh->nlmsg_type = (uint16_t)(subsystem << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++nl->seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

struct nlmsghdr *
nl_request(struct nl *nl, uint16_t type, uint8_t family, uint16_t flags)
{
	return nl_request_to(nl, NFNL_SUBSYS_NFTABLES, type, family, flags);
}

static int
kernel_error(const struct nlmsghdr *nlh, bool *done, struct err *e)
{
	const struct nlmsgerr *report = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*report))
		return err_set(e, ERR_FAILED, "the kernel sent a truncated netlink error");
	*done = true;
	if (report->error == 0)
		return 0;
	return err_sys(e, ERR_FAILED, report->error < 0 ? -report->error : report->error,
		       "the kernel refused a request to netfilter");
}

/* A dump that could not go on says so at its end (netlink_dump in af_netlink.c). */
static int
dump_error(const struct nlmsghdr *nlh, struct err *e)
{
	int error = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	if (error >= 0)
		return 0;
	return err_sys(e, ERR_FAILED, -error, "the kernel broke off a reply of netfilter");
}

/* One message. *again is set on NLM_F_DUMP_INTR. */
static int
take_message(const struct nlmsghdr *nlh, nl_fn fn, void *data, bool *done, bool *again,
	     struct err *e)
{
	int subsystem = nlh->nlmsg_type >> 8;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		*again = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		return kernel_error(nlh, done, e);
	case NLMSG_DONE:
		*done = true;
		return dump_error(nlh, e);
	case NLMSG_NOOP:
	case NLMSG_OVERRUN:
		return 0;
	default:
		break;
	}
	if ((subsystem != NFNL_SUBSYS_NFTABLES && subsystem != NFNL_SUBSYS_CTNETLINK &&
	     subsystem != NFNL_SUBSYS_IPSET) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return err_set(e, ERR_FAILED, "the kernel sent an unexpected netlink message");
	if (!(nlh->nlmsg_flags & NLM_F_MULTI))
		*done = true;
	return *again ? 0 : fn(nlh, data, e);
}

int
nl_parse(const void *buf, size_t len, uint32_t seq, uint32_t portid, nl_fn fn, void *data,
	 bool *done, struct err *e)
{
	const struct nlmsghdr *nlh = buf;
	bool again = false;

	for (; !*done && message_ok(nlh, len); nlh = message_next(nlh, &len)) {
		if (!mnl_nlmsg_seq_ok(nlh, seq) || !mnl_nlmsg_portid_ok(nlh, portid))
			continue; /* the rest of an earlier, interrupted reply */
		if (take_message(nlh, fn, data, done, &again, e) < 0)
			return -1;
	}
	return again ? NL_AGAIN : 0;
}

int
nl_query(struct nl *nl, struct nlmsghdr *request, nl_fn fn, void *data, struct err *e)
{
	uint32_t seq = request->nlmsg_seq;
	bool done = false;
	int again = 0;

	if (mnl_socket_sendto(nl->sock, request, request->nlmsg_len) < 0)
		return err_sys(e, ERR_FAILED, errno, "cannot send a request to netfilter");
	while (!done) {
		ssize_t n = mnl_socket_recvfrom(nl->sock, nl->buf, NL_BUF);
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, ERR_FAILED, errno, "cannot read a reply of netfilter");
		rc = nl_parse(nl->buf, (size_t)n, seq, nl->portid, fn, data, &done, e);
		if (rc < 0)
			return -1;
		again |= rc;
	}
	return again;
}

int
nl_send(struct nl *nl, const void *buf, size_t len, struct err *e)
{
	int fd = mnl_socket_get_fd(nl->sock);
	int room = len > INT32_MAX / 2 ? INT32_MAX / 2 : (int)len;

	/* The whole batch is one datagram; the default limit is ~200 kB. */
	if (len > 128 * 1024 && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		return err_sys(e, ERR_FAILED, errno,
			       "cannot make room for a transaction of %zu bytes", len);
	wrote = true;
	if (mnl_socket_sendto(nl->sock, buf, len) < 0)
		return err_sys(e, ERR_FAILED, errno, "cannot send a transaction to nf_tables");
	return 0;
}
