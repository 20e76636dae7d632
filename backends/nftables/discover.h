/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GEOPAUSE_NFT_DISCOVER_H
#define GEOPAUSE_NFT_DISCOVER_H

#include "nlsock.h"
#include "observation.h"

/* An observation for each rule that decides by the source, and each set of ports to be filled. */
int nft_discover(struct nl *nl, struct observations *found, struct err *e);

#endif
