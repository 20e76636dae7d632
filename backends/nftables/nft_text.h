/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules in nft's own words, by running `nft -a list chain`. That reads every set of the table and
 * may take seconds: only for a person who asked for a plan.
 */
#ifndef GEOPAUSE_NFT_TEXT_H
#define GEOPAUSE_NFT_TEXT_H

#include "lift.h"

/* The chain that was listed last: steps of one chain follow each other. */
struct nft_listing {
	const struct chain *chain;
	char *text; /* or NULL: nft does not tell */
};

/* Before and after of the step, malloced; NULL where nft is not installed or does not tell. */
void nft_text_step(struct nft_listing *listing, const struct lift *lift, size_t i, char **before,
		   char **after);
void nft_listing_fini(struct nft_listing *listing);

#endif
