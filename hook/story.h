/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told about a window: its events, one line each, through log.h. */
#ifndef GEOPAUSE_STORY_H
#define GEOPAUSE_STORY_H

#include "journal.h"
#include "planning.h"

void story_opened(const struct journal *journal, const struct ports *ports,
		  const struct lease *lease);
void story_lease(const struct journal *journal, const char *what, const struct lease *lease);
/* how: "post", "restore", "expired", "rollback", ... */
void story_closed(const struct journal *journal, const char *how, const struct names *notes);
void story_nothing_blocks(const struct ports *ports, size_t n_targets);
void story_plan(const struct planning *planning);
/* A line each, with this event and syslog priority. */
void story_lines(int priority, const char *event, const char *prefix, const struct names *lines);
/* Everything lifted, "tcp 80, tcp 443"; buf has PORTS_TEXT_MAX bytes. */
const char *story_ports(char *buf, const struct lifts *lifts);

/* "lifted", "expired", ... */
const char *story_lift_state(enum lift_state state);

#endif
