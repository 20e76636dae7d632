/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One nf_tables transaction: all of it happens or nothing. It carries the generation of the ruleset
 * that it was computed from (NFNL_BATCH_GENID): the kernel refuses it with ERESTART if anything
 * changed since.
 */
#ifndef GEOPAUSE_BATCH_H
#define GEOPAUSE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "names.h"
#include "nlsock.h"

/* Room that batch_message leaves for the message's attributes, bytes. */
#define BATCH_ROOM (192u * 1024)

struct batch {
	uint8_t *buf;
	size_t len, size;
	uint32_t first_seq, seq;
	struct names what; /* of each message: for errors */
	struct nlmsghdr *open;
	bool failed; /* memory is gone; commit says so */
};

void batch_init(struct batch *batch, uint32_t generation);
void batch_fini(struct batch *batch);

/*
 * Begins a message; attributes are added to what is returned until the next call. `what` is used
 * in error messages: "replacing rule inet filter input handle 7". Never NULL: when memory is gone
 * it returns a scratch message, and commit fails.
 */
struct nlmsghdr *batch_message(struct batch *batch, uint16_t type, uint16_t flags, uint8_t family,
			       const char *what);
/* True when no message was added. */
bool batch_empty(const struct batch *batch);
/* Something in it could not be built. */
void batch_fail(struct batch *batch);

/*
 * Sends the batch and waits for the kernel's word. NOT_DONE: e->sys is the kernel's errno (ERESTART
 * for a changed ruleset, EEXIST, ENOENT, ...). UNKNOWN: it was sent but no word came back.
 */
enum outcome batch_commit(struct batch *batch, struct nl *nl, struct err *e);

#endif
