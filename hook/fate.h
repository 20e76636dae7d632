/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of an error message: what is open or closed now, and what to do next. */
#ifndef GEOPAUSE_FATE_H
#define GEOPAUSE_FATE_H

#include "err.h"
#include "journal.h"

/* Appends "; TEXT". A message that is too long loses its own end, never this. */
void fate_add(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Makes it an ERR_OPEN: "; tcp 80 may still be open in inet filter until 12:34:56; run `geopause
 * restore`".
 */
void fate_may_be_open(struct err *e, const struct journal *journal);
/* The same of those lifts alone that are not known to be applied. */
void fate_begun_may_be_open(struct err *e, const struct journal *journal);

#endif
