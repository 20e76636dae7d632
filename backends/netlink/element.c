/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "element.h"

#include <libnftnl/udata.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "nf.h"

static void
take_comment(struct element *x, const struct nlattr *attr)
{
	const char *comment = attr_udata_string(attr, NFTNL_UDATA_SET_ELEM_COMMENT);

	snprintf(x->comment, sizeof(x->comment), "%s", comment ? comment : "");
}

static void
take_attr(struct element *x, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case NFTA_SET_ELEM_KEY:
		x->key = value_parse(attr);
		break;
	case NFTA_SET_ELEM_KEY_END:
		x->key_end = value_parse(attr);
		break;
	case NFTA_SET_ELEM_DATA:
		x->is_verdict = verdict_parse(attr, &x->verdict, &x->chain);
		x->data = value_parse(attr);
		break;
	case NFTA_SET_ELEM_FLAGS:
		x->interval_end = (attr_u32(attr, 0) & NFT_SET_ELEM_INTERVAL_END) != 0;
		break;
	case NFTA_SET_ELEM_TIMEOUT:
		x->timeout_ms = attr_u64(attr, 0);
		break;
	case NFTA_SET_ELEM_EXPIRATION:
		x->expires_ms = attr_u64(attr, 0);
		break;
	case NFTA_SET_ELEM_USERDATA:
		take_comment(x, attr);
		break;
	default:
		break;
	}
}

int
element_each(const struct set *set, element_fn fn, void *data)
{
	for (size_t i = 0; i < set->n_elements; i++) {
		const struct nlattr *list, *elem, *attr;

		attr_each(list, set->elements[i], sizeof(struct nfgenmsg))
		{
			if (mnl_attr_get_type(list) != NFTA_SET_ELEM_LIST_ELEMENTS)
				continue;
			attr_each_nested(elem, list)
			{
				struct element x = { .attr = elem };
				int rc;

				attr_each_nested(attr, elem) take_attr(&x, attr);
				rc = fn(&x, data);
				if (rc)
					return rc;
			}
		}
	}
	return 0;
}

struct search {
	const uint8_t *key;
	size_t len;
	bool interval;
	bool found;
	struct element best; /* the greatest key that is not behind ours */
	bool has_catchall;
	struct element catchall;
};

static bool
in_ranges(const struct search *s, const struct element *x)
{
	size_t i;

	for (i = 0; i + 4 <= s->len; i += 4) {
		if (memcmp(s->key + i, x->key.v + i, 4) < 0 ||
		    memcmp(s->key + i, x->key_end.v + i, 4) > 0)
			return false;
	}
	return i == s->len;
}

static int
consider(const struct element *x, void *data)
{
	struct search *s = data;
	int order;

	if (x->key.len == 0) {
		s->has_catchall = true;
		s->catchall = *x;
		return 0;
	}
	if (x->key.len < s->len || (x->key_end.v && x->key_end.len < s->len))
		return 0;
	if (x->key_end.v) {
		if (!in_ranges(s, x))
			return 0;
		s->found = true;
		s->best = *x;
		return 1;
	}
	order = memcmp(x->key.v, s->key, s->len);
	if (!s->interval ? order != 0 : order > 0)
		return 0;
	if (s->found) {
		int better = memcmp(x->key.v, s->best.key.v, s->len);

		if (better < 0 || (better == 0 && x->interval_end))
			return 0;
	}
	s->found = true;
	s->best = *x;
	return 0;
}

void
element_find(const struct set *set, const uint8_t *key, size_t len, bool *found,
	     struct element *element)
{
	struct search s = { .key = key,
			    .len = len,
			    .interval = (set->flags & NFT_SET_INTERVAL) != 0 };

	element_each(set, consider, &s);
	if (s.found && s.best.interval_end)
		s.found = false;
	*found = s.found || s.has_catchall;
	*element = s.found ? s.best : s.catchall;
}
