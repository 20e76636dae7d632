/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lifts that a new boot does not close (BACKEND_SURVIVES_BOOT). The journal dies with the boot, as
 * the kernel's rules do; of a window with such lifts a copy, written durably before each mutation,
 * lies beside the history, in lasting/. Whoever finds one that belongs to no window of this boot
 * takes its lifts back.
 */
#ifndef GEOPAUSE_LASTING_H
#define GEOPAUSE_LASTING_H

#include <stdbool.h>

#include "window.h"

/* May there be any beside this history? NULL: no. */
bool lasting_is_there(const char *history);
/* The rights (KEEP_ALL) that it takes to take them back; 0 where there are none. */
unsigned lasting_rights(const char *history);
/* The journal was read: has it lifts that last? */
void lasting_look(struct window *w);
/* Before a mutation; does nothing when none of the journal's lifts lasts. */
int lasting_save(struct window *w, struct err *e);
/* This window is closed: w->journal.window or, if that is not known any more, one of this id. */
void lasting_forget(struct window *w);
void lasting_forget_window(struct window *w, const char *window);
/* Is this window's copy gone? Whoever closes it removes that once all was seen to be taken back. */
bool lasting_is_forgotten(const struct window *w, const char *window);
/* Appends a line to *found for each that no window of this boot accounts for. */
int lasting_find(struct window *w, struct names *found, struct err *e);
/*
 * Takes back what no window of this boot accounts for. What was lifted from another network
 * namespace, whose journal is not here, is left alone while somebody else than mine (may be NULL)
 * holds it. ERR_OPEN, with the names, if some may still be open.
 */
int lasting_recover(struct window *w, const struct lease *mine, struct err *e);
/* The same, whoever holds it. */
int lasting_recover_all(struct window *w, struct err *e);
/*
 * Of a network namespace that cannot be entered: what its journal says lasts is taken back from
 * here, whoever holds it. If there is any, *open becomes whether something may still be open. To be
 * called again if it takes its time.
 */
void lasting_recover_neighbour(struct window *w, const char *file, bool *open);

#endif
