/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a packet that begins a connection to the asked ports can come by in one table, and what
 * becomes of it there. Conditions that are not about ports and states may be met.
 */
#ifndef GEOPAUSE_LEGACY_REACH_H
#define GEOPAUSE_LEGACY_REACH_H

#include "legacy_rule.h"

enum reach_hook {
	HOOK_PREROUTING = 1 << 0,
	HOOK_INPUT = 1 << 1,
	HOOK_FORWARD = 1 << 2,
};

struct reach {
	const struct save *save;
	struct ports ports;
	struct rule *rules; /* of save */
	unsigned *hooks;    /* by chain: bits of enum reach_hook that lead there */
	unsigned char *denies, *accepts;
};

int reach_init(struct reach *reach, const struct save *save, const struct ports *ports,
	       struct err *e);
void reach_fini(struct reach *reach);

/* No packet to any of the ports can meet the rule. */
bool reach_excludes(const struct reach *reach, const struct rule *rule);
/* The rule's verdict may be, somewhere below, to stop the packet; or to let it through. */
bool reach_rule_denies(const struct reach *reach, const struct rule *rule);
bool reach_rule_accepts(const struct reach *reach, const struct rule *rule);
/* A packet that goes on after this rule may be stopped later in this table. */
bool reach_denied_after(const struct reach *reach, size_t rule);
/* A packet may come out at the chain's end. */
bool reach_falls_off(const struct reach *reach, size_t chain);
/* "INPUT", "INPUT and FORWARD"; static. */
const char *reach_hooks_text(unsigned hooks);

#endif
