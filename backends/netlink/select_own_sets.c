/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of open ports that the administrator made to be filled. */
#include <stdlib.h>

#include "mark.h"
#include "nf.h"
#include "select_search.h"

#define KEY_SERVICE 13u /* nft's inet_service */

bool
select_is_port_set(const struct set *set)
{
	if (set->flags & (NFT_SET_MAP | NFT_SET_OBJECT | NFT_SET_ANONYMOUS))
		return false;
	return set->key_type == KEY_SERVICE ||
	       (set->key_type == MARK_SET_KEY_TYPE && set->key_len == MARK_SET_KEY_LEN);
}

int
selection_add_own_set(struct selection *sel, struct set *set, size_t target, struct err *e)
{
	struct own_set *grown;

	for (size_t i = 0; i < sel->n_own_sets; i++) {
		if (sel->own_sets[i].set == set)
			return 0;
	}
	grown = realloc(sel->own_sets, (sel->n_own_sets + 1) * sizeof(*sel->own_sets));

	if (!grown)
		return err_set(e, ERR_FAILED, "out of memory while selecting sets");
	sel->own_sets = grown;
	sel->own_sets[sel->n_own_sets++] = (struct own_set){ set, target };
	return 0;
}

static int
own_set_refused(struct search *s, const struct pattern *p, const struct set *set)
{
	char path[PATH_BUF], name[NAME_BUF];
	const char *why = NULL;

	search_path(path, "set", &s->target->rules.set, p);
	err_name(name, set->name);
	if (!select_is_port_set(set))
		why = "is no set of ports: its type must be inet_service, or inet_proto . "
		      "inet_service";
	else if (!(set->flags & NFT_SET_TIMEOUT))
		why = "cannot be closed by the kernel if geopause dies: add `flags timeout` to it";
	else if (set->flags & NFT_SET_INTERVAL)
		why = "holds ranges: leave `interval` out of its flags";
	else if (set->flags & NFT_SET_CONSTANT)
		why = "is constant: leave `constant` out of its flags";
	if (!why)
		return 0;
	return target_err(s->e, s->target, path, p->line, "set %s of table %s %s", name,
			  s->table->text, why);
}

int
search_own_sets(struct search *s, bool must)
{
	const struct ruleset *rs = s->eval->rs;

	for (size_t i = 0; i < rs->n_sets; i++) {
		struct set *set = rs->sets[i];
		const struct pattern *p;

		if (set->table != s->table || set->flags & NFT_SET_ANONYMOUS ||
		    mark_is_set(set, NULL))
			continue;
		p = patterns_match(&s->target->rules.set, set->name);
		if (!p || (!must && !select_is_port_set(set)))
			continue;
		if (own_set_refused(s, p, set) < 0 ||
		    selection_add_own_set(s->sel, set, s->index, s->e) < 0)
			return -1;
		s->rules++;
	}
	return 0;
}
