# SPDX-License-Identifier: GPL-3.0-or-later
"""The program with a system log of its own; ways that are tried all the time; a paused watchdog."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from bed import BedError, inside
from program import Program, require, result_text

HERE = os.path.dirname(os.path.abspath(__file__))
WEB_WAYS = tuple("%s/tcp/%s" % (source, port) for source in ("RU", "CN", "RU6", "CN6")
                 for port in ("80", "443"))
DEVICES = ("null", "zero", "random", "urandom")


class SystemLog:
    """A directory to be mounted on /dev, with a /dev/log that somebody reads."""

    def __init__(self, place):
        self.place, self.lines = place, []
        os.mkdir(place, 0o755)
        for name in DEVICES:
            os.mknod(os.path.join(place, name), 0o20666, os.stat("/dev/" + name).st_rdev)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(place, "log"))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            line = self.socket.recv(65536).decode("ascii")
            if not line:
                return
            self.lines.append((time.monotonic(), line))

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"", os.path.join(self.place, "log"))
        self.socket.close()

    def matching(self, pattern, since=0.0):
        return [line for at, line in self.lines if at >= since and re.search(pattern, line)]

    def text(self):
        return "".join("%.3f %s\n" % entry for entry in self.lines)


class Watched(Program):
    """As Program; what is written to the system log comes to .log."""

    def __enter__(self):
        super().__enter__()
        self.log = SystemLog(os.path.join(self.dir, "dev"))
        return self

    def __exit__(self, *exc):
        self.log.close()
        super().__exit__(*exc)

    def run(self, verb, *options, wrap=(), **more):
        mounted = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /dev && exec "$@"',
                   self.log.place]
        return super().run(verb, *options, wrap=mounted + list(wrap), **more)

    def status(self):
        return json.loads(self.expect(0, "status", "--json").stdout)

    def transactions(self):
        return sorted(lift["txn"] for lift in self.status()["lifts"])

    def require_lifted(self, when):
        """All that the journal says is there, and nothing else."""
        status = self.status()
        require(status["state"] == "open" and status["lifts"], "%s: %s" % (when, status))
        require({lift["live"] for lift in status["lifts"]} == {"lifted"}, "%s: %s" % (when, status))
        require(not status["leftovers"] and status["watchdog"]["state"] == "alive",
                "%s: %s" % (when, status))

    def has_window(self):
        return any(name.startswith("window-") for name in os.listdir(self.state))

    def closed_after(self, start, patience):
        """Seconds from start until there is no window any more."""
        while self.has_window():
            require(time.monotonic() - start < patience, "still open after %g s: %s"
                    % (patience, result_text(self.run("status"))))
            time.sleep(0.005)
        return time.monotonic() - start

    @contextlib.contextmanager
    def watchdog_paused(self):
        pid = self.status()["watchdog"]["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


class Pulse:
    """Use as a context; afterwards .seen is what pulse.py says."""

    def __init__(self, bed, ways=WEB_WAYS, interval=0.01):
        argv = [sys.executable, os.path.join(HERE, "pulse.py"), "%g" % interval, *ways]
        self.child = subprocess.Popen(inside(bed.net, argv), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        if self.child.stdout.readline() != "ready\n":
            raise BedError("pulse.py did not start")
        return self

    def __exit__(self, *_):
        out, _ = self.child.communicate(timeout=30)
        self.seen = json.loads(out or "{}")
        if not self.seen:
            raise BedError("pulse.py died")

    def closed(self, since=0.0):
        """[(way, closed at, open again at or None)], in the order of time."""
        spans = []
        for way, seen in self.seen.items():
            was = None
            for at, is_open in sorted(seen):
                if is_open and was is not None:
                    spans.append((way, was, at))
                if is_open:
                    was = None
                elif was is None and at >= since:
                    was = at
            if was is not None:
                spans.append((way, was, None))
        return sorted(spans, key=lambda s: s[1])

    def back_after(self, start, done):
        """Seconds after done until all ways stay open; negative if they were before, or always."""
        spans = self.closed(start)
        never = [s[0] for s in spans if s[2] is None]
        require(not never, "not open again: %s" % sorted(set(never)))
        return max((s[2] for s in spans), default=start) - done

    def longest(self, start):
        return max((b - a for _, a, b in self.closed(start) if b), default=0.0)
