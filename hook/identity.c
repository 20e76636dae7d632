/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "identity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privileges.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14, include/uapi/asm-generic/socket.h */
#endif

/* One line of hexadecimal digits and dashes. */
static int
read_id(const char *path, char *id)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	ssize_t len = read(fd, id, IDENTITY_ID_MAX - 1);
	int sys = errno;
	close(fd);
	if (len < 0) {
		errno = sys;
		return -1;
	}
	id[len] = '\0';
	size_t digits = 0;
	while (isxdigit((unsigned char)id[digits]) || id[digits] == '-')
		digits++;
	id[digits] = '\0';
	return 0;
}

int
identity_netns(uint64_t *netns, struct err *e)
{
	struct stat st;
	socklen_t len = sizeof(*netns);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "opening a socket");
	int failed = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, netns, &len);
	int sys = errno;
	close(fd);
	if (!failed)
		return 0;
	/* Linux before 5.14; any other failure must not give this namespace a second name. */
	if (sys != ENOPROTOOPT)
		return err_sys(e, ERR_FAILED, sys, "reading the network namespace's cookie");
	if (stat("/proc/self/ns/net", &st))
		return err_sys(e, ERR_FAILED, errno, "identifying the network namespace");
	*netns = (uint64_t)st.st_ino;
	return 0;
}

int
identity_read(struct identity *id, struct err *e)
{
	*id = (struct identity){ 0 };
	if (read_id("/proc/sys/kernel/random/boot_id", id->boot) || !*id->boot)
		return err_sys(e, ERR_FAILED, errno, "reading the boot id (is /proc mounted?)");
	if (read_id("/etc/machine-id", id->machine)) {
		/* Not for a moment, or a window's journal is taken for another machine's. */
		if (errno != ENOENT)
			return err_sys(e, ERR_FAILED, errno, "reading /etc/machine-id");
		id->machine[0] = '\0';
	}
	return identity_netns(&id->netns, e);
}

bool
identity_is_same_boot(const struct identity *a, const struct identity *b)
{
	return !strcmp(a->boot, b->boot) && !strcmp(a->machine, b->machine);
}

bool
identity_may_administer_network(void)
{
	return privileges_effective() & KEEP_NET_ADMIN;
}
