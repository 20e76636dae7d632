# SPDX-License-Identifier: GPL-3.0-or-later
"""A bench: a copy of geopause, linked to the fake backend, in a directory of its own.

    DIR/geopause                       the fake's files beside it are described in tests/fake/fake.c
    DIR/modules/geopause-exec.so       another fake, where a test asks for it
    DIR/state/                         --state
    DIR/policy.json                    --policy

A test runs under python, which is no ACME client but the nearest process that is no shell: it is
the owner of the leases that tests take without --owner or --lease, so these are one lease.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

VERSION = 2  # of the journal
PATIENCE = 30  # seconds: what comes in some milliseconds comes by then on the busiest machine

POLICY = {
    "version": 1,
    "window": "10m",
    "targets": [
        {"name": "input", "backend": "nftables", "table": "inet filter",
         "rules": {"set": ["geo4"]}},
    ],
}


EXEC = {"name": "router", "backend": "exec", "command": ["/bin/true"]}
BOTH = dict(POLICY, targets=[POLICY["targets"][0], EXEC])


class Bench:
    def __init__(self, parts):
        self.dir = tempfile.mkdtemp(prefix="geopause-hook-")
        os.mkdir(os.path.join(self.dir, "modules"), 0o755)
        self.exe = os.path.join(self.dir, "geopause")
        self.module = os.path.join(self.dir, "modules", "geopause-exec.so")
        self.state = os.path.join(self.dir, "state")
        shutil.copy(parts.geopause, self.exe)
        self.policy(POLICY)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def policy(self, document, name="policy.json"):
        with open(self.path(name), "w", encoding="ascii") as f:
            json.dump(document, f)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def use_module(self, policy=None, part=None):
        """A policy that needs a module, and the module."""
        shutil.copy(part or self.parts.fake_exec, self.module)
        os.chmod(self.module, 0o644)
        self.policy(policy or BOTH)

    def behave(self, **how):
        with open(self.path("fake.json.new"), "w", encoding="ascii") as f:
            json.dump(how, f)
        with open(self.path("counts.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.rename(self.path("fake.json.new"), self.path("fake.json"))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path("counts.json"))

    def live(self):
        try:
            with open(self.path("live.json"), encoding="ascii") as f:
                return json.load(f)
        except FileNotFoundError:
            return {}

    def set_live(self, live):
        """Without a new generation: a watchdog does not notice."""
        with self.changing() as now:
            kept = now.get("generation", 0)
            now.clear()
            now.update(live, generation=live.get("generation", kept))

    @contextlib.contextmanager
    def holding(self, name):
        """Whoever needs this lock waits."""
        with open(self.path(name), "r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock

    @contextlib.contextmanager
    def changing(self, generations=0):
        """The firewall, to be changed by somebody else, in so many transactions."""
        with open(self.path("live.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            live = self.live()
            yield live
            live["generation"] = live.get("generation", 0) + generations
            with open(self.path("live.json.new"), "w", encoding="ascii") as f:
                json.dump(live, f)
            os.rename(self.path("live.json.new"), self.path("live.json"))

    def refresh(self):
        """The administrator's ruleset is loaded again: no lift is in it."""
        with self.changing(generations=1) as live:
            live["lifts"] = {}

    def lifts(self):
        return self.live().get("lifts", {})

    def calls(self):
        try:
            with open(self.path("calls.txt"), encoding="ascii") as f:
                return [line.rstrip("\n") for line in f]
        except FileNotFoundError:
            return []

    def verbs(self):
        return [call.split()[0] for call in self.calls()]

    def changes(self):
        """Without sweeps: the watchdog of a call that has failed may look for its marks."""
        return [verb for verb in self.verbs() if verb != "sweep"]

    def forget_calls(self):
        if os.path.exists(self.path("calls.txt")):
            os.unlink(self.path("calls.txt"))

    def argv(self, verb, *args, policy=True):
        argv = [self.exe, verb, "--state", self.state]
        if policy:
            argv += ["--policy", self.path("policy.json")]
        return argv + list(args)

    def start(self, verb, *args, policy=True, **popen):
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        popen.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.argv(verb, *args, policy=policy), text=True, **popen)

    def run(self, verb, *args, policy=True, **popen):
        process = self.start(verb, *args, policy=policy, **popen)
        out, err = process.communicate(timeout=60)
        process.out, process.err = out or "", err or ""
        assert (process.out + process.err).isascii(), (verb, process.out, process.err)
        return process

    def ok(self, verb, *args, status=0, says=None, **popen):
        """Runs it and checks the exit status, and that stderr contains a text."""
        done = self.run(verb, *args, **popen)
        detail = f"{verb} {args}: {done.returncode}\n{done.out}{done.err}"
        assert done.returncode == status, f"expected {status}, got {detail}"
        if says is not None:
            assert says in done.err + done.out, f"expected {says!r}, got {detail}"
        return done

    def journals(self):
        if not os.path.isdir(self.state):
            return []
        return [n for n in os.listdir(self.state)
                if n.startswith("window-") and n.endswith(".json")]

    def journal_path(self):
        names = self.journals()
        assert len(names) == 1, names
        return os.path.join(self.state, names[0])

    def journal(self):
        with open(self.journal_path(), "rb") as f:
            return json.loads(f.read().split(b"\n", 1)[1])

    def rewrite(self, change):
        """Writes the journal back with what change() did to it, with a right first line."""
        document = self.journal()
        change(document)
        body = json.dumps(document).encode("ascii")
        path = self.journal_path()
        with open(path + ".new", "wb") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(b"geopause-journal %d %d %016x\n" % (VERSION, len(body), fnv1a(body)) + body)
        os.rename(path + ".new", path)

    def aside(self):
        return [n for n in os.listdir(self.state) if ".bad-" in n]

    def closed(self):
        """Nothing is lifted and there is no journal."""
        # The watchdog that looks for the last time would take a scripted answer.
        end = time.monotonic() + PATIENCE / 3
        while self.watchdogs() and time.monotonic() < end:
            time.sleep(0.005)
        assert not self.lifts(), self.lifts()
        assert not self.journals(), self.journals()

    def processes(self):
        """All that run this bench's copy of the program: pids by their names."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)") == self.exe:
                    with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                        found[int(pid)] = f.read().strip()
            except OSError:  # it has ended meanwhile
                pass
        return found

    def watchdogs(self):
        return [pid for pid, name in self.processes().items() if name == "geopause-watch"]

    def watchdog(self):
        """The pid in the watchdog's own file; 0 if there is none, -1 if it is being written."""
        names = os.listdir(self.state) if os.path.isdir(self.state) else []
        names = [n for n in names if n.startswith("watchdog-")]
        assert len(names) <= 1, names
        if not names:
            return 0
        try:
            with open(os.path.join(self.state, names[0]), encoding="ascii") as f:
                return int(f.read() or -1)
        except FileNotFoundError:
            return 0

    def unwatch(self):
        """Kills the watchdog, as nobody should."""
        for pid in self.watchdogs():
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda p=pid: not alive(p))

    def clean(self):
        """Closes all. A watchdog that lives on without a window is a failure."""
        try:
            self.behave()
            self.run("restore")
            wait_until(lambda: not self.watchdogs())
        finally:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            # What has been killed may have removed a file just now.
            shutil.rmtree(self.dir, onerror=unless_gone)


def unless_gone(_function, _path, info):
    if not isinstance(info[1], FileNotFoundError):
        raise info[1]


def alive(pid):
    """And no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def fnv1a(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001b3) & 0xffffffffffffffff
    return value


def wait_until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
