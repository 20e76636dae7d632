/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "challenge.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned bit;
	struct ports ports;
} challenges[] = {
	{ "http-01", CHALLENGE_HTTP_01, { 1, { { IPPROTO_TCP, 80 } } } },
	{ "tls-alpn-01", CHALLENGE_TLS_ALPN_01, { 1, { { IPPROTO_TCP, 443 } } } },
	{ "dns-01", CHALLENGE_DNS_01, { 2, { { IPPROTO_TCP, 53 }, { IPPROTO_UDP, 53 } } } },
};
#define N_CHALLENGES (sizeof(challenges) / sizeof(challenges[0]))

static const struct {
	const char *name;
	uint8_t proto;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static unsigned
by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < N_CHALLENGES; i++)
		if (strlen(challenges[i].name) == len && memcmp(challenges[i].name, name, len) == 0)
			return challenges[i].bit;
	return 0;
}

unsigned
challenge_by_name(const char *name)
{
	return by_name(name, strlen(name));
}

int
challenges_parse(const char *list, unsigned *out, struct err *e)
{
	char name[NAME_BUF];
	unsigned all = 0;

	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");
		unsigned bit = by_name(p, len);

		if (bit == 0)
			return err_set(e, ERR_USAGE,
				       "\"%s\" is not a list of ACME challenges: give http-01, "
				       "tls-alpn-01 or dns-01, separated by commas",
				       err_name(name, list));
		all |= bit;
		p += len;
		if (*p == '\0')
			break;
	}
	*out = all;
	return 0;
}

struct ports
challenges_ports(unsigned bits)
{
	struct ports all = { 0 };

	for (size_t i = 0; i < N_CHALLENGES; i++)
		if ((bits & challenges[i].bit) != 0)
			ports_add(&all, &challenges[i].ports);
	return all;
}

bool
ports_contain(const struct ports *all, struct port port)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].proto == port.proto && all->v[i].number == port.number)
			return true;
	return false;
}

/* There are no more than PORTS_MAX ports that any challenge needs. */
static void
add_one(struct ports *all, struct port port)
{
	if (all->n < PORTS_MAX && !ports_contain(all, port))
		all->v[all->n++] = port;
}

void
ports_add(struct ports *all, const struct ports *more)
{
	for (size_t i = 0; i < more->n; i++)
		add_one(all, more->v[i]);
}

struct ports
ports_minus(const struct ports *a, const struct ports *b)
{
	struct ports left = { 0 };

	for (size_t i = 0; i < a->n; i++)
		if (!ports_contain(b, a->v[i]))
			add_one(&left, a->v[i]);
	return left;
}

static const char *
protocol_name(uint8_t proto)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (protocols[i].proto == proto)
			return protocols[i].name;
	return "?";
}

const char *
ports_text(char *buf, const struct ports *ports)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ports->n && used < PORTS_TEXT_MAX; i++) {
		int n = snprintf(buf + used, PORTS_TEXT_MAX - used, "%s%s %u", i == 0 ? "" : ", ",
				 protocol_name(ports->v[i].proto), (unsigned)ports->v[i].number);

		used += n > 0 ? (size_t)n : 0;
	}
	return buf;
}

/* "tcp 80" to a port; returns what follows, or NULL. Strict: just what ports_text writes. */
static const char *
port_parse(const char *p, struct port *port)
{
	unsigned number = 0;
	size_t i = 0;

	while (i < N_PROTOCOLS && strncmp(p, protocols[i].name, 3) != 0)
		i++;
	if (i == N_PROTOCOLS || p[3] != ' ' || p[4] < '1' || p[4] > '9')
		return NULL;
	for (p += 4; *p >= '0' && *p <= '9' && number <= UINT16_MAX; p++)
		number = number * 10 + (unsigned)(*p - '0');
	if (number > UINT16_MAX)
		return NULL;
	*port = (struct port){ protocols[i].proto, (uint16_t)number };
	return p;
}

int
ports_parse(const char *text, struct ports *ports, struct err *e)
{
	char name[NAME_BUF];
	struct ports all = { 0 };

	for (const char *p = text; *p != '\0';) {
		struct port port;

		p = port_parse(p, &port);
		if (p == NULL || ports_contain(&all, port) || all.n == PORTS_MAX)
			goto wrong;
		add_one(&all, port);
		if (*p == '\0')
			break;
		if (strncmp(p, ", ", 2) != 0 || p[2] == '\0')
			goto wrong;
		p += 2;
	}
	*ports = all;
	return 0;
wrong:
	return err_set(e, ERR_FAILED, "\"%s\" is not a list of ports like \"tcp 80, udp 53\"",
		       err_name(name, text));
}
