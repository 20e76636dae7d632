/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_heap.h"

#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE ((size_t)128 << 10) /* bytes; a table of some 700 rules */
#define TIMES 72u                 /* so much room is asked for to read a table; most is not used */
#define PIECE ((size_t)24 << 20)  /* bytes; less than what malloc may take out of the heap */
#define PIECES_MAX 8u
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
	void *volatile pieces[PIECES_MAX]; /* or the compiler sees no need for them */
	size_t n = table * TIMES / PIECE + 1;
	uintptr_t low;

	if (done || table < LARGE)
		return;
	done = true;
	/* Nothing of it is given back, or mapped on its own; see mallopt(3). */
	mallopt(M_MMAP_THRESHOLD, (int)(PIECE + HUGE_PAGE));
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	low = (uintptr_t)sbrk(0);
	n = n < PIECES_MAX ? n : PIECES_MAX;
	for (size_t i = 0; i < n; i++)
		pieces[i] = malloc(PIECE);
	for (size_t i = 0; i < n; i++)
		free(pieces[i]);
	use_huge_pages(low, (uintptr_t)sbrk(0));
}
