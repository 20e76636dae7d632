# SPDX-License-Identifier: GPL-3.0-or-later
"""
Every rule of a network namespace as the kernel holds it, one line of JSON a rule, in order.

nft(8) prints what it understands; this prints the expressions' bytes, so that two dumps differ
whenever the kernel's rules do. Left out is what may change by itself: the values of counters and
quotas, the numbers in the names of anonymous sets, and the chains' use counts.
"""
import json
import re
import socket
import struct

NETLINK_NETFILTER = 12
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE = 10, 7
NLA_TYPE_MASK = 0x3fff
TABLE, CHAIN, HANDLE, EXPRESSIONS, USERDATA = 1, 2, 3, 4, 7  # NFTA_RULE_*
LIST_ELEM, EXPR_NAME, EXPR_DATA = 1, 1, 2
COUNTER_VOLATILE, QUOTA_CONSUMED = (1, 2), 4  # NFTA_COUNTER_BYTES, _PACKETS; NFTA_QUOTA_CONSUMED


def attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind & NLA_TYPE_MASK, data[4:length]
        data = data[(length + 3) & ~3:]


def expression(data):
    parts = dict(attributes(data))
    name = parts[EXPR_NAME].rstrip(b"\0").decode()
    body = parts.get(EXPR_DATA, b"")
    if name == "counter":
        kept = [(k, v) for k, v in attributes(body) if k not in COUNTER_VOLATILE]
    elif name == "quota":
        kept = [(k, v) for k, v in attributes(body) if k != QUOTA_CONSUMED]
    elif name == "lookup":
        kept = [(k, re.sub(rb"^__(set|map)\d+", rb"__\1", v)) for k, v in attributes(body)]
    else:
        kept = list(attributes(body))
    return [name, [[k, v.hex()] for k, v in kept]]


def rule(family, data):
    parts = dict(attributes(data))
    return {"family": family, "table": parts[TABLE].rstrip(b"\0").decode(),
            "chain": parts[CHAIN].rstrip(b"\0").decode(),
            "handle": struct.unpack(">Q", parts[HANDLE])[0],
            "userdata": parts.get(USERDATA, b"").hex(),
            "expressions": [expression(v) for k, v in attributes(parts.get(EXPRESSIONS, b""))
                            if k == LIST_ELEM]}


def rules():
    """Of this thread's network namespace."""
    kind = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as s:
        s.bind((0, 0))
        s.send(struct.pack("=IHHIIBBH", 20, kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0, 0, 0, 0))
        while True:
            data = s.recv(1 << 20)
            while data:
                length, kind_of = struct.unpack_from("=IH", data)
                if kind_of == NLMSG_DONE:
                    return
                if kind_of == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", data, 16)[0], "dump of the rules")
                yield json.dumps(rule(data[16], data[20:length]))
                data = data[(length + 3) & ~3:]
