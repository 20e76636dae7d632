# SPDX-License-Identifier: GPL-3.0-or-later
"""
Connects many times at once, in the "internet" namespace: burst.py NUMBER SOURCE PORT

As in burst.py 200 RU tcp/80. Prints one line of JSON, {"OPEN": 50, "drop": 150}.
"""
import collections
import json
import selectors
import sys
import time

from probe import SOURCES, Probe

PATIENCE = 0.5  # seconds; TCP sends a SYN again after a second only


def main():
    number, source, port = sys.argv[1:]
    waiting = selectors.DefaultSelector()
    probes = [Probe(SOURCES[source], port) for _ in range(int(number))]
    for probe in probes:
        probe.send(waiting, PATIENCE)
    until = time.monotonic() + PATIENCE
    while (left := until - time.monotonic()) > 0 and len(waiting.get_map()):
        for key, _ in waiting.select(left):
            key.data.answered(waiting)
    print(json.dumps(collections.Counter(probe.result for probe in probes)))


main()
