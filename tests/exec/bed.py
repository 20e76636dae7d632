# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cases share: a policy with programs that do what they are told, and the real geopause."""
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RULESET = """table inet filter {
	set geo { type ipv4_addr; flags interval; elements = { 10.1.0.0/16, 77.88.0.0/16 } }
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @geo drop
	}
}
"""
NFT_TARGET = {"name": "nft", "backend": "nftables", "table": "inet filter",
              "rules": {"set": "geo"}}
OPEN, FAILED = 3, 1


class Failure(Exception):
    """What was expected, and what came."""


def require(condition, what):
    if not condition:
        raise Failure(what)


class Bed:
    def __init__(self, program):
        self.program = program
        self.dir = tempfile.mkdtemp(prefix="geopause-exec-")
        self.scripted = self.path("scripted.py")
        shutil.copy(os.path.join(HERE, "scripted.py"), self.scripted)
        os.chmod(self.scripted, 0o755)
        os.mkdir(self.path("state"), 0o700)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        kill_watchdog(self)
        self.nft("flush ruleset")
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def nft(self, text):
        subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)

    def ruleset(self):
        return subprocess.run(["nft", "-a", "list", "ruleset"], text=True, check=True,
                              capture_output=True).stdout

    def target(self, name, **more):
        return dict({"name": name, "backend": "exec", "command": [self.scripted, "eth0"]}, **more)

    def policy(self, *targets, **more):
        with open(self.path("policy.json"), "w", encoding="ascii") as file:
            json.dump(dict({"version": 1, "targets": list(targets)}, **more), file)
        os.chmod(self.path("policy.json"), 0o600)

    def behave(self, **how):
        with open(self.path("behave.json"), "w", encoding="ascii") as file:
            json.dump(how, file)

    def argv(self, command, *more):
        return [self.program, command, "--policy", self.path("policy.json"), "--state",
                self.path("state")] + list(more)

    def run(self, command, *more, status=0, before=()):
        done = subprocess.run(list(before) + self.argv(command, *more), text=True,
                              capture_output=True, timeout=120)
        require(done.returncode == status, "%s: exit %d, not %d\n%s%s" % (
            command, done.returncode, status, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def pre(self, **more):
        return self.run("pre", "--lease", "test", "--owner", "none", **more)

    def post(self, **more):
        return self.run("post", "--lease", "test", "--owner", "none", **more)

    def calls(self, *operations):
        """What was called so far of these operations, and forgets it."""
        try:
            with open(self.path("calls"), encoding="ascii") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            lines = []
        return [x for x in lines if x.split()[1] in (operations or ("apply", "revert", "extend"))]

    def forget_calls(self):
        if os.path.exists(self.path("calls")):
            os.unlink(self.path("calls"))

    def journal_path(self):
        names = [x for x in os.listdir(self.path("state"))
                 if x.startswith("window-") and x.endswith(".json")]
        require(len(names) == 1, "journals: %s" % names)
        return self.path("state/" + names[0])

    def journal(self):
        with open(self.journal_path(), "rb") as file:
            return json.loads(file.read().split(b"\n", 1)[1])

    def is_live(self, name):
        return any(x.startswith(name + ".") and x.endswith(".live") for x in os.listdir(self.dir))

    def asked(self, name):
        with open(self.path(name + ".asked"), encoding="ascii") as file:
            return json.load(file)

    def require_closed(self):
        left = [x for x in os.listdir(self.dir) if x.endswith(".live")]
        require(not left, "still lifted: %s" % left)
        left = [path for name in ("window-*", "lasting/window-*")
                for path in glob.glob(self.path("state") + "/" + name)]
        require(not left, "still in the state directory: %s" % left)


def requires(text, *patterns):
    for pattern in patterns:
        require(re.search(pattern, text, re.S), "%r is not in:\n%s" % (pattern, text))


def until(condition, what):
    end = time.monotonic() + 90
    while not condition():
        require(time.monotonic() < end, "waited for: " + what)
        time.sleep(0.02)


def watchdogs(b):
    """Also LeakSanitizer's process, where it is compiled in: it is one while its parent lives."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, encoding="utf-8", errors="replace") as file:
                arguments = file.read().split("\0")
        except OSError:  # it has ended meanwhile
            continue
        if arguments[0] == b.program and b.path("state") in arguments:
            found.append(int(pid))
    return found


def kill_watchdog(b, but=None):
    def none_is_left():
        for pid in set(watchdogs(b)) - {but}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not set(watchdogs(b)) - {but}
    until(none_is_left, "the end of the watchdog")


def lose_journal(b, watched=False):
    """As by a new boot, or a container that is started again."""
    if not watched:
        kill_watchdog(b)
    os.unlink(b.journal_path())
