#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One packet's fate: probe.py SOURCE DESTINATION tcp|udp PORT [SECONDS]

Prints "open" (connected, or for udp a DNS answer), "refused" (the packet came through, nobody
listens) or "silent" (dropped). For tcp, "refused" proves that a filter let the packet through.
Without SECONDS, "silent" of tcp is proven, since kernels answer; udp is given some time.
"""
import errno
import os
import select
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
from order import Order  # noqa: E402  pylint: disable=wrong-import-position

# A DNS query for the root's NS records: RFC 1035 section 4.1, id 0x6770.
QUERY = bytes.fromhex("67700000000100000000000000" "0002" "0001")
PATIENCE = 1.5


def probe(source, destination, proto, port, seconds):
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as s:
        s.settimeout(PATIENCE if seconds is None else seconds)
        s.bind((source, 0))
        try:
            if proto == "tcp" and seconds is None:
                return connect_now(s, destination, port)
            s.connect((destination, port))
            if proto == "udp":
                s.send(QUERY)
                s.recv(512)
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silent"
        return "open"


def connect_now(s, destination, port):
    order = Order()
    s.setblocking(False)
    error = s.connect_ex((destination, port))
    if error == errno.EINPROGRESS:
        order.let_arrive()
        if not select.select([], [s], [], 0)[1]:
            return "silent"
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, "connect")
    return "open"


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    wait = float(sys.argv[5]) if len(sys.argv) == 6 else None
    print(probe(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), wait))
