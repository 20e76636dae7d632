#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One packet's fate: probe.py SOURCE DESTINATION tcp|udp PORT [SECONDS]

Prints "open" (connected, or for udp a DNS answer), "refused" (the packet came through, nobody
listens) or "silent" (dropped). For tcp, "refused" proves that a filter let the packet through.
"""
import socket
import sys

# A DNS query for the root's NS records: RFC 1035 section 4.1, id 0x6770.
QUERY = bytes.fromhex("67700000000100000000000000" "0002" "0001")


def probe(source, destination, proto, port, seconds):
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as s:
        s.settimeout(seconds)
        s.bind((source, 0))
        try:
            s.connect((destination, port))
            if proto == "udp":
                s.send(QUERY)
                s.recv(512)
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silent"
        return "open"


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    wait = float(sys.argv[5]) if len(sys.argv) == 6 else 1.5
    print(probe(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), wait))
