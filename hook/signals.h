/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals: SIGPIPE and SIGXFSZ are ignored (a reader that went away, or `ulimit -f`, must not stop
 * a restore), SIGCHLD has its
 * default (a caller may have ignored it), and the four that end a program wait while the firewall
 * is being changed.
 */
#ifndef GEOPAUSE_SIGNALS_H
#define GEOPAUSE_SIGNALS_H

#include <signal.h>

#include "err.h"

/* Remembers what the caller gave us, for signals_give_back(), and the umask with it. */
void signals_init(void);
/* In a child before exec: mask, dispositions and umask as the caller of geopause had them. */
void signals_give_back(void);

/* INT, TERM, HUP, QUIT. Blocked once they stay so until signals_release. */
void signals_hold(void);
/* The signals that were held are delivered now: may end the process. */
void signals_release(void);
/* One of the four that waits and would end us, or 0. */
int signals_waiting(void);
/* An error if one does. */
int signals_check(struct err *e);

/* As a child died of sig: so do we, without a core of our own. Returns 128 + sig if it cannot. */
int signals_die_of(int sig);

#endif
