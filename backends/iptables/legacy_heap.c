/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_heap.h"

#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE ((size_t)128 << 10)    /* bytes; a table of some 700 rules */
#define TIMES 24u                    /* so much room is asked for: a table, twice, and in words */
#define ROOM_MAX ((size_t)256 << 20) /* bytes */
#define ALONE ((size_t)32 << 20)     /* what is larger is mapped on its own; malloc's limit */
#define SPARE ((size_t)256 << 10)    /* more than malloc has in hand at the heap's end */
#define TOP_PAD ((size_t)128 << 10)  /* malloc's default */
#define HUGE_PAGE ((size_t)2 << 20)

/*
 * The heap grows at once. A huge page is only had where nothing was written yet: small_pages are in
 * front of the first one, in which what is asked for next begins.
 */
static void
grow(size_t room)
{
	/* volatile: what nobody uses is left out by compilers. */
	static void *volatile small_pages[2];
	uintptr_t end, low, high;
	void *begin;

	mallopt(M_TOP_PAD, (int)(room + HUGE_PAGE));
	begin = small_pages[0] = malloc(SPARE);
	mallopt(M_TOP_PAD, (int)TOP_PAD);
	if (!begin)
		return;
	end = (uintptr_t)begin + malloc_usable_size(begin);
	low = (end + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	high = (uintptr_t)sbrk(0) / HUGE_PAGE * HUGE_PAGE;
	/* Small ones do as well, only slower. */
	if (low < high && madvise((void *)low, high - low, MADV_HUGEPAGE) == 0)
		small_pages[1] = malloc(low - end);
}

void
heap_expect(size_t table)
{
	static bool done;
	size_t room = table * TIMES;

	if (done || table < LARGE)
		return;
	done = true;
	/* Nothing of it is given back, or mapped on its own; see mallopt(3). */
	mallopt(M_MMAP_THRESHOLD, (int)ALONE);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	grow(room < ROOM_MAX ? room : ROOM_MAX);
}
