# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that own leases, and waiting for what a watchdog does."""

import contextlib
import fcntl
import os
import signal
import subprocess
import time

from bench import POLICY, wait_until

TIMED = ("--owner", "none")
HEARTBEAT = dict(POLICY, heartbeat="3s")
SOON = 10.0  # seconds, for some ten milliseconds: how long it takes is seen by the quickest of many


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


@contextlib.contextmanager
def opening(b, *args, verb="pre"):
    """One that opens a window and is held in the middle of it, before anything is lifted."""
    with open(b.path("live.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = b.start(verb, *args)
        wait_until(lambda: "overlap" in b.verbs())
        yield process


def is_closed(b):
    return not b.lifts() and not b.journals()


def closes(b, what, seconds=SOON):
    """Within these seconds, and the watchdog ends with the window. Says how long it took."""
    began = time.monotonic()
    wait_until(lambda: is_closed(b), seconds)
    took = time.monotonic() - began
    print(f"      {what}: closed after {1000 * took:.0f} ms")
    ends(b)
    return took


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
    took = time.monotonic() - began
    print(f"      {what}: lifted again after {1000 * took:.0f} ms")
    # It may still look at what it has done: another refresh would meet it there.
    with b.holding("state/lock"):
        assert lifted(b)
    return took


def lease_owners(b):
    return [lease["owner"]["pid"] for lease in b.journal()["leases"]]


def fds_of(pid):
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    return found


def watches(b, owners):
    """It has read the journal, and waits for the ends of so many."""
    pid = seen(b)
    wait_until(lambda: sum("pidfd" in target for target in fds_of(pid).values()) == owners)


def seen(b):
    """The one watchdog, by its file and among the processes; the last one may just be ending."""
    wait_until(lambda: b.watchdogs() == [b.watchdog()], SOON)
    return b.watchdog()
