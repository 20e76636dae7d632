/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "element.h"

#include <errno.h>
#include <libnftnl/udata.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "mark.h"
#include "nf.h"

#define ELEMENT_CATCHALL 0x2u /* NFT_SET_ELEM_CATCHALL; Linux 5.13, EOPNOTSUPP before */

static void
take_comment(struct element *x, const struct nlattr *attr)
{
	const char *comment = attr_udata_string(attr, NFTNL_UDATA_SET_ELEM_COMMENT);

	snprintf(x->comment, sizeof(x->comment), "%s", comment ? comment : "");
	x->ours = mark_is_comment(x->comment, NULL);
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
element_each_of(const struct nlmsghdr *nlh, element_fn fn, void *data)
{
	const struct nlattr *list, *elem, *attr;

	attr_each(list, nlh, sizeof(struct nfgenmsg))
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
	return 0;
}

int
element_each(const struct set *set, element_fn fn, void *data)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < set->n_elements; i++)
		rc = element_each_of(set->elements[i], fn, data);
	return rc;
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

/* --- asking for one --- */

static int
keep_element(const struct element *x, void *data)
{
	*(struct element *)data = *x;
	return 1;
}

static int
take_answer(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	(void)e;
	element_each_of(nlh, keep_element, data);
	return 0;
}

/* key NULL: the catch-all. 1 if it is there, 0 if not. */
static int
ask(struct nl *nl, const struct set *set, const uint8_t *key, size_t len, struct element *element,
    struct err *e)
{
	struct nlmsghdr *nlh = nl_request(nl, NFT_MSG_GETSETELEM, set->table->family, 0);
	struct nlattr *list, *elem;
	struct err refused = ERR_INIT;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, set->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	if (key) {
		struct nlattr *value = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);

		mnl_attr_put(nlh, NFTA_DATA_VALUE, len, key);
		mnl_attr_nest_end(nlh, value);
	} else {
		mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(ELEMENT_CATCHALL));
	}
	mnl_attr_nest_end(nlh, elem);
	mnl_attr_nest_end(nlh, list);
	if (nl_query(nl, nlh, take_answer, element, &refused) == 0)
		return 1;
	if (refused.sys == ENOENT || (!key && refused.sys == EOPNOTSUPP))
		return 0;
	*e = e->code ? *e : refused;
	return -1;
}

/* An element and a whole set that are missing are the same ENOENT. */
static int
check_set(struct nl *nl, const struct set *set, struct err *e)
{
	struct nlmsghdr *nlh = nl_request(nl, NFT_MSG_GETSET, set->table->family, 0);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, set->table->name);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set->name);
	return nl_query(nl, nlh, nl_ignore, NULL, e) < 0 ? -1 : 0;
}

int
element_ask(struct nl *nl, struct set *set, const uint8_t *key, size_t len, bool *found,
	    struct element *element, struct err *e)
{
	int rc = ask(nl, set, key, len, element, e);

	if (rc == 0 && !set->no_catchall) {
		rc = ask(nl, set, NULL, 0, element, e);
		if (rc == 0 && check_set(nl, set, e) < 0)
			return -1;
		set->no_catchall = rc == 0;
	}
	*found = rc == 1;
	return rc < 0 ? -1 : 0;
}
