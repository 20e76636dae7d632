/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lift in iptables' words. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_rewrite.h"

static const char *
proto_name(const struct condition *c)
{
	return c->proto == IPPROTO_TCP ? "tcp" : "udp";
}

/* As iptables-save prints it. */
static void
put_condition(FILE *f, const struct condition *c, time_t stop)
{
	char end[MARK_TIME_MAX];

	fputs(c->original ? "-m conntrack --ctorigdstport " : "-m multiport --dports ", f);
	for (size_t i = 0; i < c->n; i++)
		fprintf(f, "%s%u", i ? "," : "", c->ports[i]);
	if (c->original)
		fputs(" --ctdir ORIGINAL", f);
	fprintf(f, " -m time --datestop %s", mark_time(end, stop));
}

static void
put_raw(FILE *f, const struct save_rule *rule, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct save_token *t = &rule->tokens[i];

		fprintf(f, " %.*s", (int)t->raw_len, t->raw);
	}
}

static void
put_ours(FILE *f, const struct lift_words *words, const struct condition *c)
{
	fputc(' ', f);
	put_condition(f, c, words->stop);
	fprintf(f, " -m comment --comment " MARK_COMMENT "%s", words->txn);
}

/* Where the target begins, of the rule's tokens. */
static size_t
target_of(const struct rule *rule)
{
	for (size_t i = rule->at->n; i-- > 0;) {
		const struct save_token *t = &rule->at->tokens[i];

		if (!t->quoted && (!strcmp(t->text, "-j") || !strcmp(t->text, "-g")))
			return i;
	}
	return rule->at->n;
}

/* A copy of the rule, without the test of its source if that is to go. */
static void
put_copy(FILE *f, const struct legacy_edit *edit, const struct save *save,
	 const struct lift_words *words, const struct condition *c)
{
	struct rule rule;
	size_t target;

	if (edit->rule == SAVE_NONE) {
		fprintf(f, " -p %s", proto_name(c));
		put_ours(f, words, c);
		fprintf(f, " %s\n", edit->spec);
		return;
	}
	rule_read(&rule, save, edit->rule);
	target = target_of(&rule);
	if (!rule.proto)
		fprintf(f, " -p %s", proto_name(c));
	for (size_t i = 0; i < target; i++)
		if (!rule_leaves_out(&rule, edit->without, i))
			put_raw(f, rule.at, i, i + 1);
	put_ours(f, words, c);
	put_raw(f, rule.at, target, rule.at->n);
	fputc('\n', f);
}

static void
put_chain(FILE *f, const struct legacy_edit *edit, const struct lift_words *words, unsigned index)
{
	struct condition all[CONDITIONS_MAX];
	char chain[MARK_CHAIN_MAX];
	size_t n = lift_conditions(all, words, edit);

	mark_chain(chain, words->txn, index);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "-A %s -p %s ", chain, proto_name(&all[i]));
		put_condition(f, &all[i], words->stop);
		fputs(" -j RETURN\n", f);
	}
	fprintf(f, "-A %s %s\n", chain, edit->spec);
}

void
lift_show(FILE *f, const struct legacy_edit *edit, const struct save *save,
	  const struct lift_words *words, unsigned index)
{
	struct condition all[CONDITIONS_MAX];
	char chain[MARK_CHAIN_MAX];
	size_t n = lift_conditions(all, words, edit);

	if (edit->action == ACTION_SKIP) {
		fprintf(f, "-A %s -j %s\n", edit->chain, mark_chain(chain, words->txn, index));
		put_chain(f, edit, words, index);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "-A %s", edit->chain);
		put_copy(f, edit, save, words, &all[i]);
	}
}
