# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that own leases, and waiting for what a watchdog does."""

import signal
import subprocess
import time

from bench import POLICY, wait_until

TIMED = ("--owner", "none")
HEARTBEAT = dict(POLICY, heartbeat="3s")
SOON = 1.0  # seconds: what takes some ten milliseconds, on a busy machine


class Client:
    """A process that owns a lease."""

    def __init__(self):
        self.process = subprocess.Popen(["sleep", "100"])
        self.pid = self.process.pid
        self.owner = ("--owner", str(self.pid))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.die()

    def die(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)
        self.process.wait()


def is_closed(b):
    return not b.lifts() and not b.journals()


def closes(b, what, seconds=SOON):
    """Within these seconds, and the watchdog ends with the window. Says how long it took."""
    began = time.monotonic()
    wait_until(lambda: is_closed(b), seconds)
    print(f"      {what}: closed after {1000 * (time.monotonic() - began):.0f} ms")
    ends(b)


def ends(b):
    """And its file with it: one that has just been forked has another name yet."""
    # A pre that was killed before it could fork one leaves an empty file (-1).
    wait_until(lambda: not b.watchdogs() and b.watchdog() <= 0, SOON)


def stays_open(b, seconds=0.3):
    time.sleep(seconds)
    assert len(b.lifts()) == 1 and b.journal()["state"] == "open"


def lifted(b):
    """Seen from both sides: the journal's one lift is the one in the firewall."""
    if not b.journals():
        return False
    journal = b.journal()
    txns = [lift["txn"] for lift in journal["lifts"]]
    return journal["state"] == "open" and len(txns) == 1 and list(b.lifts()) == txns


def lifted_again(b, what, seconds=SOON):
    began = time.monotonic()
    wait_until(lambda: lifted(b), seconds)
    print(f"      {what}: lifted again after {1000 * (time.monotonic() - began):.0f} ms")


def lease_owners(b):
    return [lease["owner"]["pid"] for lease in b.journal()["leases"]]


def seen(b):
    """The one watchdog, by its file and among the processes."""
    wait_until(b.watchdogs, SOON)
    assert b.watchdogs() == [b.watchdog()], (b.watchdogs(), b.watchdog())
    return b.watchdog()
