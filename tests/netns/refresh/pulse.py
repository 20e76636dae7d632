# SPDX-License-Identifier: GPL-3.0-or-later
"""
Connects again and again, in the "internet" namespace, to see when a way was open.

    pulse.py SECONDS SOURCE/PROTO/PORT...      as RU/tcp/80; a connect each SECONDS a way

Prints "ready" when the first were sent; at the end of stdin, one line of JSON:
{"RU/tcp/80": [[TIME, OPEN], ...], ...}. TIME is when the packet was sent (CLOCK_MONOTONIC, the same
in all namespaces), and OPEN whether it was answered: true, false (not within PATIENCE), or null
(refused, or by whatever else).
"""
import json
import os
import selectors
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from probe import SOURCES, Probe  # noqa: E402

PATIENCE = 0.4  # seconds; TCP sends a SYN again after a second only


class Pulse(Probe):
    """One connect, and what became of it."""

    def __init__(self, way, seen):
        source, port = way.split("/", 1)
        super().__init__(SOURCES[source], port)
        self.at, self.seen = time.monotonic(), seen

    def finish(self, result):
        super().finish(result)
        self.seen.append([self.at, {"OPEN": True, "drop": False}.get(result)])


def beat(ways, seen, waiting):
    for way in ways:
        Pulse(way, seen[way]).send(waiting, PATIENCE)


def late(waiting):
    now = time.monotonic()
    for probe in [key.data for key in waiting.get_map().values() if key.data]:
        if now >= probe.deadline:
            probe.expired(waiting)


def main():
    interval, ways = float(sys.argv[1]), sys.argv[2:]
    seen = {way: [] for way in ways}
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin, selectors.EVENT_READ)
    going, following = True, time.monotonic()
    while going or len(waiting.get_map()):
        if going and time.monotonic() >= following:
            first = not any(seen.values()) and len(waiting.get_map()) == 1
            beat(ways, seen, waiting)
            following = max(following + interval, time.monotonic())
            if first:
                print("ready", flush=True)
        for key, _ in waiting.select(max(0, following - time.monotonic()) if going else 0.02):
            if key.data:
                key.data.answered(waiting)
            else:
                waiting.unregister(sys.stdin)
                going = False
        late(waiting)
    print(json.dumps(seen))


main()
