/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which ports packets to the asked ports have behind the table nat (DNAT, REDIRECT). */
#ifndef GEOPAUSE_LEGACY_NAT_H
#define GEOPAUSE_LEGACY_NAT_H

#include "legacy_host.h"

struct reach;
struct rule;

#define LEGACY_NAT_MAX 32

struct legacy_nat {
	struct {
		struct port from; /* asked for */
		uint16_t to;
	} v[LEGACY_NAT_MAX];
	size_t n;
	bool unknown; /* there are others */
	bool mixed;   /* other ports than the asked ones become one of these */
};

/* Of a table nat: by this rule packets to an asked port may be sent elsewhere, or kept from it. */
bool legacy_nat_decides(const struct reach *reach, const struct rule *rule);

/* There is a nat of nf_tables, which may stand before tables of iptables-legacy. */
bool legacy_nat_is_elsewhere(void);
/* What x_tables' own table does. */
int legacy_nat_read_table(struct legacy_nat *nat, const struct legacy_host *host,
			  enum family family, const struct ports *ports, struct err *e);
/* The same; elsewhere: as above; that one is not looked into. */
int legacy_nat_read(struct legacy_nat *nat, const struct legacy_host *host, enum family family,
		    const struct ports *ports, bool elsewhere, struct err *e);

#endif
