# SPDX-License-Identifier: GPL-3.0-or-later
"""A bench: a copy of geopause in a directory of its own, with the fake backend beside it.

    DIR/geopause
    DIR/modules/geopause-nftables.so   the fake; its files are described in tests/fake/fake.c
    DIR/state/                         --state
    DIR/policy.json                    --policy
"""

import json
import os
import shutil
import subprocess
import tempfile
import time

POLICY = {
    "version": 1,
    "window": "10m",
    "targets": [
        {"name": "input", "backend": "nftables", "table": "inet filter",
         "rules": {"set": ["geo4"]}},
    ],
}


class Bench:
    def __init__(self, parts):
        self.dir = tempfile.mkdtemp(prefix="geopause-hook-")
        os.mkdir(os.path.join(self.dir, "modules"), 0o755)
        self.exe = os.path.join(self.dir, "geopause")
        self.module = os.path.join(self.dir, "modules", "geopause-nftables.so")
        self.state = os.path.join(self.dir, "state")
        shutil.copy(parts.geopause, self.exe)
        shutil.copy(parts.fake, self.module)
        os.chmod(self.module, 0o644)
        self.policy(POLICY)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def policy(self, document, name="policy.json"):
        with open(self.path(name), "w", encoding="ascii") as f:
            json.dump(document, f)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def behave(self, **how):
        with open(self.path("fake.json"), "w", encoding="ascii") as f:
            json.dump(how, f)
        live = self.live()
        live.pop("calls", None)
        self.set_live(live)

    def live(self):
        try:
            with open(self.path("live.json"), encoding="ascii") as f:
                return json.load(f)
        except FileNotFoundError:
            return {}

    def set_live(self, live):
        with open(self.path("live.json"), "w", encoding="ascii") as f:
            json.dump(live, f)

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
        with open(self.journal_path(), "wb") as f:
            f.write(b"geopause-journal 1 %d %016x\n" % (len(body), fnv1a(body)) + body)

    def aside(self):
        return [n for n in os.listdir(self.state) if ".bad-" in n]

    def closed(self):
        """Nothing is lifted and there is no journal."""
        assert not self.lifts(), self.lifts()
        assert not self.journals(), self.journals()

    def clean(self):
        shutil.rmtree(self.dir)


def fnv1a(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001b3) & 0xffffffffffffffff
    return value


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
