/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lifts that a new boot does not close (BACKEND_SURVIVES_BOOT). The journal dies with the boot, as
 * the kernel's rules do; of a window with such lifts a copy, written durably before each mutation,
 * lies beside the history: lasting-JOURNAL. Whoever finds one that belongs to no window of this
 * boot takes its lifts back.
 */
#ifndef GEOPAUSE_LASTING_H
#define GEOPAUSE_LASTING_H

#include <stdbool.h>

#include "window.h"

/* May there be any in this directory? NULL: no. */
bool lasting_is_there(const char *directory);
/* The journal was read: has it lifts that last? */
void lasting_look(struct window *w);
/* Before a mutation; does nothing when none of the journal's lifts lasts. */
int lasting_save(struct window *w, struct err *e);
/* The window is closed. */
void lasting_forget(struct window *w);
/* Appends a line to *found for each that no window of this boot accounts for. */
int lasting_find(struct window *w, struct names *found, struct err *e);
/* Takes them back, whatever their boot. ERR_OPEN if one may still be open. */
int lasting_recover(struct window *w, struct err *e);

#endif
