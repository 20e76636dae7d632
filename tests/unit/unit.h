/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What cmocka's header needs before it. */
#ifndef GEOPAUSE_UNIT_H
#define GEOPAUSE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* In this order. */
#include <cmocka.h>

#endif
