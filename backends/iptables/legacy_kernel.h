/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Talking to x_tables by any internet socket (CAP_NET_ADMIN). Only tables that are there
 * may be asked for: the kernel makes one that is not. Whoever writes holds iptables' lock.
 */
#ifndef GEOPAUSE_LEGACY_KERNEL_H
#define GEOPAUSE_LEGACY_KERNEL_H

#include "backend.h"
#include "legacy_change.h"

struct legacy_kernel {
	int fd[FAMILIES]; /* -1: not opened yet */
	int failed;       /* then why: errno */
	struct {
		uint16_t index;
		char name[32];
	} * sets; /* whose names were asked for */
	size_t n_sets;
	bool unsure; /* a name could not be had, or not be kept */
};

void kernel_open(struct legacy_kernel *kernel);
void kernel_close(struct legacy_kernel *kernel);

/* The bytes; blob_read() has not seen them. Tries again, bounded, when they change meanwhile. */
int kernel_read(struct legacy_kernel *kernel, enum family family, const char *table,
		struct blob *blob, struct err *e);
/* Asked cheaply: the table is as long, and its hooks' chains are where these are. */
bool kernel_has_size(const struct legacy_kernel *kernel, const char *table,
		     const struct blob *blob);
/*
 * At once or not at all; the counters are added in a second call: whoever is killed in between has
 * lost them. *changed: the table has other entries than it was made from; nothing is done.
 */
enum outcome kernel_replace(const struct legacy_kernel *kernel, enum family family,
			    const struct replacement *made, bool *changed, struct err *e);
/* The match can be used in this revision; its module is loaded if need be. */
bool kernel_has_match(struct legacy_kernel *kernel, enum family family, const char *name,
		      uint8_t revision);
/* set_name_fn of a struct legacy_kernel. */
const char *kernel_set_name(void *kernel, uint16_t index);
/*
 * All names that were told so far are still right. If not, they are forgotten: a rule that is the
 * same to the byte may mean another set, which was made after the first one was destroyed.
 */
bool kernel_names_hold(struct legacy_kernel *kernel);
/*
 * How many entries the tables have and how long they are, asked cheaply: what changes them changes
 * these numbers, but for a rule that is replaced by one of the same length.
 */
uint64_t kernel_generation(struct legacy_kernel *kernel);

#endif
