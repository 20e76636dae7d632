/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_set.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "ipset.h"

/* What cannot be read is nobody's country either. */
static bool
is_special(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET6, address, &six) == 1)
		return facts_is_special(six.s6_addr, 16);
	return inet_pton(AF_INET, address, &four) != 1 ||
	       facts_is_special((const uint8_t *)&four, 4);
}

void
legacy_set_count(struct set_facts *facts, const char *network)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(network, "/ ,-");
	bool six = memchr(network, ':', len) != NULL;
	const char *bits = network[len] == '/' ? network + len + 1 : NULL;
	unsigned long prefix = bits ? strtoul(bits, NULL, 10) : six ? 128 : 32;

	facts->elements++;
	facts->hosts += network[len] != '-' && prefix >= (six ? 64u : 32u);
	if (len >= sizeof(address)) {
		facts->special++;
		return;
	}
	memcpy(address, network, len);
	address[len] = '\0';
	facts->special += is_special(address);
}

void
legacy_set_facts(struct set_facts *facts, struct nl *nl, const char *set)
{
	struct err ignored = ERR_INIT;
	struct set_facts read;

	if (nl && ipset_facts(nl, set, &read, &ignored) == 0)
		*facts = read;
}

bool
legacy_set_holds_networks(struct nl *nl, const char *set)
{
	return ipset_holds_networks(nl, set);
}
