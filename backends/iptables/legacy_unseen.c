/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_unseen.h"

#include "legacy_nat.h"

static void
add_table(struct unseen_nat *unseen, enum family family, const struct legacy_nat *nat)
{
	for (size_t i = 0; i < nat->n; i++) {
		if (unseen->n == UNSEEN_MAX) {
			unseen->more = true;
			break;
		}
		unseen->v[unseen->n].family = family_protos[family];
		unseen->v[unseen->n].from = nat->v[i].from;
		unseen->v[unseen->n++].to = nat->v[i].to;
	}
	unseen->more |= nat->unknown;
	unseen->mixed |= nat->mixed;
}

static int
look_at_nat(struct unseen_nat *unseen, const struct ports *ports)
{
	struct err ignored = ERR_INIT;
	struct legacy_host host;
	int rc = 0;

	if (legacy_host_init(&host, &ignored) < 0)
		return -1;
	for (enum family family = 0; rc == 0 && family < FAMILIES; family++) {
		struct legacy_nat nat;

		rc = legacy_nat_read_table(&nat, &host, family, ports, &ignored);
		if (rc == 0)
			add_table(unseen, family, &nat);
	}
	legacy_host_fini(&host);
	return rc;
}

struct unseen_nat
legacy_unseen_nat(const struct ports *ports)
{
	struct unseen_nat unseen = { .n = 0 };

	if (!host_has(FAMILY_IPV4, "nat") && !host_has(FAMILY_IPV6, "nat"))
		return unseen;
	return look_at_nat(&unseen, ports) < 0 ? reach_unseen_nat() : unseen;
}
