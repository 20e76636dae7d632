# SPDX-License-Identifier: GPL-3.0-or-later
"""
Proof that a packet has no answer, without waiting for one.

Each processor has one queue for all that comes in by veth and lo, in all namespaces. Who asks and
who answers are one process here, on one processor: a datagram to itself comes after all that was in
the queue before it has gone one hop further, and a few of them after all have arrived or are lost.
"""
import os
import socket

HOPS = 16  # there and back through a bridge, with ARP first, are 8


class Order:
    def __init__(self):
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[os.getppid() % len(processors)]})
        self.mouth, self.ear = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.ear.bind(("127.0.0.1", 0))
        self.mouth.connect(self.ear.getsockname())

    def let_arrive(self):
        for _ in range(HOPS):
            self.mouth.send(b"x")
            self.ear.recv(1)
