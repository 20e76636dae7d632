/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "leads.h"

#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "nf.h"

#define NAMES_MAX 1024 /* bytes; more chains than fit are none of which anything is said */

struct leads {
	char text[NAMES_MAX];
	size_t len;
	const char *last;
	bool drops;
	bool too_many;
};

static void
add(struct leads *leads, const char *chain)
{
	size_t len = strlen(chain);

	if (leads->last && strcmp(leads->last, chain) == 0)
		return;
	leads->last = chain;
	leads->too_many |= leads->len + len + 2 > sizeof(leads->text);
	if (leads->too_many)
		return;
	memcpy(leads->text + leads->len, chain, len);
	leads->len += len;
	leads->text[leads->len++] = ' ';
}

static int
add_element(const struct element *x, void *data)
{
	struct leads *leads = data;

	if (!x->is_verdict || x->interval_end)
		return 0;
	leads->drops |= x->verdict == NF_DROP;
	if (x->chain)
		add(leads, x->chain);
	return 0;
}

int
leads_find(char **names, struct nl *nl, const struct ruleset *rs, const struct rule *rule,
	   const struct criterion *criterion, struct err *e)
{
	struct leads leads = { .len = 0 };

	*names = NULL;
	for (size_t i = rule->core; i < rule->n; i++) {
		if (rule->v[i].is_verdict && rule->v[i].chain)
			add(&leads, rule->v[i].chain);
	}
	if (criterion->decides && criterion->set) {
		struct set *map = ruleset_set(rs, criterion->set->table, criterion->set->name);

		if (ruleset_elements(nl, map, e) < 0)
			return -1;
		element_each(map, add_element, &leads);
	}
	if (leads.len == 0 || leads.drops || leads.too_many)
		return 0;
	leads.text[leads.len - 1] = '\0';
	*names = strdup(leads.text);
	return *names ? 0 : err_set(e, ERR_FAILED, "out of memory while looking for geo-blocks");
}
