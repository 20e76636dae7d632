/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ACME challenges and the ports that they need (RFC 8555 section 8.3: http-01, tcp 80; section 8.4:
 * dns-01, tcp and udp 53; RFC 8737 section 3: tls-alpn-01, tcp 443). Both address families always.
 */
#ifndef GEOPAUSE_CHALLENGE_H
#define GEOPAUSE_CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum challenge {
	CHALLENGE_HTTP_01 = 1 << 0,
	CHALLENGE_TLS_ALPN_01 = 1 << 1,
	CHALLENGE_DNS_01 = 1 << 2,
};
#define CHALLENGE_DEFAULT ((unsigned)CHALLENGE_HTTP_01 | (unsigned)CHALLENGE_TLS_ALPN_01)

struct port {
	uint8_t proto;   /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t number; /* host byte order */
};

#define PORTS_MAX 16 /* those of all challenges, and as they are translated */

struct ports {
	size_t n;
	struct port v[PORTS_MAX];
};

/* One challenge's bit by its name of RFC 8555; 0 if there is none. */
unsigned challenge_by_name(const char *name);
/* A comma-separated list, as --challenge has it. */
int challenges_parse(const char *list, unsigned *challenges, struct err *e);
struct ports challenges_ports(unsigned challenges);

bool ports_contain(const struct ports *all, struct port port);
/* Adds those of `more` that are not there yet. */
void ports_add(struct ports *all, const struct ports *more);
/* Those of a that are not in b. */
struct ports ports_minus(const struct ports *a, const struct ports *b);

#define PORTS_TEXT_MAX 256
/* "tcp 80, tcp 443"; buf has PORTS_TEXT_MAX bytes; returns buf. */
const char *ports_text(char *buf, const struct ports *ports);
/* The inverse of ports_text, for the journal. */
int ports_parse(const char *text, struct ports *ports, struct err *e);

#endif
