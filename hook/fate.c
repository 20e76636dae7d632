/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clocks.h"

#define FATE_MAX 512 /* bytes */
#define CUT "..."

void
fate_add(struct err *e, const char *fmt, ...)
{
	char tail[FATE_MAX];
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(tail, sizeof(tail), fmt, ap) < 0)
		tail[0] = '\0';
	va_end(ap);
	size_t used = strlen(e->msg), room = sizeof(e->msg) - strlen(tail) - sizeof("; ");
	if (used > room) {
		used = room;
		memcpy(e->msg + used - strlen(CUT), CUT, strlen(CUT));
	}
	snprintf(e->msg + used, sizeof(e->msg) - used, "; %s", tail);
}

void
fate_may_be_open(struct err *e, const struct journal *journal)
{
	char where[FATE_MAX / 2] = "", until[CLOCK_TEXT_MAX], text[PORTS_TEXT_MAX];
	const struct ports ports = lifts_ports(&journal->lifts);
	size_t used = 0;
	bool by_itself = true;
	for (size_t i = 0; i < journal->lifts.n; i++) {
		const struct lift *lift = &journal->lifts.v[i];
		by_itself = by_itself && lift->expires_itself;
		for (size_t k = 0; k < lift->tables.n && used < sizeof(where) - 1; k++) {
			char name[NAME_BUF];
			int len = snprintf(where + used, sizeof(where) - used, "%s%s",
					   used ? ", " : "", err_name(name, lift->tables.v[k]));
			used += len > 0 ? (size_t)len : 0;
		}
	}
	if (e->code == ERR_NONE)
		err_set(e, ERR_OPEN, "restoring failed");
	e->code = ERR_OPEN;
	if (!by_itself)
		fate_add(e, "%s may still be open in %s; run `geopause restore`",
			 ports_text(text, &ports), where);
	else if (boottime_left(journal->expiry))
		fate_add(e, "%s may still be open in %s until %s; run `geopause restore`",
			 ports_text(text, &ports), where, clock_text(until, journal->expiry));
	else
		fate_add(e,
			 "%s in %s is closed by expiry but not yet as it was; run `geopause "
			 "restore`",
			 ports_text(text, &ports), where);
}
