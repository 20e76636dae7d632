/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever rules say in iptables-save's words: no crash in those who decide by them; and the tokens
 * of every rule are the rule.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_mark.h"
#include "legacy_reach.h"
#include "save_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* The tokens are the spec's, one after the other. */
static void
check_tokens(const struct save_rule *rule)
{
	const char *at = rule->spec;

	for (size_t i = 0; i < rule->n; i++) {
		const struct save_token *t = &rule->tokens[i];

		at += strspn(at, " \t");
		MUST(at == t->raw && strlen(t->text) <= t->raw_len);
		at += t->raw_len;
	}
	MUST(at[strspn(at, " \t")] == '\0');
}

static void
check_rule(const struct save *save, size_t index)
{
	const struct save_rule *at = &save->rules[index];
	const struct save_chain *chain = &save->chains[at->chain];
	const struct legacy_packet packet = { .port = { IPPROTO_TCP, 80 } };
	struct rule rule;

	MUST(chain->first + at->number - 1 == index && at->number <= chain->n);
	check_tokens(at);
	rule_read(&rule, save, index);
	MUST(!rule.sources || (rule.from < rule.to && rule.to <= at->n));
	MUST(rule.target != RULE_CHAIN || rule.chain < save->n_chains);
	(void)packet_meets(&packet, &rule, NULL);
	(void)packet_is_elsewhere(&packet, &rule);
	(void)mark_is_our_rule(&rule);
}

static void
check_table(const struct save *save)
{
	const struct ports ports = challenges_ports(CHALLENGE_DEFAULT | CHALLENGE_DNS_01);
	struct reach reach;
	struct marks marks;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < save->n_rules; i++)
		check_rule(save, i);
	MUST(reach_init(&reach, save, &ports, NULL, &e) == 0);
	for (size_t i = 0; i < save->n_rules && i < 64; i++)
		(void)reach_denied_after(&reach, i);
	for (size_t i = 0; i < save->n_chains && i < 64; i++)
		(void)reach_falls_off(&reach, i);
	reach_fini(&reach);
	MUST(marks_find(&marks, save, NULL, &e) == 0);
	for (size_t i = 0; i < marks.n; i++)
		MUST(strlen(marks.v[i].txn) == TXN_LEN);
	marks_fini(&marks);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct save_text read;

	if (save_text_parse(&read, size == 0 ? "" : (const char *)data, size, "filter", &e) == 0) {
		check_table(&read.save);
		save_text_fini(&read);
		return 0;
	}
	MUST(e.code == ERR_FAILED);
	for (const char *p = e.msg; *p != '\0'; p++)
		MUST(*p >= 0x20 && *p < 0x7f);
	return 0;
}
