/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's headers of nf_tables, in the one order in which they go together with libc's. */
#ifndef GEOPAUSE_NF_H
#define GEOPAUSE_NF_H

#include <netinet/in.h>

#include <linux/netfilter.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include <linux/netfilter_ipv4.h>

/* Newer than some distributions' headers. */
#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 0x2
#endif

#endif
