/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "nf.h"

struct key {
	uint8_t v[16];
	bool end;
	bool passes; /* of a verdict map: nothing happens to it there */
};

struct keys {
	struct key *v;
	size_t n, size;
	size_t len; /* of each key: 4 or 16 bytes */
	bool stops; /* some do not pass */
};

static int
count_key(const struct element *x, void *data)
{
	(void)x;
	((struct keys *)data)->size++;
	return 0;
}

static bool
passes(const struct element *x)
{
	return x->is_verdict && (x->verdict == NF_ACCEPT || x->verdict == (uint32_t)NFT_RETURN ||
				 x->verdict == (uint32_t)NFT_CONTINUE);
}

static int
take_key(const struct element *x, void *data)
{
	struct keys *keys = data;
	struct key *key = &keys->v[keys->n];

	if (x->key.len < keys->len)
		return 0;
	memcpy(key->v, x->key.v, keys->len);
	key->end = x->interval_end;
	key->passes = passes(x);
	keys->stops |= x->is_verdict && !key->end && !key->passes;
	keys->n++;
	return 0;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = memcmp(x->v, y->v, sizeof(x->v));

	return order ? order : y->end - x->end;
}

struct prefix {
	uint8_t v[4];
	uint8_t bits;
};

/* RFC 6890 and RFC 5771: not addresses of anybody's country. */
static bool
is_special4(const uint8_t *a)
{
	static const struct prefix all[] = {
		{ { 0 }, 8 },
		{ { 10 }, 8 },
		{ { 100, 64 }, 10 },
		{ { 127 }, 8 },
		{ { 169, 254 }, 16 },
		{ { 172, 16 }, 12 },
		{ { 192, 0, 0 }, 24 },
		{ { 192, 0, 2 }, 24 },
		{ { 192, 168 }, 16 },
		{ { 198, 18 }, 15 },
		{ { 198, 51, 100 }, 24 },
		{ { 203, 0, 113 }, 24 },
		{ { 224 }, 4 },
		{ { 240 }, 4 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint32_t x, y, mask = ~(uint32_t)0 << (32 - all[i].bits);

		memcpy(&x, a, 4);
		memcpy(&y, all[i].v, 4);
		if (((ntohl(x) ^ ntohl(y)) & mask) == 0)
			return true;
	}
	return false;
}

/* Outside 2000::/3, or the documentation prefixes in it (RFC 4291, RFC 3849). */
static bool
is_special6(const uint8_t *a)
{
	static const uint8_t documentation[] = { 0x20, 0x01, 0x0d, 0xb8 };

	return (a[0] & 0xe0) != 0x20 || memcmp(a, documentation, 4) == 0;
}

bool
facts_is_special(const uint8_t *address, size_t len)
{
	return len == 4 ? is_special4(address) : is_special6(address);
}

/* Is [from, to) a single IPv4 address, or within one IPv6 /64? to NULL: up to the end of all. */
static bool
is_host(const uint8_t *from, const uint8_t *to, size_t len)
{
	uint32_t a, b;
	uint8_t next[8];

	if (!to)
		return false;
	if (len == 4) {
		memcpy(&a, from, 4);
		memcpy(&b, to, 4);
		return ntohl(b) - ntohl(a) == 1;
	}
	if (memcmp(from, to, 8) == 0)
		return true;
	memcpy(next, from, 8);
	for (size_t i = 8; i > 0 && ++next[i - 1] == 0; i--)
		;
	return memcmp(next, to, 8) == 0 && memcmp(to + 8, "\0\0\0\0\0\0\0\0", 8) == 0;
}

static void
count(struct set_facts *facts, const struct keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct key *key = &keys->v[i];
		const uint8_t *to = i + 1 < keys->n ? keys->v[i + 1].v : NULL;

		/* The start that nft writes for the whole space below the first range; exceptions.
		 */
		if (key->end || (key->passes && keys->stops))
			continue;
		facts->elements++;
		if (!facts->interval || is_host(key->v, to, keys->len))
			facts->hosts++;
		if (keys->len == 4 ? is_special4(key->v) : is_special6(key->v))
			facts->special++;
	}
}

int
facts_read(struct set_facts *facts, struct nl *nl, struct set *set, struct err *e)
{
	struct keys keys = { .len = set->key_len };

	*facts = (struct set_facts){
		.interval = (set->flags & NFT_SET_INTERVAL) != 0,
		.timeout = (set->flags & NFT_SET_TIMEOUT) != 0,
		.dynamic = (set->flags & NFT_SET_EVAL) != 0,
	};
	if (set_is_concat(set)) {
		facts->elements = SIZE_MAX;
		return 0;
	}
	if (ruleset_elements(nl, set, e) < 0)
		return -1;
	element_each(set, count_key, &keys);
	keys.v = calloc(keys.size + 1, sizeof(*keys.v));
	if (!keys.v)
		return err_set(e, ERR_FAILED, "out of memory while reading a set");
	element_each(set, take_key, &keys);
	qsort(keys.v, keys.n, sizeof(*keys.v), compare_keys);
	count(facts, &keys);
	free(keys.v);
	return 0;
}

/* Bits of the prefix that is compared: of a mask, or of all the bytes; of a range, none. */
static size_t
compared_bits(const struct rule *rule, const struct criterion *criterion)
{
	size_t bits = 0;

	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];

		if (!criterion->uses[i])
			continue;
		if (expr_is_ordered(x))
			return 0;
		if (x->kind == EXPR_CMP)
			bits = bits ? bits : x->a.len * 8;
		if (x->kind == EXPR_BITWISE) {
			for (size_t k = 0; k < x->a.len; k++)
				bits += (size_t)__builtin_popcount(x->a.v[k]);
		}
	}
	return bits;
}

/* struct xt_iprange_mtinfo begins with the first and the last source address, 16 bytes each. */
static void
facts_of_range(struct set_facts *facts, const struct rule *rule, const struct expr *x)
{
	size_t len = rule->chain->table->family == NFPROTO_IPV6 ? 16 : 4;

	if (x->a.len < 32)
		return;
	facts->elements = 1;
	facts->hosts = memcmp(x->a.v, x->a.v + 16, len) == 0;
	facts->interval = !facts->hosts;
	facts->special = facts_is_special(x->a.v, len);
}

void
facts_of_literal(struct set_facts *facts, const struct rule *rule,
		 const struct criterion *criterion)
{
	bool v6 = false, special = false;
	size_t bits = compared_bits(rule, criterion);

	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *x = &rule->v[i];
		uint8_t address[16] = { 0 };

		if (!criterion->uses[i])
			continue;
		if (x->kind == EXPR_PAYLOAD)
			v6 = x->offset == 8;
		if ((x->kind == EXPR_CMP || x->kind == EXPR_RANGE) && x->a.v) {
			memcpy(address, x->a.v, x->a.len < 16 ? x->a.len : 16);
			special = v6 ? is_special6(address) : is_special4(address);
		}
	}
	*facts = (struct set_facts){ .elements = 1 };
	facts->hosts = bits >= (v6 ? 64u : 32u);
	facts->special = special;
	facts->interval = !facts->hosts;
	for (size_t i = 0; i < rule->n; i++) {
		if (criterion->uses[i] && rule->v[i].kind == EXPR_MATCH &&
		    strcmp(rule->v[i].set, "iprange") == 0)
			facts_of_range(facts, rule, &rule->v[i]);
	}
}
