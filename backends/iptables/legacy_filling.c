/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that put sources into another set (-j SET): they stop nobody, unless some rule decides by
 * that set.
 */
#include <stdio.h>
#include <string.h>

#include "legacy_lift.h"
#include "legacy_select_private.h"

struct filling {
	const char *sets[3]; /* that it adds to, or takes from */
	size_t n;
	const char *by; /* of these, the one that some rule decides by */
};

static struct filling
filling_of(const struct rule *rule)
{
	struct filling filling = { .n = 0 };

	for (size_t i = 0; i + 1 < rule->at->n && filling.n < 3; i++) {
		const struct save_token *t = &rule->at->tokens[i];

		if (!t->quoted && (!strcmp(t->text, "--add-set") || !strcmp(t->text, "--del-set") ||
				   !strcmp(t->text, "--map-set")))
			filling.sets[filling.n++] = t[1].text;
	}
	return filling;
}

static bool
is_filled(const char *set, void *data)
{
	struct filling *filling = data;

	for (size_t i = 0; i < filling->n; i++)
		if (!strcmp(filling->sets[i], set))
			filling->by = filling->sets[i];
	return filling->by != NULL;
}

static int
look_at(struct selection *s, const char *table, struct filling *filling)
{
	struct save save;

	if (!host_has(s->edits->family, table))
		return 0;
	if (host_save(s->scope->host, s->edits->family, table, &save, s->e) < 0)
		return -1;
	for (size_t i = 0; i < save.n_rules && !filling->by; i++) {
		struct rule rule;

		rule_read(&rule, &save, i);
		rule_sets(&rule, is_filled, filling);
	}
	save_fini(&save);
	return 0;
}

int
edit_check_filling(struct selection *s, const struct rule *rule)
{
	struct filling filling = filling_of(rule);
	char why[2 * NAME_BUF], name[NAME_BUF];

	for (size_t t = 0; t < LEGACY_TABLES; t++)
		if (look_at(s, legacy_tables[t], &filling) < 0)
			return -1;
	if (!filling.by)
		return 0;
	snprintf(why, sizeof(why),
		 "it puts sources into ipset %s, by which other rules decide, and who else is in "
		 "there: drop by the countries' own set, and choose that rule",
		 err_name(name, filling.by));
	return edit_refuse(s, rule, why);
}
