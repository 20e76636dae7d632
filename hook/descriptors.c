/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "descriptors.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module.h"

static int
compare(const void *a, const void *b)
{
	const int *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void
close_from_to(int first, int last)
{
	if (first > last || !close_range((unsigned)first, (unsigned)last, 0))
		return;
	/* Linux before 5.9, or a sandbox that does not know it. */
	long end = sysconf(_SC_OPEN_MAX);
	for (int fd = first; fd <= last && fd < end; fd++)
		close(fd);
}

void
descriptors_close_but(const int *kept, size_t n)
{
	int all[DESCRIPTORS_KEPT_MAX + MODULES_MAX], first = 3;
	const int *modules;
	size_t n_modules = module_descriptors(&modules);
	if (n)
		memcpy(all, kept, n * sizeof(*all));
	memcpy(all + n, modules, n_modules * sizeof(*all));
	qsort(all, n + n_modules, sizeof(*all), compare);
	for (size_t i = 0; i < n + n_modules; i++) {
		close_from_to(first, all[i] - 1);
		if (all[i] >= first)
			first = all[i] + 1;
	}
	close_from_to(first, INT_MAX);
}
