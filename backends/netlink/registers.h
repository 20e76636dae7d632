/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The registers of nf_tables: 16 words of 32 bits, NFT_REG32_00 to NFT_REG32_15; NFT_REG_1 to
 * NFT_REG_4 are four words each (linux/netfilter/nf_tables.h).
 */
#ifndef GEOPAUSE_REGISTERS_H
#define GEOPAUSE_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

#include "nf.h"

#define REG_WORDS 16u

/* The first word of a register; a number that is none gives the last word. */
static inline size_t
reg_word(uint32_t reg)
{
	if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		return reg - NFT_REG32_00;
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (reg - NFT_REG_1) * 4;
	return REG_WORDS - 1;
}

/* How many words len bytes take from there, within the file of registers. */
static inline size_t
reg_words(uint32_t reg, size_t len)
{
	size_t n = (len + 3) / 4, room = REG_WORDS - reg_word(reg);

	return n == 0 ? 1 : n > room ? room : n;
}

#endif
