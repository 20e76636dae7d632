/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of iptables have an ipset's number; the kernel knows its name. */
#ifndef GEOPAUSE_IPSET_NAME_H
#define GEOPAUSE_IPSET_NAME_H

#include <stdint.h>

struct ipset_name {
	uint16_t index;
	char name[32]; /* IPSET_MAXNAMELEN */
};

/* Fills in the name of an index; "": there is none, or nobody tells. fd is any internet socket. */
void ipset_name_ask(int fd, struct ipset_name *name);

#endif
