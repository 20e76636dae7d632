/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rule asks of a packet, compared with what another one asks. Nothing is evaluated here. */
#ifndef GEOPAUSE_TESTS_OF_H
#define GEOPAUSE_TESTS_OF_H

#include "criterion.h"
#include "ruleset.h"

/*
 * Does `rule` ask for nothing but protocols and destination ports, what `other` (or NULL) asks for
 * too, and what without[i] leaves out? Not if it does more than to decide.
 */
bool tests_no_more(const struct rule *rule, const bool without[], const struct rule *other);

#endif
