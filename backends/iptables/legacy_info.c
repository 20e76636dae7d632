/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_info.h"

/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "legacy_lift.h"

void
legacy_info_open(struct legacy_info *info)
{
	info->fd[FAMILY_IPV4] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	info->fd[FAMILY_IPV6] = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

void
legacy_info_close(struct legacy_info *info)
{
	for (enum family i = 0; i < FAMILIES; i++) {
		if (info->fd[i] >= 0)
			close(info->fd[i]);
		info->fd[i] = -1;
	}
}

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

/* Both families' structures are the same but for their names. */
static bool
read_info(const struct legacy_info *info, enum family family, const char *table,
	  struct ipt_getinfo *read)
{
	socklen_t len = sizeof(*read);

	_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo),
		       "ip6_tables speaks of tables like ip_tables");
	*read = (struct ipt_getinfo){ 0 };
	snprintf(read->name, sizeof(read->name), "%s", table);
	if (family == FAMILY_IPV4)
		return getsockopt(info->fd[family], IPPROTO_IP, IPT_SO_GET_INFO, read, &len) == 0;
	return getsockopt(info->fd[family], IPPROTO_IPV6, IP6T_SO_GET_INFO, read, &len) == 0;
}

static uint64_t
hash_table(const struct legacy_info *info, enum family family, const char *table, uint64_t hash)
{
	struct ipt_getinfo read;

	if (!read_info(info, family, table, &read))
		return hash;
	hash = mix(mix(hash, read.num_entries), read.size);
	for (size_t i = 0; i < NF_INET_NUMHOOKS; i++)
		hash = mix(mix(hash, read.hook_entry[i]), read.underflow[i]);
	return hash;
}

/* Each hook's policy is an entry, and the end of the table is one. */
bool
legacy_info_empty(const struct legacy_info *info)
{
	for (size_t t = 0; t < LEGACY_TABLES; t++) {
		for (enum family i = 0; i < FAMILIES; i++) {
			struct ipt_getinfo read;

			if (!host_has(i, legacy_tables[t]))
				continue;
			if (info->fd[i] < 0 || !read_info(info, i, legacy_tables[t], &read) ||
			    read.num_entries != (unsigned)__builtin_popcount(read.valid_hooks) + 1)
				return false;
		}
	}
	return true;
}

/* Only tables that are there: the kernel makes one that is asked for. */
uint64_t
legacy_info_hash(const struct legacy_info *info)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t t = 0; t < LEGACY_TABLES; t++) {
		for (enum family i = 0; i < FAMILIES; i++) {
			if (info->fd[i] < 0 || !host_has(i, legacy_tables[t]))
				continue;
			hash = mix(hash, t * FAMILIES + i);
			hash = hash_table(info, i, legacy_tables[t], hash);
		}
	}
	return hash;
}
