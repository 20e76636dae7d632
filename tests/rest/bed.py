# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of REST targets share: models of providers behind TLS, and the real program.

All of it is in network and mount namespaces of its own (run.py makes them): the providers' host
names lead to 127.0.0.1 by a private /etc/hosts, so that recipes are tested as they are installed,
but for their pauses between polls and retries: what these wait for has no clock.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from model import MODELS
from model.server import Server, certificate, tls

CHALLENGE = "/.well-known/acme-challenge/token"
SOURCES = ("blocked4", "blocked6", "free4", "free6")
REQUESTS = ((80, CHALLENGE), (80, "/"), (443, CHALLENGE), (443, "/"), (22, "/"))
BY_PATH = ("cloudflare-waf", "aws-wafv2", "azure-appgw-waf", "gcp-armor")
DONE, FAILED, OPEN, POLICY, UNVERIFIED = 0, 1, 3, 5, 6
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
RECIPES = os.path.join(ROOT, "backends", "rest", "recipes")
PAUSE_MS = 50


class Failure(Exception):
    """What was expected, and what came."""


class Skipped(Exception):
    """What this host does not have."""


def require(condition, what):
    if not condition:
        raise Failure(what)


def requires(text, *patterns):
    for pattern in patterns:
        require(re.search(pattern, text, re.S), "%r is not in:\n%s" % (pattern, text))


def until(holds, what, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        require(time.monotonic() < end, "in vain waited for " + what)
        time.sleep(0.01)


def challenges_of(name):
    return ["http-01"] if name in BY_PATH else ["http-01", "tls-alpn-01"]


class Numbered:
    """The faults of several models together: a token endpoint's requests count, too."""

    def __init__(self, number, fault):
        self.number, self.fault, self.seen = number, fault, 0
        self.lock = threading.Lock()

    def get(self, _number):
        with self.lock:
            self.seen += 1
            return self.fault if self.seen == self.number else None


def recipe_of(name):
    with open(os.path.join(RECIPES, name + ".json"), encoding="ascii") as file:
        return json.load(file)


def hasten(document):
    for key, value in document.items() if isinstance(document, dict) else ():
        if key in ("every_ms", "interval_ms"):
            document[key] = PAUSE_MS
        hasten(value)


class Target:
    """A model, and the policy's target for it."""

    def __init__(self, bed, recipe, installed):
        self.bed, self.recipe, self.name, self.installed = bed, recipe, recipe, installed
        self.model = MODELS[recipe]()
        self.models = [self.model] + list(getattr(self.model, "beside", []))
        self.document = dict(self.recipe_document(), deadline="20s")

    def recipe_document(self):
        document = recipe_of(self.recipe)
        hasten(document)
        copy = self.bed.write(self.recipe + ".json", json.dumps(document))
        return {"name": self.name, "backend": "rest",
                "recipe": self.recipe if self.installed else copy,
                "params": self.model.params, "ca_file": self.bed.path("model.pem"),
                "secrets": {name: {"file": self.bed.secret(self.name, name, value)}
                            for name, value in self.model.secrets.items()}}

    def matrix(self):
        self.model.snapshot()  # what has ended by now has an effect
        with self.model.lock:
            return {(s, port, path): self.model.passes(s, port, path)
                    for s in SOURCES for port, path in REQUESTS}

    def lifted(self, before):
        """What the matrix has to be in the window: nothing else changes."""
        def is_asked(port, path):
            if self.recipe in BY_PATH:
                return path == CHALLENGE and port in (80, 443)
            return port in (80, 443)
        return {key: value or is_asked(key[1], key[2]) for key, value in before.items()}

    def count(self):
        return sum(len(model.requests) for model in self.models)

    def forget(self):
        for model in self.models:
            model.forget()

    def spoil(self, number, fault):
        """The number-th request that the target's models get from now on goes wrong."""
        self.forget()
        faults = Numbered(number, fault)
        for model in self.models:
            model.faults = faults


class Bed:
    def __init__(self, program):
        self.program = program
        self.dir = tempfile.mkdtemp(prefix="geopause-rest-")
        os.mkdir(self.path("state"), 0o700)
        self.targets, self.servers, self.children = [], [], []
        self.is_mounted = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill_all()
        for child in self.children:
            child.kill()
            child.wait()
        for server in self.servers:
            server.stop()
        if self.is_mounted:
            subprocess.run(["umount", "/etc/hosts"], check=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, content):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def remove(self, *names):
        os.unlink(self.path(*names))

    def secret(self, target, name, value):
        return self.write("secret-%s-%s" % (target, name), value + "\n")

    def serve(self, *recipes, more=(), context=None, installed=False):
        """Models for these recipes, and a policy with a target for each."""
        self.targets = [Target(self, recipe, installed) for recipe in recipes]
        models = [model for target in self.targets for model in target.models] + list(more)
        hosts = sorted({host for model in models for host in model.hosts})
        if context is None:
            context = tls(*certificate(self.dir, hosts + ["elsewhere.test"]))
        self.resolve(hosts)
        self.servers.append(Server(("127.0.0.1", 443), models, context))
        self.policy()
        return self.targets[0] if len(self.targets) == 1 else self.targets

    def resolve(self, hosts):
        self.write("hosts", "".join("127.0.0.1 %s\n" % host for host in
                                    ["localhost", "elsewhere.test"] + hosts))
        os.chmod(self.path("hosts"), 0o644)
        if not self.is_mounted:
            subprocess.run(["mount", "--bind", self.path("hosts"), "/etc/hosts"], check=True)
            self.is_mounted = True

    def unserve(self):
        """Before the next serve."""
        self.wait_for_watchdog()
        self.servers.pop().stop()

    def policy(self, **more):
        """With the challenges that all targets can serve."""
        challenges = [c for c in ("http-01", "tls-alpn-01")
                      if all(c in challenges_of(t.recipe) for t in self.targets)]
        self.write("policy.json", json.dumps(dict(
            {"version": 1, "challenges": challenges,
             "targets": [t.document for t in self.targets]}, **more)))

    def start(self, command, *more):
        return subprocess.Popen(
            [self.program, command, "--policy", self.path("policy.json"), "--state",
             self.path("state")] + list(more), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.dir)

    def run(self, command, *more, status=DONE):
        """status: a number, or those that are allowed. Returns status and output."""
        process = self.start(command, *more)
        try:
            text = "".join(process.communicate(timeout=120))
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure("%s does not end" % command) from None
        allowed = (status,) if isinstance(status, int) else status
        require(process.returncode in allowed, "%s: exit %d, not %s\n%s" % (
            command, process.returncode, allowed, text))
        return process.returncode, text

    def pre(self, *more, **keys):
        return self.run("pre", "--lease", "test", "--owner", "none", *more, **keys)

    def post(self, *more, **keys):
        return self.run("post", "--lease", "test", "--owner", "none", *more, **keys)

    def settle(self):
        for target in self.targets:
            target.model.settle()

    def processes(self):
        """Of the program, with our state directory."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    words = file.read().split(b"\0")
                if os.readlink("/proc/%s/exe" % pid) == os.path.realpath(self.program) and \
                        self.path("state").encode() in words:
                    found.append(int(pid))
        return found

    def wait_for_watchdog(self):
        until(lambda: not self.processes(), "the end of the watchdog")

    def wait_for_first_look(self):
        """The watchdog knows what is open, and waits for something to happen."""
        def waits():
            for pid in self.processes():
                with contextlib.suppress(OSError):
                    with open("/proc/%d/wchan" % pid, encoding="ascii") as file:
                        return "poll" in file.read()
            return False
        until(waits, "the watchdog's first look")

    def kill_all(self):
        def none_is_left():
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not self.processes()
        until(none_is_left, "the end of all processes")

    def sleeper(self):
        """A process that can own a lease."""
        self.children.append(subprocess.Popen(["sleep", "600"], cwd=self.dir))
        return self.children[-1]

    def left(self):
        """In the state directory, of a window; what was not written to its end is nobody's."""
        return [name for name in self.kept()
                if name.startswith(("window-", "lasting/")) and not name.endswith(".tmp")]

    def kept(self):
        """The files of the state directory: of the window, and beside the history."""
        state = self.path("state")
        return [os.path.relpath(os.path.join(where, name), state)
                for where, _, names in os.walk(state) for name in names]

    def lose(self, *prefixes):
        """These files of the state directory."""
        for name in self.kept():
            if name.startswith(prefixes):
                self.remove("state", name)

    def require_closed(self, *expected):
        """Each model's state is what was expected, and nothing is remembered of the window."""
        self.settle()
        for target, state in zip(self.targets, expected):
            require(target.model.snapshot() == state, "%s is\n%s\nand not\n%s" % (
                target.name, json.dumps(target.model.snapshot()), json.dumps(state)))
        require(not self.left(), "still in the state directory: %s" % self.left())


class Killer:
    """Kills the program at a target's number-th request, before or after it is carried out."""

    def __init__(self, bed, target, number, when):
        self.bed, self.number, self.when = bed, number, when
        self.seen, self.fired = 0, False
        self.done = threading.Event()
        self.lock = threading.Lock()
        target.forget()
        for model in target.models:
            model.on_request = self

    def __call__(self, _number, when):
        with self.lock:
            if when == "before":
                self.seen += 1
            if self.seen != self.number:
                return
            kills = not self.fired and when == self.when
            self.fired = self.fired or kills
        if kills:
            self.bed.kill_all()
        if self.fired and when == "after":
            self.done.set()

    def wait(self):
        """All are dead, and the request, if it was to be carried out, is."""
        require(self.done.wait(60), "request %d never came" % self.number)
