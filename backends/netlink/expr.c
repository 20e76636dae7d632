/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "expr.h"

#include <string.h>

#include "attr.h"
#include "nf.h"

enum field_type {
	F_END,
	F_U32,    /* big-endian 32 bit, to a uint32_t */
	F_U8,     /* to a uint32_t */
	F_STRING, /* to a const char * */
	F_VALUE,  /* NFTA_DATA_VALUE below, to a struct expr_data */
	F_BYTES,  /* the attribute itself, to a struct expr_data */
	F_NESTED, /* to a const struct nlattr * */
	F_DATA,   /* value or verdict of an immediate */
};

struct field {
	enum field_type type;
	uint16_t attr;
	size_t to; /* offset in struct expr */
};

#define FIELD(t, a, member)                                                                        \
	{                                                                                          \
		t, a, offsetof(struct expr, member)                                                \
	}
#define FIELDS_MAX 8

static const struct kind {
	const char *name;
	enum expr_kind kind;
	struct field fields[FIELDS_MAX];
} kinds[] = {
	{ "meta",
	  EXPR_META,
	  { FIELD(F_U32, NFTA_META_DREG, dreg), FIELD(F_U32, NFTA_META_KEY, key),
	    FIELD(F_U32, NFTA_META_SREG, sreg) } },
	{ "payload",
	  EXPR_PAYLOAD,
	  { FIELD(F_U32, NFTA_PAYLOAD_DREG, dreg), FIELD(F_U32, NFTA_PAYLOAD_BASE, key),
	    FIELD(F_U32, NFTA_PAYLOAD_OFFSET, offset), FIELD(F_U32, NFTA_PAYLOAD_LEN, len),
	    FIELD(F_U32, NFTA_PAYLOAD_SREG, sreg) } },
	{ "ct",
	  EXPR_CT,
	  { FIELD(F_U32, NFTA_CT_DREG, dreg), FIELD(F_U32, NFTA_CT_KEY, key),
	    FIELD(F_U8, NFTA_CT_DIRECTION, op), FIELD(F_U32, NFTA_CT_SREG, sreg) } },
	{ "cmp",
	  EXPR_CMP,
	  { FIELD(F_U32, NFTA_CMP_SREG, sreg), FIELD(F_U32, NFTA_CMP_OP, op),
	    FIELD(F_VALUE, NFTA_CMP_DATA, a) } },
	{ "range",
	  EXPR_RANGE,
	  { FIELD(F_U32, NFTA_RANGE_SREG, sreg), FIELD(F_U32, NFTA_RANGE_OP, op),
	    FIELD(F_VALUE, NFTA_RANGE_FROM_DATA, a), FIELD(F_VALUE, NFTA_RANGE_TO_DATA, b) } },
	{ "bitwise",
	  EXPR_BITWISE,
	  { FIELD(F_U32, NFTA_BITWISE_SREG, sreg), FIELD(F_U32, NFTA_BITWISE_DREG, dreg),
	    FIELD(F_U32, NFTA_BITWISE_LEN, len), FIELD(F_U32, NFTA_BITWISE_OP, op),
	    FIELD(F_VALUE, NFTA_BITWISE_MASK, a), FIELD(F_VALUE, NFTA_BITWISE_XOR, b) } },
	{ "byteorder",
	  EXPR_BYTEORDER,
	  { FIELD(F_U32, NFTA_BYTEORDER_SREG, sreg), FIELD(F_U32, NFTA_BYTEORDER_DREG, dreg),
	    FIELD(F_U32, NFTA_BYTEORDER_LEN, len), FIELD(F_U32, NFTA_BYTEORDER_SIZE, key) } },
	{ "lookup",
	  EXPR_LOOKUP,
	  { FIELD(F_STRING, NFTA_LOOKUP_SET, set), FIELD(F_U32, NFTA_LOOKUP_SREG, sreg),
	    FIELD(F_U32, NFTA_LOOKUP_DREG, dreg), FIELD(F_U32, NFTA_LOOKUP_FLAGS, flags) } },
	{ "immediate",
	  EXPR_IMMEDIATE,
	  { FIELD(F_U32, NFTA_IMMEDIATE_DREG, dreg), FIELD(F_DATA, NFTA_IMMEDIATE_DATA, a) } },
	{ "dynset",
	  EXPR_DYNSET,
	  { FIELD(F_STRING, NFTA_DYNSET_SET_NAME, set), FIELD(F_U32, NFTA_DYNSET_SREG_KEY, sreg),
	    FIELD(F_U32, NFTA_DYNSET_FLAGS, flags), FIELD(F_NESTED, NFTA_DYNSET_EXPR, nested) } },
	{ "objref",
	  EXPR_OBJREF,
	  { FIELD(F_STRING, NFTA_OBJREF_SET_NAME, set), FIELD(F_U32, NFTA_OBJREF_SET_SREG, sreg),
	    FIELD(F_U32, NFTA_OBJREF_IMM_TYPE, key) } },
	{ "limit", EXPR_LIMIT, { FIELD(F_U32, NFTA_LIMIT_FLAGS, flags) } },
	{ "quota", EXPR_QUOTA, { FIELD(F_U32, NFTA_QUOTA_FLAGS, flags) } },
	{ "connlimit", EXPR_CONNLIMIT, { FIELD(F_U32, NFTA_CONNLIMIT_FLAGS, flags) } },
	{ "fib",
	  EXPR_FIB,
	  { FIELD(F_U32, NFTA_FIB_DREG, dreg), FIELD(F_U32, NFTA_FIB_RESULT, key) } },
	{ "nat",
	  EXPR_NAT,
	  { FIELD(F_U32, NFTA_NAT_TYPE, op), FIELD(F_U32, NFTA_NAT_REG_PROTO_MIN, sreg) } },
	{ "match",
	  EXPR_MATCH,
	  { FIELD(F_STRING, NFTA_MATCH_NAME, set), FIELD(F_U32, NFTA_MATCH_REV, key),
	    FIELD(F_BYTES, NFTA_MATCH_INFO, a) } },
	{ "target",
	  EXPR_TARGET,
	  { FIELD(F_STRING, NFTA_TARGET_NAME, set), FIELD(F_U32, NFTA_TARGET_REV, key),
	    FIELD(F_BYTES, NFTA_TARGET_INFO, a) } },
	{ "redir", EXPR_REDIR, { FIELD(F_U32, NFTA_REDIR_REG_PROTO_MIN, sreg) } },
	{ "reject", EXPR_REJECT, { { F_END, 0, 0 } } },
	{ "queue", EXPR_STOLEN, { { F_END, 0, 0 } } },
	{ "fwd", EXPR_STOLEN, { { F_END, 0, 0 } } },
	{ "synproxy", EXPR_STOLEN, { { F_END, 0, 0 } } },
	{ "masq", EXPR_NEUTRAL, { { F_END, 0, 0 } } },
	{ "counter", EXPR_NEUTRAL, { { F_END, 0, 0 } } },
	{ "log", EXPR_NEUTRAL, { { F_END, 0, 0 } } },
	{ "notrack", EXPR_NEUTRAL, { { F_END, 0, 0 } } },
	{ "last", EXPR_NEUTRAL, { { F_END, 0, 0 } } },
	{ "dup", EXPR_NEUTRAL, { { F_END, 0, 0 } } },
	{ "tproxy", EXPR_NEUTRAL, { { F_END, 0, 0 } } },
	{ "flow_offload", EXPR_NEUTRAL, { { F_END, 0, 0 } } },
};

bool
verdict_parse(const struct nlattr *data, uint32_t *verdict, const char **chain)
{
	const struct nlattr *nest = attr_find(data, NFTA_DATA_VERDICT);
	const struct nlattr *code = nest ? attr_find(nest, NFTA_VERDICT_CODE) : NULL;
	const struct nlattr *name = nest ? attr_find(nest, NFTA_VERDICT_CHAIN) : NULL;

	if (!code || mnl_attr_validate(code, MNL_TYPE_U32) < 0)
		return false;
	*verdict = ntohl(mnl_attr_get_u32(code));
	*chain = name ? attr_string(name) : NULL;
	return true;
}

struct expr_data
value_parse(const struct nlattr *data)
{
	const struct nlattr *value = attr_find(data, NFTA_DATA_VALUE);

	if (!value)
		return (struct expr_data){ 0 };
	return (struct expr_data){ mnl_attr_get_payload(value), mnl_attr_get_payload_len(value) };
}

static bool
get_field(struct expr *x, const struct field *field, const struct nlattr *attr)
{
	void *to = (char *)x + field->to;

	switch (field->type) {
	case F_U32:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return false;
		*(uint32_t *)to = ntohl(mnl_attr_get_u32(attr));
		return true;
	case F_U8:
		if (mnl_attr_validate(attr, MNL_TYPE_U8) < 0)
			return false;
		*(uint32_t *)to = mnl_attr_get_u8(attr);
		return true;
	case F_STRING:
		*(const char **)to = attr_string(attr);
		return *(const char **)to != NULL;
	case F_VALUE:
		*(struct expr_data *)to = value_parse(attr);
		return true;
	case F_BYTES:
		*(struct expr_data *)to = (struct expr_data){ mnl_attr_get_payload(attr),
							      mnl_attr_get_payload_len(attr) };
		return true;
	case F_NESTED:
		*(const struct nlattr **)to = attr;
		return true;
	case F_DATA:
		x->is_verdict = verdict_parse(attr, &x->verdict, &x->chain);
		x->a = value_parse(attr);
		return true;
	case F_END:
		break;
	}
	return true;
}

static bool
get_fields(struct expr *x, const struct kind *kind, const struct nlattr *nest)
{
	const struct nlattr *attr;

	attr_each_nested(attr, nest)
	{
		for (size_t i = 0; i < FIELDS_MAX && kind->fields[i].type != F_END; i++) {
			if (kind->fields[i].attr == mnl_attr_get_type(attr) &&
			    !get_field(x, &kind->fields[i], attr))
				return false;
		}
	}
	return true;
}

bool
expr_parse(const struct nlattr *elem, struct expr *x)
{
	const struct nlattr *name = attr_find(elem, NFTA_EXPR_NAME);
	const struct nlattr *data = attr_find(elem, NFTA_EXPR_DATA);

	*x = (struct expr){ .attr = elem, .sreg = EXPR_NO_REG, .dreg = EXPR_NO_REG };
	x->name = name ? attr_string(name) : NULL;
	if (!x->name)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, x->name) != 0)
			continue;
		x->kind = kinds[i].kind;
		if (data && !get_fields(x, &kinds[i], data))
			return false;
		return x->set || (x->kind != EXPR_MATCH && x->kind != EXPR_TARGET);
	}
	return true;
}

bool
expr_is_comment(const struct expr *x)
{
	return x->kind == EXPR_MATCH && strcmp(x->set, "comment") == 0;
}

bool
expr_is_ordered(const struct expr *x)
{
	return x->kind == EXPR_CMP && x->op > NFT_CMP_NEQ;
}

int
exprs_parse(const struct nlattr *list, struct expr v[EXPRS_MAX])
{
	const struct nlattr *elem;
	int n = 0;

	if (!list)
		return 0;
	attr_each_nested(elem, list)
	{
		if (mnl_attr_get_type(elem) != NFTA_LIST_ELEM)
			continue;
		if (n == EXPRS_MAX || !expr_parse(elem, &v[n]))
			return -1;
		n++;
	}
	return n;
}
