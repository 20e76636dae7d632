/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the registers hold: loads, stores and transformations. */
#include <string.h>

#include "eval_step.h"
#include "expr.h"
#include "nf.h"

void
step_set_unknown(struct registers *r, uint32_t reg, size_t len, enum tag tag)
{
	size_t at = reg_word(reg), n = reg_words(reg, len);

	for (size_t w = at; w < at + n; w++) {
		memset(r->known + w * 4, 0, 4);
		memset(r->value + w * 4, 0, 4);
		r->tag[w] = tag;
	}
}

void
step_set_known(struct registers *r, uint32_t reg, const void *value, size_t len)
{
	size_t at = reg_word(reg), room = (REG_WORDS - at) * 4;

	step_set_unknown(r, reg, len, TAG_NONE);
	len = len > room ? room : len;
	memcpy(r->value + at * 4, value, len);
	memset(r->known + at * 4, true, len);
}

enum tag
step_tag(const struct registers *r, uint32_t reg, size_t len)
{
	size_t at = reg_word(reg), n = reg_words(reg, len);

	for (size_t w = at; w < at + n; w++) {
		if (r->tag[w] != TAG_NONE)
			return r->tag[w];
	}
	return TAG_NONE;
}

bool
step_all_known(const struct registers *r, uint32_t reg, size_t len)
{
	size_t at = reg_word(reg) * 4;

	for (size_t i = 0; i < len; i++) {
		/* Padding of a field to 4 bytes is never written and is 0. */
		if (at + i >= REG_WORDS * 4)
			return false;
		if (!r->known[at + i] && i % 4 == 0)
			return false;
	}
	return true;
}

bool
step_is_viewed(const struct step *s, uint32_t reg, size_t len)
{
	size_t at = reg_word(reg), n = reg_words(reg, len);
	enum tag tag = step_tag(&s->r, reg, len);

	if (!s->packet->addressed)
		return tag == TAG_SOURCE || tag == TAG_MARK;
	if (step_all_known(&s->r, reg, len))
		return false;
	for (size_t w = at; w < at + n; w++) {
		if (s->r.tag[w] == TAG_SOURCE || s->r.tag[w] == TAG_MARK)
			return true;
	}
	return false;
}

static void
put_addresses(const struct packet *p, uint8_t header[40], bool known[40], size_t at, size_t len)
{
	if (!p->addressed)
		return;
	memcpy(header + at, p->source, len);
	memcpy(header + at + len, p->destination, len);
	memset(known + at, true, 2 * len);
}

/* The network header of the packet, as far as it is known. */
static size_t
network_header(const struct packet *p, uint8_t header[40], bool known[40])
{
	memset(header, 0, 40);
	memset(known, 0, 40);
	if (p->family == NFPROTO_IPV4) {
		header[0] = 0x45;
		header[9] = p->port.proto;
		known[0] = known[9] = true;
		put_addresses(p, header, known, 12, 4);
		return 20;
	}
	header[6] = p->port.proto;
	known[6] = true;
	put_addresses(p, header, known, 8, 16);
	return 40;
}

static size_t
transport_header(const struct packet *p, uint8_t header[40], bool known[40])
{
	memset(header, 0, 40);
	memset(known, 0, 40);
	header[2] = (uint8_t)(p->port.number >> 8);
	header[3] = (uint8_t)p->port.number;
	known[2] = known[3] = true;
	if (p->port.proto == IPPROTO_TCP) {
		header[13] = 0x02; /* SYN */
		known[13] = true;
		return 20;
	}
	return 8;
}

static enum tag
payload_tag(const struct packet *p, uint32_t offset)
{
	uint32_t from = p->family == NFPROTO_IPV4 ? 12 : 8,
		 to = p->family == NFPROTO_IPV4 ? 16 : 24;

	return offset >= from && offset < to ? TAG_SOURCE : TAG_NONE;
}

static void
load_payload(struct step *s, const struct expr *x)
{
	uint8_t header[40];
	bool known[40];
	size_t at = reg_word(x->dreg) * 4, size = 0;

	step_set_unknown(&s->r, x->dreg, x->len, TAG_NONE);
	if (x->key == NFT_PAYLOAD_NETWORK_HEADER)
		size = network_header(s->packet, header, known);
	else if (x->key == NFT_PAYLOAD_TRANSPORT_HEADER)
		size = transport_header(s->packet, header, known);
	else if (x->key == NFT_PAYLOAD_LL_HEADER) /* `ether saddr` */
		s->eval->source_unclear |= s->packet->addressed;
	for (uint32_t i = 0; i < x->len && at + i < REG_WORDS * 4; i++) {
		uint32_t offset = x->offset + i;

		if (x->key == NFT_PAYLOAD_NETWORK_HEADER &&
		    payload_tag(s->packet, offset) == TAG_SOURCE)
			s->r.tag[(at + i) / 4] = TAG_SOURCE;
		if (offset < size && known[offset]) {
			s->r.value[at + i] = header[offset];
			s->r.known[at + i] = true;
		}
	}
}

bool
step_mark_tells(const struct step *s, bool ct)
{
	bool tells = ct ? s->eval->source_ctmark : s->eval->source_mark;

	return tells && s->view != VIEW_OUTSIDE;
}

static void
load_mark(struct step *s, const struct expr *x)
{
	bool ct = x->kind == EXPR_CT;
	bool known = ct ? s->eval->ctmark_known : s->eval->mark_known;

	if (step_mark_tells(s, ct))
		step_set_unknown(&s->r, x->dreg, 4, TAG_MARK);
	else if (known && !s->eval->read_ports)
		step_set_known(&s->r, x->dreg, ct ? &s->eval->ctmark : &s->eval->mark, 4);
	else
		step_set_unknown(&s->r, x->dreg, 4, s->packet->addressed ? TAG_MARK : TAG_NONE);
}

static void
load_interface(struct step *s, const struct expr *x)
{
	const struct packet *p = s->packet;

	if (!p->addressed || !p->interface) {
		step_set_unknown(&s->r, x->dreg, 16, TAG_INTERFACE);
		s->eval->source_unclear |= p->addressed;
	} else if (x->key == NFT_META_IIF)
		step_set_known(&s->r, x->dreg, &p->interface, sizeof(p->interface));
	else
		step_set_known(&s->r, x->dreg, p->interface_name, sizeof(p->interface_name));
}

/* More about where a packet came in, which a flow does not show. */
static bool
tells_origin(uint32_t key)
{
	switch (key) {
	case NFT_META_IIFTYPE:
	case NFT_META_IIFGROUP:
	case NFT_META_IIFKIND:
	case NFT_META_BRI_IIFNAME:
	case NFT_META_SECPATH:
	case NFT_META_SDIF:
	case NFT_META_SDIFNAME:
		return true;
	default:
		return false;
	}
}

static void
load_meta(struct step *s, const struct expr *x)
{
	bool v4 = s->packet->family == NFPROTO_IPV4;
	uint16_t ethertype = htons(v4 ? 0x0800 : 0x86dd);

	switch (x->key) {
	case NFT_META_PROTOCOL:
		step_set_known(&s->r, x->dreg, &ethertype, 2);
		break;
	case NFT_META_NFPROTO:
		step_set_known(&s->r, x->dreg, &s->packet->family, 1);
		break;
	case NFT_META_L4PROTO:
		step_set_known(&s->r, x->dreg, &s->packet->port.proto, 1);
		break;
	case NFT_META_MARK:
		load_mark(s, x);
		break;
	case NFT_META_IIF:
	case NFT_META_IIFNAME:
		load_interface(s, x);
		break;
	default:
		step_set_unknown(&s->r, x->dreg, 16, TAG_NONE);
		s->eval->source_unclear |= s->packet->addressed && tells_origin(x->key);
	}
}

static void
load_ct(struct step *s, const struct expr *x)
{
	uint32_t new_state = 1u << 3; /* NF_CT_STATE_BIT(IP_CT_NEW) */
	uint16_t dport = htons(s->packet->original);
	uint8_t original = 0;

	switch (x->key) {
	case NFT_CT_STATE:
		step_set_known(&s->r, x->dreg, &new_state, 4);
		break;
	case NFT_CT_DIRECTION:
		step_set_known(&s->r, x->dreg, &original, 1);
		break;
	case NFT_CT_PROTO_DST:
		if (x->op == 0)
			step_set_known(&s->r, x->dreg, &dport, 2);
		else
			step_set_unknown(&s->r, x->dreg, 2, TAG_NONE);
		break;
	case NFT_CT_MARK:
		load_mark(s, x);
		break;
	case NFT_CT_SRC:
	case NFT_CT_SRC_IP:
	case NFT_CT_SRC_IP6:
		step_set_unknown(&s->r, x->dreg, 16, x->op == 0 ? TAG_SOURCE : TAG_NONE);
		if (x->op == 0 && s->packet->addressed)
			step_set_known(&s->r, x->dreg, s->packet->source,
				       s->packet->family == NFPROTO_IPV4 ? 4 : 16);
		break;
	default:
		step_set_unknown(&s->r, x->dreg, 16, TAG_NONE);
	}
}

void
step_write_mark(struct step *s, bool ct, uint32_t value, bool known)
{
	struct eval *eval = s->eval;

	eval->written = value;
	eval->written_known = known;
	known = known && s->result->match == TRUTH_YES;
	if (ct) {
		eval->ctmark = value;
		eval->ctmark_known = known;
	} else {
		eval->mark = value;
		eval->mark_known = known;
	}
}

static void
write_mark(struct step *s, const struct expr *x)
{
	size_t at = reg_word(x->sreg) * 4;
	bool known = true;
	uint32_t value;

	for (size_t i = at; i < at + 4; i++)
		known &= s->r.known[i];
	memcpy(&value, s->r.value + at, 4);
	step_write_mark(s, x->kind == EXPR_CT, value, known);
}

static void
apply_bitwise(struct step *s, const struct expr *x)
{
	size_t from = reg_word(x->sreg) * 4, to = reg_word(x->dreg) * 4;
	struct registers old = s->r;

	for (size_t i = 0; i < x->len && from + i < REG_WORDS * 4 && to + i < REG_WORDS * 4; i++) {
		bool plain = x->op == 0 && i < x->a.len && i < x->b.len; /* NFT_BITWISE_BOOL */
		uint8_t mask = plain ? x->a.v[i] : 0, flip = plain ? x->b.v[i] : 0;

		s->r.known[to + i] = plain && (old.known[from + i] || mask == 0);
		s->r.value[to + i] = (uint8_t)((old.value[from + i] & mask) ^ flip);
		s->r.tag[(to + i) / 4] = old.tag[(from + i) / 4];
	}
}

static void
apply_byteorder(struct step *s, const struct expr *x)
{
	size_t from = reg_word(x->sreg) * 4, to = reg_word(x->dreg) * 4;
	uint32_t size = x->key;
	uint32_t len =
		size > 0 ? x->len - x->len % size : 0; /* nft writes a size of 2 for 1 byte */
	struct registers old = s->r;

	for (size_t i = 0; i < len; i++) {
		size_t j = i - i % size + (size - 1 - i % size); /* swapped within each unit */

		if (from + j >= REG_WORDS * 4 || to + i >= REG_WORDS * 4)
			break;
		s->r.known[to + i] = old.known[from + j];
		s->r.value[to + i] = old.value[from + j];
		s->r.tag[(to + i) / 4] = old.tag[(from + i) / 4];
	}
}

static void
load(struct step *s, const struct expr *x)
{
	if (x->kind == EXPR_META)
		load_meta(s, x);
	else if (x->kind == EXPR_CT)
		load_ct(s, x);
	else
		load_payload(s, x);
}

enum truth
step_load_or_store(struct step *s, const struct expr *x)
{
	if (x->dreg != EXPR_NO_REG)
		load(s, x);
	else if (x->sreg != EXPR_NO_REG && ((x->kind == EXPR_META && x->key == NFT_META_MARK) ||
					    (x->kind == EXPR_CT && x->key == NFT_CT_MARK)))
		write_mark(s, x);
	return TRUTH_YES;
}

enum truth
step_transform(struct step *s, const struct expr *x)
{
	if (x->sreg == EXPR_NO_REG || x->dreg == EXPR_NO_REG)
		return TRUTH_MAYBE;
	if (x->kind == EXPR_BITWISE)
		apply_bitwise(s, x);
	else
		apply_byteorder(s, x);
	return TRUTH_YES;
}
