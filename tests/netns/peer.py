# SPDX-License-Identifier: GPL-3.0-or-later
"""
Flows that live: peer.py serve [PORT...] answers on TCP and UDP ports, in both families, with what
it was sent; after "tick" on a TCP connection it also speaks without being asked.

peer.py call opens them from the other side. Reads lines of JSON on stdin, answers with one each:
    ["open", NAME, SOURCE, DESTINATION, "tcp/80"]    true if it is open
    ["says", NAME]                                   true if an answer came
    ["ticks", NAME]                                  lets the server speak from now on
    ["hears", NAME]                                  true if it still does
"""
import ctypes
import json
import selectors
import signal
import socket
import sys
import time

PR_SET_PDEATHSIG = 1
PATIENCE = 0.8  # seconds; the second try of TCP comes after 0.2
TICK = 0.05


def listeners(ports):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for port in ports:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                s = socket.socket(family, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    s.listen(128)
                yield s


class Server:
    def __init__(self, ports):
        self.ready = selectors.DefaultSelector()
        self.listening = set(listeners(ports))
        self.ticking = set()
        for s in self.listening:
            self.ready.register(s, selectors.EVENT_READ)

    def answer(self, s):
        try:
            if s.type == socket.SOCK_DGRAM:
                data, peer = s.recvfrom(512)
                s.sendto(data, peer)
            elif s in self.listening:
                self.ready.register(s.accept()[0], selectors.EVENT_READ)
            else:
                data = s.recv(512)
                if not data:
                    raise OSError("the end")
                if data == b"tick":
                    self.ticking.add(s)
                s.send(data)
        except OSError:
            self.forget(s)

    def forget(self, s):
        if s not in self.listening:
            self.ready.unregister(s)
            self.ticking.discard(s)
            s.close()

    def run(self):
        while True:
            for key, _ in self.ready.select(TICK):
                self.answer(key.fileobj)
            for s in list(self.ticking):
                try:
                    s.send(b"t")
                except OSError:
                    self.forget(s)


class Caller:
    def __init__(self):
        self.flows = {}

    def open(self, name, source, destination, port):
        proto, number = port.split("/")
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
        s.settimeout(PATIENCE)
        self.flows[name] = s
        try:
            s.bind((source, 0))
            s.connect((destination, int(number)))
        except OSError:
            return False
        return self.says(name)

    def says(self, name):
        s = self.flows[name]
        s.settimeout(PATIENCE)
        try:
            s.send(b"x")
            while True:
                data = s.recv(512)
                if b"x" in data or not data:
                    return b"x" in data
        except OSError:
            return False

    def ticks(self, name):
        self.flows[name].send(b"tick")
        return self.hears(name)

    def hears(self, name):
        """What is on its way does not count."""
        s = self.flows[name]
        begin, heard = time.monotonic(), False
        s.settimeout(PATIENCE)
        try:
            while time.monotonic() < begin + PATIENCE:
                data = s.recv(512)
                if not data:
                    return False
                heard = time.monotonic() > begin + PATIENCE / 2
        except OSError:
            return False
        return heard

    def run(self):
        for line in sys.stdin:
            verb, *args = json.loads(line)
            print(json.dumps(getattr(self, verb)(*args)), flush=True)


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if sys.argv[1] == "call":
        Caller().run()
        return
    server = Server([int(p) for p in sys.argv[2:]])
    print("ready", flush=True)
    server.run()


main()
