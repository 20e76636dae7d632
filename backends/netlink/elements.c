/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elements.h"

#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <stdio.h>
#include <string.h>

#include "nf.h"

/* Ports in network byte order; a concatenation has the protocol in a word before. */
size_t
elements_key(const struct set *set, struct port port, uint8_t key[MARK_SET_KEY_LEN])
{
	size_t at = set && set->key_type != MARK_SET_KEY_TYPE ? 0 : 4;

	memset(key, 0, MARK_SET_KEY_LEN);
	if (at)
		key[0] = port.proto;
	key[at] = (uint8_t)(port.number >> 8);
	key[at + 1] = (uint8_t)port.number;
	return at ? MARK_SET_KEY_LEN : 2;
}

static bool
add_comment(struct nftnl_set_elem *elem, const char *comment)
{
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(64);

	if (!udata)
		return false;
	nftnl_udata_put_strz(udata, NFTNL_UDATA_SET_ELEM_COMMENT, comment);
	nftnl_set_elem_set(elem, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(udata),
			   nftnl_udata_buf_len(udata));
	nftnl_udata_buf_free(udata);
	return true;
}

static bool
add_element(struct nftnl_set *to, const struct set *set, struct port port, bool adding,
	    unsigned expiry_s, const char *comment)
{
	struct nftnl_set_elem *elem = nftnl_set_elem_alloc();
	uint8_t key[MARK_SET_KEY_LEN];
	size_t len = elements_key(set, port, key);

	if (!elem)
		return false;
	nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY, key, (uint32_t)len);
	if (adding) /* never without a timeout, which would be for ever */
		nftnl_set_elem_set_u64(elem, NFTNL_SET_ELEM_TIMEOUT,
				       (uint64_t)(expiry_s ? expiry_s : 1) * 1000);
	nftnl_set_elem_add(to, elem);
	return !comment || add_comment(elem, comment);
}

static void
put(struct batch *batch, uint16_t type, uint16_t flags, const struct set *set,
    const struct table *table, const char *name, const struct ports *ports, unsigned expiry_s,
    const char *comment)
{
	struct nftnl_set *list = nftnl_set_alloc();
	char escaped[NAME_BUF], what[2 * NAME_BUF + 64];
	bool built = list != NULL;

	snprintf(what, sizeof(what), "%s elements %s set %s of table %s",
		 type == NFT_MSG_NEWSETELEM ? "adding" : "removing",
		 type == NFT_MSG_NEWSETELEM ? "to" : "from", err_name(escaped, name), table->text);
	if (list) {
		nftnl_set_set_str(list, NFTNL_SET_TABLE, table->name);
		nftnl_set_set_str(list, NFTNL_SET_NAME, name);
	}
	for (size_t i = 0; built && i < ports->n; i++)
		built = add_element(list, set, ports->v[i], type == NFT_MSG_NEWSETELEM, expiry_s,
				    comment);
	if (built && ports->n > 0)
		nftnl_set_elems_nlmsg_build_payload(
			batch_message(batch, type, flags, table->family, what), list);
	else if (!built)
		batch_fail(batch);
	if (list)
		nftnl_set_free(list);
}

void
elements_put(struct batch *batch, const struct set *set, const struct table *table,
	     const char *name, const struct ports *ports, unsigned expiry_s, const char *comment)
{
	put(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, set, table, name, ports, expiry_s,
	    comment);
}

void
elements_delete(struct batch *batch, const struct set *set, const struct table *table,
		const char *name, const struct ports *ports)
{
	put(batch, NFT_MSG_DELSETELEM, 0, set, table, name, ports, 0, NULL);
}
