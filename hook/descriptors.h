/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GEOPAUSE_DESCRIPTORS_H
#define GEOPAUSE_DESCRIPTORS_H

#include <stddef.h>

#define DESCRIPTORS_KEPT_MAX 8

/*
 * Closes every descriptor from 3 on but these, at most DESCRIPTORS_KEPT_MAX, of which -1 is none,
 * and those of the modules (module.h).
 */
void descriptors_close_but(const int *kept, size_t n);

#endif
