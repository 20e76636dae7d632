/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules in iptables' own words, by running iptables-nft-save: for a person who asked for a plan. */
#ifndef GEOPAUSE_NFT_SAVE_H
#define GEOPAUSE_NFT_SAVE_H

#include "lift.h"

/* The table that was saved last: steps of one table follow each other. */
struct nft_save {
	const struct table *table;
	char *text; /* or NULL: it is not installed, or does not tell */
};

/*
 * Before and after of the step, malloced, or NULL; save is a struct nft_save. Our prefix, which
 * iptables has no words for, is put before the rule in nft's.
 */
void nft_save_step(void *save, const struct lift *lift, size_t i, char **before, char **after);
void nft_save_fini(struct nft_save *save);

#endif
