/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walking netlink attributes of a message that is not trusted: each attribute is checked to lie
 * within its parent before it is looked at. (libmnl's own loops do the same, with casts that our
 * warnings do not accept.)
 */
#ifndef GEOPAUSE_ATTR_H
#define GEOPAUSE_ATTR_H

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole message within left bytes; libmnl's own check takes a length above INT_MAX for negative.
 */
static inline bool
message_ok(const struct nlmsghdr *nlh, size_t left)
{
	return left >= sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) && nlh->nlmsg_len <= left;
}

/* The message behind this one; *left bytes remain there. */
static inline const struct nlmsghdr *
message_next(const struct nlmsghdr *nlh, size_t *left)
{
	size_t len = ((size_t)nlh->nlmsg_len + 3) & ~(size_t)3;

	len = len < *left ? len : *left;
	*left -= len;
	return (const void *)((const char *)nlh + len);
}

static inline bool
attr_ok(const struct nlattr *attr, const void *end)
{
	const char *at = (const char *)attr, *stop = end;

	return at < stop && mnl_attr_ok(attr, (int)(stop - at));
}

static inline const void *
attr_end(const struct nlattr *nest)
{
	return (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest);
}

/* The attributes below nest. */
#define attr_each_nested(attr, nest)                                                               \
	for ((attr) = mnl_attr_get_payload(nest); attr_ok(attr, attr_end(nest));                   \
	     (attr) = mnl_attr_next(attr))

/* The attributes of a message behind its family header of `skip` bytes. */
#define attr_each(attr, nlh, skip)                                                                 \
	for ((attr) = mnl_nlmsg_get_payload_offset(nlh, skip);                                     \
	     attr_ok(attr, (const char *)(nlh) + (nlh)->nlmsg_len); (attr) = mnl_attr_next(attr))

static inline const struct nlattr *
attr_find(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr;

	attr_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

/* A string attribute, or NULL when it is not NUL-terminated within its length. */
static inline const char *
attr_string(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ? NULL : mnl_attr_get_str(attr);
}

/* Big-endian numbers, as netfilter has them; `otherwise` when the attribute is malformed. */
static inline uint32_t
attr_u32(const struct nlattr *attr, uint32_t otherwise)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? otherwise
							 : ntohl(mnl_attr_get_u32(attr));
}

static inline uint16_t
attr_u16(const struct nlattr *attr, uint16_t otherwise)
{
	return mnl_attr_validate(attr, MNL_TYPE_U16) < 0 ? otherwise
							 : ntohs(mnl_attr_get_u16(attr));
}

static inline uint64_t
attr_u64(const struct nlattr *attr, uint64_t otherwise)
{
	return mnl_attr_validate(attr, MNL_TYPE_U64) < 0 ? otherwise
							 : be64toh(mnl_attr_get_u64(attr));
}

/*
 * A string in userdata, or NULL: TLVs of one byte type and one byte length (libnftnl/udata.h), as
 * NFTNL_UDATA_RULE_COMMENT.
 */
static inline const char *
attr_udata_string(const struct nlattr *attr, uint8_t type)
{
	const uint8_t *at = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	while (left >= 2 && (size_t)at[1] + 2 <= left) {
		if (at[0] == type && at[1] > 0 && at[1 + at[1]] == '\0')
			return (const char *)at + 2;
		left -= (size_t)at[1] + 2;
		at += (size_t)at[1] + 2;
	}
	return NULL;
}

#endif
