/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Needs root: each case runs in a child that gives up its rights, and everything about nf_tables in
 * a network namespace of its own.
 */
#include "privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define NOBODY 65534

/* In a child, where cmocka's asserts would run the other tests twice. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,        \
				strerror(errno));                                                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

struct caps {
	uint64_t inh, prm, eff, bnd, amb;
	int no_new_privs;
};

static void
read_caps(struct caps *caps)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");
	MUST(file);
	int found = 0;
	while (fgets(line, sizeof(line), file)) {
		found += sscanf(line, "CapInh: %" SCNx64, &caps->inh) == 1;
		found += sscanf(line, "CapPrm: %" SCNx64, &caps->prm) == 1;
		found += sscanf(line, "CapEff: %" SCNx64, &caps->eff) == 1;
		found += sscanf(line, "CapBnd: %" SCNx64, &caps->bnd) == 1;
		found += sscanf(line, "CapAmb: %" SCNx64, &caps->amb) == 1;
		found += sscanf(line, "NoNewPrivs: %d", &caps->no_new_privs) == 1;
	}
	fclose(file);
	MUST(found == 6);
}

static void
set_caps(uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = (uint32_t)permitted,
		  .permitted = (uint32_t)permitted,
		  .inheritable = (uint32_t)inheritable },
		{ .effective = (uint32_t)(permitted >> 32),
		  .permitted = (uint32_t)(permitted >> 32),
		  .inheritable = (uint32_t)(inheritable >> 32) },
	};
	MUST(syscall(SYS_capset, &header, data) == 0);
}

static void
reduce(unsigned keep)
{
	struct err e = ERR_INIT;
	if (privileges_reduce(keep, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		_exit(1);
	}
}

static void
must_be(uint64_t permitted, uint64_t ambient)
{
	struct caps now;
	read_caps(&now);
	MUST(now.prm == permitted);
	MUST(now.eff == permitted);
	MUST(now.amb == ambient);
	MUST(now.inh == ambient);
	MUST(now.no_new_privs == 1);
}

/* What a program gets, run from here: its CapPrm must be this. */
static void
must_be_after_exec(uint64_t permitted)
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "^CapEff:\t%016" PRIx64 "$", permitted);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/grep", "grep", "-q", wanted, "/proc/self/status", (char *)NULL);
		_exit(127);
	}
	int status;
	MUST(waitpid(pid, &status, 0) == pid);
	MUST(status == 0);
}

/* A dump of the tables, as nft(8) begins: nfnetlink asks for CAP_NET_ADMIN. */
static bool
can_read_nf_tables(void)
{
	char buf[8192];
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	MUST(socket && !mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID));
	struct nlmsghdr *header = mnl_nlmsg_put_header(buf);
	header->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = 1;
	struct nfgenmsg *family = mnl_nlmsg_put_extra_header(header, sizeof(*family));
	*family = (struct nfgenmsg){ .version = NFNETLINK_V0 };
	MUST(mnl_socket_sendto(socket, header, header->nlmsg_len) > 0);
	ssize_t len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
	unsigned port = mnl_socket_get_portid(socket);
	bool fine = len > 0 && mnl_cb_run(buf, (size_t)len, 1, port, NULL, NULL) >= 0;
	mnl_socket_close(socket);
	return fine;
}

/* The program that adds a table and lists it. */
static bool
can_run_nft(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, 1);
		dup2(null, 2);
		execlp("nft", "nft", "add table inet t; list ruleset", (char *)NULL);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0) == pid);
	return status == 0;
}

static void
must_reach_nf_tables(void)
{
	MUST(can_read_nf_tables());
	MUST(can_run_nft());
	pid_t pid = fork();
	if (pid == 0)
		_exit(can_read_nf_tables() ? 0 : 1);
	int status;
	MUST(waitpid(pid, &status, 0) == pid);
	MUST(status == 0);
}

static void
in_child(void (*run)(const struct caps *before))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct caps before;
		read_caps(&before);
		run(&before);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
root(const struct caps *before)
{
	MUST(before->eff & BIT(CAP_NET_ADMIN));
	MUST(unshare(CLONE_NEWNET) == 0);
	reduce(KEEP_NET_ADMIN);
	must_be(BIT(CAP_NET_ADMIN), 0);
	MUST(privileges_effective() == KEEP_NET_ADMIN);
	must_be_after_exec(BIT(CAP_NET_ADMIN));
	must_reach_nf_tables();
	MUST(geteuid() == 0);
	/* Not a capability that was there before. */
	MUST(unshare(CLONE_NEWNET) == -1 && errno == EPERM);
}

static void
all_that_is_known(const struct caps *before)
{
	const uint64_t all = BIT(CAP_NET_ADMIN) | BIT(CAP_KILL) | BIT(CAP_SYS_RESOURCE) |
			     BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH);
	reduce(KEEP_NET_ADMIN | KEEP_KILL | KEEP_SYS_RESOURCE | KEEP_SYS_ADMIN | KEEP_SYS_PTRACE |
	       KEEP_DAC_READ_SEARCH);
	must_be(before->prm & all, 0);
}

static void
nothing(const struct caps *before)
{
	(void)before;
	MUST(unshare(CLONE_NEWNET) == 0);
	reduce(0);
	must_be(0, 0);
	must_be_after_exec(0);
	MUST(privileges_effective() == 0);
	MUST(!can_read_nf_tables());
	MUST(!can_run_nft());
}

static void
twice(const struct caps *before)
{
	const uint64_t first = BIT(CAP_NET_ADMIN) | BIT(CAP_KILL);
	(void)before;
	MUST(unshare(CLONE_NEWNET) == 0);
	reduce(KEEP_NET_ADMIN | KEEP_KILL);
	must_be(first, 0);
	reduce(KEEP_NET_ADMIN);
	must_be(BIT(CAP_NET_ADMIN), 0);
	must_be_after_exec(BIT(CAP_NET_ADMIN));
	reduce(KEEP_NET_ADMIN | KEEP_KILL);
	must_be(BIT(CAP_NET_ADMIN), 0);
	must_reach_nf_tables();
}

static void
container_with_few(const struct caps *before)
{
	(void)before;
	MUST(unshare(CLONE_NEWNET) == 0);
	set_caps(BIT(CAP_NET_ADMIN) | BIT(CAP_CHOWN), 0);
	reduce(KEEP_NET_ADMIN | KEEP_KILL);
	must_be(BIT(CAP_NET_ADMIN), 0);
	must_be_after_exec(BIT(CAP_NET_ADMIN));
	must_reach_nf_tables();
}

static void
container_without(const struct caps *before)
{
	(void)before;
	set_caps(BIT(CAP_CHOWN), 0);
	reduce(KEEP_NET_ADMIN | KEEP_KILL);
	must_be(0, 0);
	must_be_after_exec(0);
}

static void
become_nobody(void)
{
	MUST(setgroups(0, NULL) == 0);
	MUST(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	MUST(setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static void
plain_user(const struct caps *before)
{
	(void)before;
	become_nobody();
	reduce(KEEP_NET_ADMIN);
	must_be(0, 0);
	reduce(0);
	must_be(0, 0);
}

/* As systemd's AmbientCapabilities: programs get it by the ambient set alone. */
static void
user_with_ambient(const struct caps *before)
{
	(void)before;
	const uint64_t two = BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW);
	MUST(unshare(CLONE_NEWNET) == 0);
	MUST(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
	become_nobody();
	set_caps(two, two);
	MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) == 0);
	MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0);
	reduce(KEEP_NET_ADMIN);
	must_be(BIT(CAP_NET_ADMIN), BIT(CAP_NET_ADMIN));
	must_be_after_exec(BIT(CAP_NET_ADMIN));
	must_reach_nf_tables();
}

static void
user_namespace(const struct caps *before)
{
	(void)before;
	become_nobody();
	MUST(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
	reduce(KEEP_NET_ADMIN);
	must_be(BIT(CAP_NET_ADMIN), 0);
	MUST(can_read_nf_tables());
}

static void
securebits(const struct caps *before)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	(void)before;
	MUST(unshare(CLONE_NEWNET) == 0);
	MUST(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0);
	reduce(KEEP_NET_ADMIN);
	must_be(BIT(CAP_NET_ADMIN), 0);
	MUST(can_read_nf_tables());
	reduce(0);
	must_be(0, 0);
}

/* CAP_NET_ADMIN is permitted but was never made effective: it stays so. */
static void
not_effective(const struct caps *before)
{
	struct caps now;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .permitted = 1u << CAP_NET_ADMIN } };
	(void)before;
	MUST(syscall(SYS_capset, &header, data) == 0);
	reduce(KEEP_NET_ADMIN);
	read_caps(&now);
	MUST(now.prm == BIT(CAP_NET_ADMIN) && now.eff == 0 && now.no_new_privs == 1);
	MUST(privileges_effective() == 0);
}

#define CASE(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		in_child(name);                                                                    \
	}

CASE(root)
CASE(all_that_is_known)
CASE(nothing)
CASE(twice)
CASE(container_with_few)
CASE(container_without)
CASE(plain_user)
CASE(user_with_ambient)
CASE(user_namespace)
CASE(securebits)
CASE(not_effective)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_all_that_is_known),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_container_with_few),
		cmocka_unit_test(test_container_without),
		cmocka_unit_test(test_plain_user),
		cmocka_unit_test(test_user_with_ambient),
		cmocka_unit_test(test_user_namespace),
		cmocka_unit_test(test_securebits),
		cmocka_unit_test(test_not_effective),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
