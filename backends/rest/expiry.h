/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The provider's own expiry: what the recipe's "deadman" says of it. */
#ifndef GEOPAUSE_REST_EXPIRY_H
#define GEOPAUSE_REST_EXPIRY_H

#include "session.h"

/* Does a lift by this recipe, or with this "deadman", close by itself? */
bool expiry_is_there(const struct recipe *recipe);
bool expiry_is_of(const json_t *deadman);
/* Seconds until that, as far as this process knows: another may have moved it on. 0: passed. */
unsigned expiry_left_s(const struct session *s);
/* True when this needs no request; *outcome then says whether it will do. */
bool expiry_is_settled(const struct session *s, int64_t deadline, enum outcome *outcome,
		       struct err *e);

#endif
