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

/* What may be open, in words. */
struct rest {
	char where[FATE_MAX / 2];
	size_t used;
	size_t unnamed; /* places for whose names there was no room */
	struct ports ports;
	bool by_itself; /* it closes */
};

static void
add_place(struct rest *rest, const char *place)
{
	char name[NAME_BUF];
	const size_t room = sizeof(rest->where) - rest->used;
	int len = snprintf(rest->where + rest->used, room, "%s%s", rest->used ? ", " : "",
			   err_name(name, place));
	if (len > 0 && (size_t)len < room) {
		rest->used += (size_t)len;
		return;
	}
	rest->where[rest->used] = '\0';
	rest->unnamed++;
}

static void
add_lift(struct rest *rest, const struct lift *lift)
{
	rest->by_itself = rest->by_itself && lift->expires_itself;
	ports_add(&rest->ports, &lift->ports);
	for (size_t i = 0; i < lift->tables.n; i++)
		add_place(rest, lift->tables.v[i]);
}

static void
say_rest(struct err *e, const struct rest *rest, int64_t expiry)
{
	char until[CLOCK_TEXT_MAX], text[PORTS_TEXT_MAX], more[64] = "";
	ports_text(text, &rest->ports);
	if (rest->unnamed)
		snprintf(more, sizeof(more), " and %zu more (see `geopause status`)",
			 rest->unnamed);
	if (e->code == ERR_NONE)
		err_set(e, ERR_OPEN, "restoring failed");
	e->code = ERR_OPEN;
	if (!rest->by_itself)
		fate_add(e, "%s may still be open in %s%s; run `geopause restore`", text,
			 rest->where, more);
	else if (boottime_left(expiry))
		fate_add(e, "%s may still be open in %s%s until %s; run `geopause restore`", text,
			 rest->where, more, clock_text(until, expiry));
	else
		fate_add(e,
			 "%s in %s%s is closed by expiry but not yet as it was; run `geopause "
			 "restore`",
			 text, rest->where, more);
}

static void
may_be_open(struct err *e, const struct journal *journal, bool begun)
{
	struct rest rest = { .by_itself = true };
	for (size_t i = 0; i < journal->lifts.n; i++)
		if (!begun || !journal->lifts.v[i].applied)
			add_lift(&rest, &journal->lifts.v[i]);
	say_rest(e, &rest, journal->expiry);
}

void
fate_may_be_open(struct err *e, const struct journal *journal)
{
	may_be_open(e, journal, false);
}

void
fate_begun_may_be_open(struct err *e, const struct journal *journal)
{
	may_be_open(e, journal, true);
}
