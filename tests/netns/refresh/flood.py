# SPDX-License-Identifier: GPL-3.0-or-later
"""
Sends packets from one blocked country, in the "internet" namespace, and does not wait for answers.

    flood.py RATE WAY...        RATE packets a second in all, 0: as fast as it can

A WAY is SOURCE/udp/PORT or SOURCE/syn/PORT; the ways take turns. Prints "ready" before the first
packet, and at the end of stdin {"WAY": SENT, ...}.
"""
import json
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from probe import FIREWALL, SOURCES  # noqa: E402

BURST = 20
SYN = 0x02


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Way:
    """A socket that sends one kind of packet, from another port each time."""

    def __init__(self, name):
        source, kind, port = name.split("/")
        address = SOURCES[source]
        self.name, self.sent, self.port = name, 0, int(port)
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.to = FIREWALL[self.family]
        self.addresses = [socket.inet_pton(self.family, a) for a in (address, self.to)]
        raw = kind == "syn"
        self.socket = socket.socket(self.family, socket.SOCK_RAW if raw else socket.SOCK_DGRAM,
                                    socket.IPPROTO_TCP if raw else 0)
        self.socket.bind((address, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self.packets = [self.syn(10000 + n) for n in range(20000)] if raw else [b"x" * 12]

    def syn(self, port):
        tcp = struct.pack("!HHIIBBHHH", port, self.port, port, 0, 5 << 4, SYN, 1024, 0, 0)
        pseudo = b"".join(self.addresses) + struct.pack("!HBBH", 0, 0, socket.IPPROTO_TCP, len(tcp))
        return tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]

    def send(self):
        to = (self.to, self.port if self.socket.type == socket.SOCK_DGRAM else 0)
        for _ in range(BURST):
            if self.socket.sendto(self.packets[self.sent % len(self.packets)], to):
                self.sent += 1


def main():
    rate, ways = float(sys.argv[1]), [Way(name) for name in sys.argv[2:]]
    print("ready", flush=True)
    following, turn = time.monotonic(), 0
    while True:
        wait = max(0.0, following - time.monotonic()) if rate else 0.0
        if (wait or turn % 16 == 0) and select.select([0], [], [], wait)[0]:
            break
        ways[turn % len(ways)].send()
        turn += 1
        if rate:
            following = max(following + BURST / rate, time.monotonic() - 0.05)
    print(json.dumps({way.name: way.sent for way in ways}))


main()
