/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules in short, for messages, without nft: what they test and what they do. ASCII. */
#ifndef GEOPAUSE_DESCRIBE_H
#define GEOPAUSE_DESCRIBE_H

#include "ruleset.h"

/* "tcp dport { ... } ip saddr @geo drop"; cut to size. Returns buf. */
const char *describe_rule(char *buf, size_t size, const struct ruleset *rs,
			  const struct rule *rule);
/* The hooks from which the rule is reached (reach.h): "input, forward"; cut. Returns buf. */
const char *describe_hooks(char *buf, size_t size, const struct ruleset *rs,
			   const struct rule *rule);

#endif
