/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who we are, to the provider: what the recipe's "auth" says is added to each request. A token that
 * has to be got first is got when the first request needs it, kept for the session, got anew when
 * the provider does not accept it any more; it is redacted as the secret is that it was got for.
 */
#ifndef GEOPAUSE_REST_AUTH_H
#define GEOPAUSE_REST_AUTH_H

#include "request.h"

/* Expands the recipe's "auth"; sends nothing. */
int auth_open(struct session *s, struct err *e);
int auth_add(struct session *s, struct request *request, struct err *e);
/* After a 401: true if asking again may help, because a token is got anew. */
bool auth_renew(struct session *s);
/* Ends a provider's session (logout), and wipes everything. */
void auth_close(struct session *s);

#endif
