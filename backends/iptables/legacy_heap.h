/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GEOPAUSE_LEGACY_HEAP_H
#define GEOPAUSE_LEGACY_HEAP_H

#include <stddef.h>

/*
 * A table of this many bytes is about to be read. A large one in words takes many times its size,
 * and most of the time that it takes would be page faults, which are dear in virtual machines: the
 * heap grows at once, in huge pages where the kernel has them (madvise(2), MADV_HUGEPAGE), and what
 * is freed is used again.
 */
void heap_expect(size_t table);

#endif
