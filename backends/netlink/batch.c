/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "nf.h"

/* Far from the numbers of queries on the same socket: late replies must not be taken for theirs. */
#define FIRST_SEQ (1u << 30)

/* Where messages go when memory is gone, so that callers need not look at every step. */
static uint8_t scratch[BATCH_ROOM + 4096];

static void
close_message(struct batch *batch)
{
	if (batch->open && !batch->failed)
		batch->len += (batch->open->nlmsg_len + 3u) & ~3u;
	batch->open = NULL;
}

static void *
reserve(struct batch *batch)
{
	size_t size = batch->size ? batch->size : 16384;
	uint8_t *grown;

	while (size < batch->len + sizeof(scratch))
		size *= 2;
	if (size > batch->size && !batch->failed) {
		grown = realloc(batch->buf, size);
		if (!grown)
			batch->failed = true;
		else {
			batch->buf = grown;
			batch->size = size;
		}
	}
	return batch->failed ? scratch : batch->buf + batch->len;
}

static struct nlmsghdr *
put_header(struct batch *batch, uint16_t type, uint16_t flags, uint8_t family, uint16_t res_id)
{
	struct nfgenmsg *nfg;
	void *at;

	close_message(batch);
	at = reserve(batch);
	memset(at, 0, NLMSG_LENGTH(sizeof(*nfg)));
	batch->open = mnl_nlmsg_put_header(at);
	batch->open->nlmsg_type = type;
	batch->open->nlmsg_flags = NLM_F_REQUEST | flags;
	batch->open->nlmsg_seq = batch->seq++;
	nfg = mnl_nlmsg_put_extra_header(batch->open, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(res_id);
	return batch->open;
}

void
batch_init(struct batch *batch, uint32_t generation)
{
	struct nlmsghdr *begin;

	*batch = (struct batch){ .first_seq = FIRST_SEQ, .seq = FIRST_SEQ };
	begin = put_header(batch, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	mnl_attr_put_u32(begin, NFNL_BATCH_GENID, htonl(generation));
}

void
batch_fini(struct batch *batch)
{
	free(batch->buf);
	names_fini(&batch->what);
	*batch = (struct batch){ 0 };
}

struct nlmsghdr *
batch_message(struct batch *batch, uint16_t type, uint16_t flags, uint8_t family, const char *what)
{
	if (names_add(&batch->what, what) < 0)
		batch->failed = true;
	return put_header(batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, family, 0);
}

bool
batch_empty(const struct batch *batch)
{
	return batch->what.n == 0;
}

void
batch_fail(struct batch *batch)
{
	batch->failed = true;
}

static const char *
what_failed(const struct batch *batch, uint32_t seq)
{
	uint32_t i = seq - batch->first_seq - 1;

	return seq > batch->first_seq && i < batch->what.n ? batch->what.v[i]
							   : "committing the transaction";
}

/* True when the message ends the wait: the first refusal, or the acknowledgement of the last. */
static bool
take_reply(const struct batch *batch, const struct nlmsghdr *nlh, uint32_t last,
	   enum outcome *outcome, struct err *e)
{
	const struct nlmsgerr *report = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*report) ||
	    nlh->nlmsg_seq < batch->first_seq || nlh->nlmsg_seq > batch->seq)
		return false;
	if (report->error != 0) {
		err_sys(e, ERR_FAILED, -report->error, "the kernel refused a change (%s)",
			what_failed(batch, nlh->nlmsg_seq));
		*outcome = OUTCOME_NOT_DONE;
		return true;
	}
	*outcome = OUTCOME_DONE;
	return nlh->nlmsg_seq == last;
}

/*
 * A refusal is sent before the acknowledgement of the last message (nfnetlink_rcv_batch), so the
 * first of the two that is seen tells what happened.
 */
static enum outcome
wait_for_word(const struct batch *batch, struct nl *nl, uint32_t last, struct err *e)
{
	enum outcome outcome = OUTCOME_UNKNOWN;

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl->sock, nl->buf, NL_BUF);
		const struct nlmsghdr *nlh = (const void *)nl->buf;
		size_t left = n > 0 ? (size_t)n : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(e, ERR_FAILED, errno,
				"no answer of the kernel to a transaction that was sent");
			return OUTCOME_UNKNOWN;
		}
		for (; message_ok(nlh, left); nlh = message_next(nlh, &left)) {
			if (take_reply(batch, nlh, last, &outcome, e))
				return outcome;
		}
	}
}

enum outcome
batch_commit(struct batch *batch, struct nl *nl, struct err *e)
{
	uint32_t last = batch->seq - 1;

	if (batch->open)
		batch->open->nlmsg_flags |= NLM_F_ACK;
	put_header(batch, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	close_message(batch);
	if (batch->failed) {
		err_set(e, ERR_FAILED, "out of memory while building a transaction");
		return OUTCOME_NOT_DONE;
	}
	if (nl_send(nl, batch->buf, batch->len, e) < 0)
		return OUTCOME_NOT_DONE;
	return wait_for_word(batch, nl, last, e);
}
