/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "descriptors.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
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

/* False if they cannot be listed. */
static bool
close_listed(int first, int last)
{
	const struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && (entry = readdir(dir))) {
		long fd = strtol(entry->d_name, NULL, 10);
		if (fd >= first && fd <= last && fd != dirfd(dir))
			close((int)fd);
	}
	return dir && !closedir(dir);
}

static void
close_from_to(int first, int last)
{
	if (first > last || !close_range((unsigned)first, (unsigned)last, 0))
		return;
	/*
	 * Linux before 5.9, or a sandbox that does not know it. The limit may be a thousand million
	 * there, or lower than what is open.
	 */
	if (close_listed(first, last))
		return;
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
	if (n_modules)
		memcpy(all + n, modules, n_modules * sizeof(*all));
	qsort(all, n + n_modules, sizeof(*all), compare);
	for (size_t i = 0; i < n + n_modules; i++) {
		close_from_to(first, all[i] - 1);
		if (all[i] >= first)
			first = all[i] + 1;
	}
	close_from_to(first, INT_MAX);
}
