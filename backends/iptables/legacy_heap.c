/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_heap.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE ((size_t)128 << 10)   /* bytes; a table of some 700 rules */
#define TIMES 16u                   /* what is made of a table is so many times as large, and less */
#define HEAP_MAX ((size_t)24 << 20) /* bytes; below what malloc takes out of the heap at most */
#define HUGE_PAGE ((size_t)2 << 20)

/* What the heap gained, in whole huge pages. */
static void
use_huge_pages(uintptr_t low, uintptr_t high)
{
	low = (low + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	high = high / HUGE_PAGE * HUGE_PAGE;
	/* Small ones do as well, only slower. */
	if (low < high)
		(void)madvise((void *)low, high - low, MADV_HUGEPAGE);
}

void
heap_expect(size_t table)
{
	static bool done;
	size_t size = table * TIMES < HEAP_MAX ? table * TIMES : HEAP_MAX;
	void *volatile room; /* or the compiler sees no need for it */
	uintptr_t low;

	if (done || table < LARGE)
		return;
	done = true;
	/* Nothing of it is given back, or mapped on its own; see mallopt(3). */
	mallopt(M_MMAP_THRESHOLD, (int)(HEAP_MAX + 2 * HUGE_PAGE));
	mallopt(M_TRIM_THRESHOLD, (int)(4 * HEAP_MAX));
	low = (uintptr_t)sbrk(0);
	room = malloc(size + HUGE_PAGE);
	free(room);
	use_huge_pages(low, (uintptr_t)sbrk(0));
}
