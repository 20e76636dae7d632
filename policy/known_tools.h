/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules that are known by what a tool calls its tables, chains and sets. For signature.c alone. */
#ifndef GEOPAUSE_KNOWN_TOOLS_H
#define GEOPAUSE_KNOWN_TOOLS_H

#include "observation.h"
#include "signature.h"

struct known_tool {
	enum verdict verdict;
	const char *why; /* static; NULL: it is none's */
};

struct known_tool known_tool(const struct observation *o);

/* "filter" of "inet filter"; NULL of NULL. */
const char *known_table_name(const char *table);

#endif
