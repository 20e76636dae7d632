/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "nf.h"

#define TRIES 3u

bool
proc_read(const char *path, char text[PROC_MAX])
{
	for (unsigned i = 0; i < TRIES; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n;

		if (fd < 0 && errno == ENOENT)
			return false;
		if (fd < 0)
			continue;
		n = read(fd, text, PROC_MAX - 1);
		close(fd);
		if (n >= 0) {
			text[n] = '\0';
			return true;
		}
	}
	errno = EIO;
	return false;
}

bool
proc_has_xt_table(uint8_t family, const char *table)
{
	char names[PROC_MAX], *rest = names;

	if (!proc_read(family == NFPROTO_IPV4 ? "/proc/self/net/ip_tables_names"
					      : "/proc/self/net/ip6_tables_names",
		       names))
		return errno != ENOENT;
	for (const char *name; (name = strsep(&rest, "\n"));)
		if (*name && (!table || !strcmp(name, table)))
			return true;
	return false;
}
