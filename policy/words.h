/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the words in a name or a comment say: "geo", "country", the code of a country, "trusted",
 * "ratelimit"; a few are read in other languages, in UTF-8. Words end at anything that is no letter
 * or digit, between letters and digits, and where a capital letter follows a small one. A single
 * letter says nothing. For signature.c alone.
 */
#ifndef GEOPAUSE_WORDS_H
#define GEOPAUSE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words {
	bool geo;            /* says that it is about countries */
	bool exception;      /* "not", "exempt", "trusted": perhaps the opposite of a geo-block */
	const char *other;   /* why it is something else; static, or NULL */
	bool hard;           /* and it is so whatever else is said */
	bool other_is_place; /* and why a chain or table of this name is, too */
	size_t codes;        /* countries, mostly by their codes (ISO 3166-1 alpha-2) */
	size_t word_codes;   /* of these: also a common word, whoever is meant */
	size_t short_codes;  /* of these: also the short form of something that is let through */
	bool dated;          /* CN_4_2026-11-23 */
	size_t services;     /* "mail", "web" */
	size_t unknown;      /* words that mean nothing here */
};

/* NULL says nothing. */
struct words words_read(const char *text);

#endif
