/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trace.h"

#include <stddef.h>

static trace_line *to;

void
trace_to(trace_line *line)
{
	to = line;
}

bool
trace_is_on(void)
{
	return to != NULL;
}

void
trace_text(const char *line)
{
	if (to != NULL)
		to(line);
}
