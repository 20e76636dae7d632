/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of packets that are followed through rules, of nftables and of iptables alike. */
#ifndef GEOPAUSE_TRUTH_H
#define GEOPAUSE_TRUTH_H

enum truth {
	TRUTH_NO,
	TRUTH_YES,
	TRUTH_MAYBE,
};

/* A set of what may happen. */
enum outcomes {
	MAY_ACCEPT = 1 << 0,
	MAY_DROP = 1 << 1,
	MAY_FALL = 1 << 2, /* return, or the end of a chain: whoever jumped here goes on */
};

#endif
