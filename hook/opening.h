/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How pre and run open a window: under the lock, with a watchdog. */
#ifndef GEOPAUSE_OPENING_H
#define GEOPAUSE_OPENING_H

#include <stdbool.h>

#include "options.h"
#include "request.h"
#include "session.h"
#include "watchdog.h"

struct opening {
	struct session session;
	struct watchdog dog;
};

/*
 * As window_take, and waits without the lock until all of it is in force; what fails here has
 * changed nothing, or says what is open. Has to be ended in any case; opening->session.window tells
 * what there is now.
 */
int opening_take(struct opening *opening, const struct options *options, struct backends *backends,
		 const struct request *request, struct lease *lease, struct err *e);
/*
 * Frees the lock, closes the backends and lets the watchdog begin. exits: this process ends at
 * once, and does not wait for anybody before; then it begins with that.
 */
void opening_end(struct opening *opening, struct backends *backends, bool exits);

#endif
