/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_set.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "tool.h"

#define DEADLINE_S 15u

/* RFC 6890 and RFC 5771, the common ones; outside 2000::/3. */
static bool
is_special(const char *address)
{
	static const struct {
		uint32_t net;
		unsigned bits;
	} special[] = {
		{ 0x00000000, 8 },  { 0x0a000000, 8 },  { 0x64400000, 10 }, { 0x7f000000, 8 },
		{ 0xa9fe0000, 16 }, { 0xac100000, 12 }, { 0xc0a80000, 16 }, { 0xc6336400, 24 },
		{ 0xcb007100, 24 }, { 0xc0000200, 24 }, { 0xe0000000, 3 },
	};
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET6, address, &six) == 1)
		return (six.s6_addr[0] & 0xe0) != 0x20;
	if (inet_pton(AF_INET, address, &four) != 1)
		return true;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (((ntohl(four.s_addr) ^ special[i].net) >> (32 - special[i].bits)) == 0)
			return true;
	return false;
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

static void
read_saved(struct set_facts *facts, char *text)
{
	for (char *line = text, *next; line; line = next) {
		char *element;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!strncmp(line, "create ", 7)) {
			facts->interval = strstr(line, " hash:net") || strstr(line, " bitmap:ip");
			facts->timeout = strstr(line, " timeout ") != NULL;
			facts->elements = facts->hosts = facts->special = 0;
		} else if (!strncmp(line, "add ", 4) && facts->elements != SIZE_MAX &&
			   (element = strchr(line + 4, ' '))) {
			legacy_set_count(facts, element + 1);
		}
	}
}

void
legacy_set_facts(struct set_facts *facts, const char *set)
{
	const char *argv[] = { "ipset", "save", set, NULL };
	const struct tool tool = {
		.argv = argv, .output_max = TOOL_OUTPUT_MAX, .deadline_s = DEADLINE_S, .hold = -1
	};
	struct tool_result result = { 0 };
	struct err ignored = ERR_INIT;

	if (set[0] != '-' && tool_run(&tool, &result, &ignored) == 0 && result.out)
		read_saved(facts, result.out);
	tool_result_fini(&result);
}
