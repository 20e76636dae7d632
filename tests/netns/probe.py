# SPDX-License-Identifier: GPL-3.0-or-later
"""
Which country reaches which port: run in the "internet" namespace, all probes at once.

Reads lines "TIMEOUT STAGGER [PORT...]" (seconds; tcp/53) on stdin; answers each with one line
of JSON, {"RU": {"tcp/80": "OPEN", ...}, ...}. A cell is OPEN, drop (no answer in time), rst (TCP
reset or ICMP port unreachable), or the errno of another ICMP error in lower case.
"""
import ctypes
import errno
import json
import selectors
import signal
import socket
import sys
import time

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


def collect(waiting, until):
    """Takes answers and gives up on late ones until that time, or until none is missing."""
    while waiting.get_map():
        probes = [key.data for key in waiting.get_map().values()]
        now = time.monotonic()
        if until is not None and now >= until:
            return
        first = min(p.deadline for p in probes)
        wake = first if until is None else min(first, until)
        for key, _ in waiting.select(max(0, wake - now)):
            key.data.answered(waiting)
        now = time.monotonic()
        for probe in [key.data for key in waiting.get_map().values()]:
            if now >= probe.deadline:
                probe.expired(waiting)


def matrix(timeout, stagger, ports):
    probes = {name: {port: Probe(address, port) for port in ports}
              for name, address in SOURCES.items()}
    waiting = selectors.DefaultSelector()
    for row in probes.values():
        for probe in row.values():
            probe.send(waiting, timeout)
            if stagger:
                until = time.monotonic() + stagger
                collect(waiting, until)
                time.sleep(max(0, until - time.monotonic()))
    collect(waiting, None)
    return {name: {port: p.result for port, p in row.items()} for name, row in probes.items()}


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    for line in sys.stdin:
        timeout, stagger, *ports = line.split()
        print(json.dumps(matrix(float(timeout), float(stagger), ports or PORTS)), flush=True)


if __name__ == "__main__":
    main()
