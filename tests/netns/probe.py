# SPDX-License-Identifier: GPL-3.0-or-later
"""
Which country reaches which port: run in the "internet" namespace, all probes at once.

    probe.py [NAMESPACE PORT...]...     with servers (tcp/53) in these namespaces

Reads lines "TIMEOUT STAGGER PROOF [PORT...]" (seconds; 0 or 1; tcp/53) on stdin; answers each with
one line of JSON, {"RU": {"tcp/80": "OPEN", ...}, ...}. A cell is OPEN, drop, rst (TCP reset or ICMP
port unreachable), or the errno of another ICMP error in lower case.

drop is what has no answer in time; with PROOF what can have none any more, however slow the machine
is: see order.py.
"""
import ctypes
import errno
import json
import math
import selectors
import signal
import socket
import sys
import time

from netns import within
from order import Order
from serve import listeners

PR_SET_PDEATHSIG = 1
SOURCES = {"RU": "77.88.8.8", "CN": "112.80.248.75", "KP": "175.45.176.5", "MC": "80.94.96.10",
           "DE": "78.46.10.10", "US": "23.178.112.100", "RU6": "2a02:6b8::feed",
           "CN6": "240e:0:1::1", "MC6": "2a01:8fe0::10", "DE6": "2003:1::1",
           "US6": "2600:1f16::100"}
PORTS = ["tcp/80", "tcp/443", "tcp/22", "tcp/8080", "udp/53"]
FIREWALL = {socket.AF_INET: "198.51.100.10", socket.AF_INET6: "2001:db8:1::10"}


def word(error):
    if error == errno.ECONNREFUSED:
        return "rst"
    return errno.errorcode.get(error, str(error)).lower()


class Probe:
    """One packet's question, and the answer to it."""

    def __init__(self, address, port):
        proto, number = port.split("/")
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp = proto == "udp"
        self.address, self.port = address, int(number)
        self.result = "drop"

    def send(self, waiting, timeout):
        self.sock = socket.socket(self.family, (socket.SOCK_DGRAM if self.udp else
                                                socket.SOCK_STREAM) | socket.SOCK_NONBLOCK)
        self.deadline = time.monotonic() + timeout
        try:
            self.sock.bind((self.address, 0))
            error = self.sock.connect_ex((FIREWALL[self.family], self.port))
            if error not in (0, errno.EINPROGRESS):
                raise OSError(error, "connect")
            if self.udp:
                self.sock.send(b"x")
        except OSError as e:
            self.finish(word(e.errno))
            return
        waiting.register(self.sock, selectors.EVENT_READ if self.udp else selectors.EVENT_WRITE,
                         self)

    def answered(self, waiting):
        waiting.unregister(self.sock)
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.finish(word(error) if error else "OPEN")

    def expired(self, waiting):
        waiting.unregister(self.sock)
        self.finish("drop")

    def finish(self, result):
        self.result = result
        self.sock.close()


def answer(s):
    """TCP is accepted, UDP is answered."""
    try:
        if s.type == socket.SOCK_STREAM:
            s.accept()[0].close()
        else:
            data, peer = s.recvfrom(512)
            s.sendto(b"r" + data, peer)
    except OSError:
        pass  # the peer has gone; the next one matters


class Prober:
    """Asks from here; the servers are in other namespaces."""

    def __init__(self, servers):
        self.ready = selectors.DefaultSelector()
        for s in servers:
            self.ready.register(s, selectors.EVENT_READ)
        self.order = Order()

    def waiting(self):
        return [key.data for key in self.ready.get_map().values() if key.data]

    def events(self, seconds=None):
        """Takes answers, and answers itself. Returns what there was."""
        events = [key for key, _ in self.ready.select(seconds)]
        for key in events:
            if key.data:
                key.data.answered(self.ready)
            elif key.fileobj is not sys.stdin:
                answer(key.fileobj)
        return [key.fileobj for key in events]

    def is_quiet(self):
        """Nothing is on its way."""
        self.order.let_arrive()
        return not self.ready.select(0)

    def collect(self, until, proof):
        """Takes answers and gives up on late ones until that time, or until none is missing."""
        while waiting := self.waiting():
            now = time.monotonic()
            if now >= until:
                return
            wake = min([until] + [p.deadline for p in waiting])
            events = self.events(0 if proof else max(0, wake - now))
            certain = proof and not events and self.is_quiet()
            now = time.monotonic()
            for probe in self.waiting():
                if certain or now >= probe.deadline:
                    probe.expired(self.ready)

    def matrix(self, timeout, stagger, proof, ports):
        probes = {name: {port: Probe(address, port) for port in ports}
                  for name, address in SOURCES.items()}
        for row in probes.values():
            for probe in row.values():
                probe.send(self.ready, timeout)
                if stagger:
                    until = time.monotonic() + stagger
                    self.collect(until, proof)
                    time.sleep(max(0, until - time.monotonic()))
        self.collect(math.inf, proof)
        return {name: {port: p.result for port, p in row.items()} for name, row in probes.items()}

    def run(self):
        self.ready.register(sys.stdin, selectors.EVENT_READ)
        while True:
            if sys.stdin in self.events():
                line = sys.stdin.readline()
                if not line:
                    return
                timeout, stagger, proof, *ports = line.split()
                print(json.dumps(self.matrix(float(timeout), float(stagger), proof == "1",
                                             ports or PORTS)), flush=True)


def servers(words):
    """[NAMESPACE PORT...]..."""
    for word in words:
        if "/" not in word:
            namespace = word
            continue
        with within(namespace):
            yield from listeners([word])


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    prober = Prober(servers(sys.argv[1:]))
    print("ready", flush=True)
    prober.run()


if __name__ == "__main__":
    main()
