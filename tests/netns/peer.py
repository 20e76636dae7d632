# SPDX-License-Identifier: GPL-3.0-or-later
"""
Flows that live, and both their ends. Reads lines of JSON on stdin, answers with one each:

    ["serve", NAMESPACE, ["tcp/80", ...]]    answers there with what it was sent; after "tick" on a
                                             TCP connection it also speaks without being asked
    ["open", NAME, NAMESPACE, SOURCE, DESTINATION, "tcp/80"]    true if it is open
    ["says", NAME, PATIENT]    true if an answer came; PATIENT: TCP may try again, else see order.py
    ["ticks", NAME]            lets the server speak from now on
    ["hears", NAME]            true if it still does
"""
import ctypes
import errno
import json
import selectors
import signal
import socket
import sys
import time

from netns import within
from order import Order
from serve import listeners

PR_SET_PDEATHSIG = 1
PATIENCE = 0.8  # seconds; the second try of TCP comes after 0.2
TICK = 0.05


class Peers:
    def __init__(self):
        self.order = Order()
        self.ready = selectors.DefaultSelector()
        self.ready.register(sys.stdin, selectors.EVENT_READ)
        self.listening, self.ticking, self.flows = set(), set(), {}
        self.ticked = 0.0

    # --- the servers ---

    def serve(self, namespace, ports):
        with within(namespace):
            for s in listeners(ports):
                self.listening.add(s)
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

    def tick(self):
        if time.monotonic() < self.ticked + TICK:
            return
        self.ticked = time.monotonic()
        for s in list(self.ticking):
            try:
                s.send(b"t")
            except OSError:
                self.forget(s)

    def events(self, seconds):
        """The servers answer. Returns what else there is, and whether there was anything."""
        events = [key.fileobj for key, _ in self.ready.select(seconds)]
        others = [s for s in events if s is sys.stdin or s in self.flows.values()]
        for s in events:
            if s not in others:
                self.answer(s)
        self.tick()
        return others, bool(events)

    # --- the callers ---

    def comes(self, s, event, until, patient):
        self.ready.register(s, event)
        try:
            while time.monotonic() < until:
                others, busy = self.events(TICK if patient else 0)
                if s in others:
                    return True
                if not patient and not busy:
                    self.order.let_arrive()
                    if not self.ready.select(0):
                        return False
            return False
        finally:
            self.ready.unregister(s)

    def open(self, name, namespace, source, destination, port):
        proto, number = port.split("/")
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        with within(namespace):
            s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
        s.setblocking(False)
        self.flows[name] = s
        try:
            s.bind((source, 0))
            error = s.connect_ex((destination, int(number)))
        except OSError:
            return False
        if error == errno.EINPROGRESS:
            until = time.monotonic() + PATIENCE
            if not self.comes(s, selectors.EVENT_WRITE, until, False):
                return False
            error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return not error and self.says(name, False)

    def says(self, name, patient):
        s = self.flows[name]
        until = time.monotonic() + PATIENCE
        try:
            if s.type == socket.SOCK_STREAM:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(1 if patient else 2):
                s.send(b"x")
                while self.comes(s, selectors.EVENT_READ, until, patient):
                    data = s.recv(512)
                    if b"x" in data or not data:
                        return b"x" in data
        except OSError:
            pass
        return False

    def ticks(self, name):
        self.flows[name].send(b"tick")
        return self.hears(name)

    def hears(self, name):
        """What is on its way does not count."""
        s = self.flows[name]
        begin, heard = time.monotonic(), False
        try:
            while self.comes(s, selectors.EVENT_READ, begin + PATIENCE, True):
                if not s.recv(512):
                    return False
                heard = time.monotonic() > begin + PATIENCE / 2
        except OSError:
            return False
        return heard

    def run(self):
        while True:
            others, _ = self.events(TICK if self.ticking else None)
            if sys.stdin in others:
                line = sys.stdin.readline()
                if not line:
                    return
                verb, *args = json.loads(line)
                print(json.dumps(getattr(self, verb)(*args)), flush=True)


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    print("ready", flush=True)
    Peers().run()


main()
