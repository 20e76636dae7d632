/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attr.h"
#include "facts.h"
#include "names.h"
#include "nf.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/xt_set.h>

/* --- a rule's match --- */

/* Revision 0 has another layout, and is of kernels before 3.1. */
bool
ipset_use_of(const struct expr *x, struct ipset_use *use)
{
	struct xt_set_info info;

	if (x->kind != EXPR_MATCH || strcmp(x->set, "set") != 0 || x->key < 1 || x->key > 4 ||
	    x->a.len < sizeof(info))
		return false;
	memcpy(&info, x->a.v, sizeof(info));
	*use = (struct ipset_use){ .index = info.index, .dimensions = info.dim, .plain = true };
	use->source = (info.flags & IPSET_DIM_ONE_SRC) != 0;
	use->inverted = (info.flags & IPSET_INV_MATCH) != 0;
	for (size_t i = sizeof(info); i < x->a.len; i++)
		use->plain &= x->a.v[i] == 0;
	return true;
}

/* All revisions begin with the set that is added to. */
bool
ipset_filled_by(const struct expr *x, struct ipset_use *use)
{
	struct xt_set_info info;

	if (x->kind != EXPR_TARGET || strcmp(x->set, "SET") != 0 || x->key < 1 ||
	    x->a.len < sizeof(info))
		return false;
	memcpy(&info, x->a.v, sizeof(info));
	*use = (struct ipset_use){ .index = info.index, .dimensions = info.dim };
	use->source = (info.flags & IPSET_DIM_ONE_SRC) != 0;
	return info.index != IPSET_INVALID_ID;
}

/* --- names --- */

/* A set without a name is none that a policy means: what fails once is tried again. */
#define TRIES 3u

static int
open_socket(void)
{
	int fd = -1;

	for (unsigned i = 0; fd < 0 && i < TRIES; i++)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd;
}

void
ipset_name_ask(int fd, struct ipset_name *name)
{
	bool told = false;

	name->name[0] = '\0';
	for (unsigned i = 0; !told && i < TRIES; i++) {
		struct ip_set_req_get_set req = { .op = IP_SET_OP_GET_BYINDEX,
						  .version = IPSET_PROTOCOL_MIN,
						  .set = { .index = name->index } };
		socklen_t len = sizeof(req);

		told = getsockopt(fd, SOL_IP, SO_IP_SET, &req, &len) == 0;
		if (told)
			snprintf(name->name, sizeof(name->name), "%.*s",
				 (int)sizeof(req.set.name) - 1, req.set.name);
	}
}

static const struct ipset_name *
find_name(struct ruleset *rs, int *fd, uint16_t index)
{
	struct ipset_name **grown, *made;

	for (size_t i = 0; i < rs->n_ipsets; i++) {
		if (rs->ipsets[i]->index == index)
			return rs->ipsets[i];
	}
	grown = realloc(rs->ipsets, (rs->n_ipsets + 1) * sizeof(struct ipset_name *));
	made = calloc(1, sizeof(*made));
	if (grown)
		rs->ipsets = grown;
	if (!grown || !made) {
		free(made);
		return NULL;
	}
	if (*fd < 0)
		*fd = open_socket();
	made->index = index;
	if (*fd >= 0)
		ipset_name_ask(*fd, made);
	rs->ipsets[rs->n_ipsets++] = made;
	return made;
}

static bool
name_chain(struct ruleset *rs, struct chain *chain, int *fd)
{
	for (size_t i = 0; i < chain->n; i++) {
		for (size_t k = 0; k < chain->rules[i]->n; k++) {
			struct expr *x = &chain->rules[i]->v[k];
			const struct ipset_name *name;
			struct ipset_use use;

			if (!ipset_use_of(x, &use) && !ipset_filled_by(x, &use))
				continue;
			name = find_name(rs, fd, use.index);
			if (!name)
				return false;
			x->ipset = name->name[0] ? name->name : NULL;
		}
	}
	return true;
}

int
ipset_names_read(struct ruleset *rs, struct err *e)
{
	bool named = true;
	int fd = -1;

	for (size_t i = 0; named && i < rs->n_chains; i++)
		named = name_chain(rs, rs->chains[i], &fd);
	if (fd >= 0)
		close(fd);
	return named ? 0 : err_set(e, ERR_FAILED, "out of memory while reading the ruleset");
}

void
ipset_names_free(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_ipsets; i++)
		free(rs->ipsets[i]);
	free(rs->ipsets);
}

/* --- what a set holds --- */

static struct nlmsghdr *
request(struct nl *nl, uint16_t command, uint16_t flags, uint8_t family, const char *name)
{
	struct nlmsghdr *nlh = nl_request_to(nl, NFNL_SUBSYS_IPSET, command, family, flags);

	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, name);
	return nlh;
}

struct header {
	char type[IPSET_MAXNAMELEN];
	uint8_t family;
	struct set_facts *facts; /* or NULL */
	struct names *members;   /* of a set of sets; or NULL */
};

/* One entry: an address, with the length of its prefix where it is a network. */
static void
count_entry(struct set_facts *facts, const struct nlattr *entry)
{
	const struct nlattr *ip = attr_find(entry, IPSET_ATTR_IP), *attr;
	const struct nlattr *cidr = attr_find(entry, IPSET_ATTR_CIDR);
	unsigned bits = cidr && mnl_attr_get_payload_len(cidr) == 1 ? mnl_attr_get_u8(cidr) : 128;

	facts->elements++;
	if (!ip)
		return;
	attr_each_nested(attr, ip)
	{
		size_t len = mnl_attr_get_payload_len(attr);

		if (len != 4 && len != 16)
			continue;
		facts->hosts += bits >= (len == 4 ? 32u : 64u);
		facts->special += facts_is_special(mnl_attr_get_payload(attr), len);
	}
}

static int
take_entry(struct header *header, const struct nlattr *entry, struct err *e)
{
	const struct nlattr *name = attr_find(entry, IPSET_ATTR_NAME);
	const char *text = name ? attr_string(name) : NULL;

	if (!text && header->facts)
		count_entry(header->facts, entry);
	if (text && header->members && names_add(header->members, text) < 0)
		return err_set(e, ERR_FAILED, "out of memory while reading a set");
	return 0;
}

static int
take_entries(struct header *header, const struct nlattr *list, struct err *e)
{
	const struct nlattr *entry;

	attr_each_nested(entry, list)
	{
		if (mnl_attr_get_type(entry) == IPSET_ATTR_DATA && take_entry(header, entry, e) < 0)
			return -1;
	}
	return 0;
}

static int
take_header(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	struct header *header = data;
	const struct nlattr *attr;

	attr_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		const char *text;

		switch (mnl_attr_get_type(attr)) {
		case IPSET_ATTR_FAMILY:
			if (mnl_attr_get_payload_len(attr) == 1)
				header->family = mnl_attr_get_u8(attr);
			break;
		case IPSET_ATTR_TYPENAME:
			text = attr_string(attr);
			snprintf(header->type, sizeof(header->type), "%s", text ? text : "");
			break;
		case IPSET_ATTR_DATA:
			if (header->facts && attr_find(attr, IPSET_ATTR_TIMEOUT))
				header->facts->timeout = true;
			break;
		case IPSET_ATTR_ADT:
			if (take_entries(header, attr, e) < 0)
				return -1;
			break;
		default:
			break;
		}
	}
	return 0;
}

static bool
is_networks(const char *type)
{
	return strncmp(type, "hash:net", 8) == 0;
}

static int
read_header(struct nl *nl, const char *name, uint8_t family, struct header *header)
{
	struct err e = ERR_INIT;

	return nl_query(nl, request(nl, IPSET_CMD_HEADER, 0, family, name), take_header, header,
			&e) == 0
		       ? 0
		       : -1;
}

static int
read_entries(struct nl *nl, const char *name, struct header *header, struct err *e)
{
	return nl_query(nl, request(nl, IPSET_CMD_LIST, NLM_F_DUMP, NFPROTO_IPV4, name),
			take_header, header, e) == 0
		       ? 0
		       : -1;
}

/* The kernel refuses sets of sets as members of such sets. */
static int
add_member(struct nl *nl, const char *name, struct set_facts *facts, struct err *e)
{
	struct set_facts own = { .interval = false };
	struct header header = { .facts = &own };

	if (read_entries(nl, name, &header, e) < 0)
		return -1;
	facts->interval |= is_networks(header.type);
	facts->timeout |= own.timeout;
	facts->elements += own.elements;
	facts->hosts += own.hosts;
	facts->special += own.special;
	return 0;
}

int
ipset_facts(struct nl *nl, const char *name, struct set_facts *facts, struct err *e)
{
	struct names members = { 0 };
	struct header header = { .facts = facts, .members = &members };
	int rc;

	*facts = (struct set_facts){ .interval = false };
	rc = read_entries(nl, name, &header, e);
	facts->interval = is_networks(header.type);
	for (size_t i = 0; rc == 0 && i < members.n; i++)
		rc = add_member(nl, members.v[i], facts, e);
	names_fini(&members);
	return rc;
}

/* A set of sets: its members, else none. False: they cannot be told. */
static bool
read_members(struct nl *nl, const char *name, struct names *members)
{
	struct header header = { .members = members };
	struct err e = ERR_INIT;

	return read_entries(nl, name, &header, &e) == 0;
}

static bool
is_list(const struct header *header)
{
	return strcmp(header->type, "list:set") == 0;
}

bool
ipset_holds_networks(struct nl *nl, const char *name)
{
	struct header header = { .facts = NULL };
	struct names members = { 0 };
	bool holds;

	if (!nl || read_header(nl, name, NFPROTO_IPV4, &header) < 0)
		return false;
	holds = is_networks(header.type);
	if (is_list(&header))
		read_members(nl, name, &members);
	for (size_t i = 0; !holds && i < members.n; i++)
		holds = read_header(nl, members.v[i], NFPROTO_IPV4, &header) == 0 &&
			is_networks(header.type);
	names_fini(&members);
	return holds;
}

/* --- asking for an address --- */

static bool
has_addresses(const struct header *header)
{
	static const char *const types[] = { "hash:ip", "hash:net", "bitmap:ip" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(header->type, types[i]) == 0)
			return true;
	}
	return false;
}

static enum truth
test_address(struct nl *nl, const char *name, uint8_t family, const uint8_t address[16])
{
	bool v4 = family == NFPROTO_IPV4;
	uint16_t type = v4 ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6;
	struct err e = ERR_INIT;
	struct nlattr *data, *ip;
	struct nlmsghdr *nlh;

	nlh = request(nl, IPSET_CMD_TEST, NLM_F_ACK, family, name);
	data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	ip = mnl_attr_nest_start(nlh, IPSET_ATTR_IP);
	mnl_attr_put(nlh, type | NLA_F_NET_BYTEORDER, v4 ? 4 : 16, address);
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_nest_end(nlh, data);
	if (nl_query(nl, nlh, nl_ignore, NULL, &e) == 0)
		return TRUTH_YES;
	return e.sys == IPSET_ERR_EXIST ? TRUTH_NO : TRUTH_MAYBE;
}

/* The kernel answers "not in it" to questions that do not fit the set, too. */
static enum truth
ask_set(struct nl *nl, const char *name, const struct header *header, uint8_t family,
	const uint8_t address[16])
{
	if (header->family != family || !has_addresses(header))
		return TRUTH_MAYBE;
	return test_address(nl, name, family, address);
}

/* Those of the other family have nothing to say. */
static enum truth
ask_members(struct nl *nl, const char *name, uint8_t family, const uint8_t address[16])
{
	struct names members = { 0 };
	enum truth found = read_members(nl, name, &members) ? TRUTH_NO : TRUTH_MAYBE;

	for (size_t i = 0; found != TRUTH_YES && i < members.n; i++) {
		struct header header = { .facts = NULL };
		enum truth one = TRUTH_MAYBE;

		if (read_header(nl, members.v[i], family, &header) == 0) {
			if (header.family != family && has_addresses(&header))
				continue;
			one = ask_set(nl, members.v[i], &header, family, address);
		}
		found = one == TRUTH_NO ? found : one;
	}
	names_fini(&members);
	return found;
}

enum truth
ipset_has(struct nl *nl, const char *name, uint8_t family, const uint8_t address[16])
{
	struct header header = { .facts = NULL };

	if (!nl || strlen(name) >= IPSET_MAXNAMELEN || read_header(nl, name, family, &header) < 0)
		return TRUTH_MAYBE;
	return is_list(&header) ? ask_members(nl, name, family, address)
				: ask_set(nl, name, &header, family, address);
}

static enum truth
inverted(enum truth truth)
{
	if (truth == TRUTH_MAYBE)
		return truth;
	return truth == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
}

enum truth
ipset_match(struct nl *nl, const struct expr *x, const struct packet *packet)
{
	struct ipset_name name = { .index = 0 };
	struct ipset_use use;
	enum truth found;
	int fd;

	if (!nl || !ipset_use_of(x, &use) || !use.plain || use.dimensions != 1)
		return TRUTH_MAYBE;
	/* The name that the set has now, which may not be that of when the ruleset was read. */
	fd = open_socket();
	name.index = use.index;
	if (fd >= 0) {
		ipset_name_ask(fd, &name);
		close(fd);
	}
	if (!name.name[0])
		return TRUTH_MAYBE;
	found = ipset_has(nl, name.name, packet->family,
			  use.source ? packet->source : packet->destination);
	return use.inverted ? inverted(found) : found;
}
