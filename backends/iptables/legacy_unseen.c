/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_unseen.h"

#include <stdlib.h>

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

struct legacy_host *
legacy_unseen_open(void)
{
	struct err ignored = ERR_INIT;
	struct legacy_host *host;

	if (!host_has(FAMILY_IPV4, "nat") && !host_has(FAMILY_IPV6, "nat"))
		return NULL;
	host = malloc(sizeof(*host));
	if (!host || legacy_host_init(host, &ignored) == 0)
		return host;
	free(host);
	return NULL;
}

void
legacy_unseen_close(struct legacy_host *host)
{
	if (!host)
		return;
	legacy_host_fini(host);
	free(host);
}

struct unseen_nat
legacy_unseen_nat(const struct legacy_host *host, const struct ports *ports)
{
	struct unseen_nat unseen = { .n = 0 };
	struct err ignored = ERR_INIT;

	for (enum family family = 0; host && family < FAMILIES; family++) {
		struct legacy_nat nat;

		if (legacy_nat_read_table(&nat, host, family, ports, &ignored) < 0)
			return reach_unseen_nat();
		add_table(&unseen, family, &nat);
	}
	return host ? unseen : reach_unseen_nat();
}
