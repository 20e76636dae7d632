#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same trees with geopause as the hook (and the fake backend): whose lease it is, and how long
the window is open.

    program.py --geopause EXE --climb PROGRAM [NAME...]

held       The owner is stopped while its hook runs, so that it is still there when the hook's own
           processes are dead: then the window is open. It is killed, and nobody calls post: closed
           within a second.
timed      Without an owner the lease is a timed one, which the hook says, and lasts until its end.
given-back A post from the same tree closes, before anybody has ended.

Needs root: geopause loads nothing below a / that is nobody's, as it is in a user namespace.
"""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hook"))

from bed import Bed, count, name_of, tree
from bench import POLICY, Bench, wait_until
from shapes import SHAPES

WAIT = 60  # seconds for a tree
CLOSES = 10  # seconds, for some milliseconds
WINDOW = 5  # seconds, of a timed lease
HEARTBEAT = 3  # seconds, in a container that ends
SETTLES = 0.4  # seconds, in which a watchdog looks again whatever happens
WORKERS = 8  # they mostly wait

# exec, where it can be: no shell is left between the tree and geopause.
HOOKS = {
    "held": "kill -STOP $(cat mark-owner)\nexec $pre",
    "timed": f"exec $pre --window {WINDOW}s",
    "given back in the next hook":
        "echo >>calls\n[ $(($(wc -l <calls) % 2)) = 0 ] || exec $pre\n$post",
    "given back in the same hook": "$pre\n$post",
}


def documents(path):
    """The JSON documents in a file, one after another; the last may be in the making."""
    found = []
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
        while text:
            document, end = json.JSONDecoder().raw_decode(text)
            found.append(document)
            text = text[end:].strip()
    except (FileNotFoundError, json.JSONDecodeError):
        pass
    return found


def state_of(pid):
    """The letter of proc(5), and the pid in its own namespace."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        text = file.read()
    inner = re.search(r"^NSpid:.*?(\d+)$", text, re.M)
    return re.search(r"^State:\t(.)", text, re.M)[1], int(inner[1]) if inner else 0


def descendants(pid):
    """That are no zombies."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                for child in map(int, file.read().split()):
                    found += descendants(child)
                    found += [child] if state_of(child)[0] not in "ZX" else []
    except OSError:  # it has ended meanwhile
        pass
    return found


class Trial:
    """One tree with one kind of hook, on a bench and a bed of its own."""

    def __init__(self, parts, shape, index, kind):
        self.kind = kind
        self.bench = Bench(parts)
        self.directory = tempfile.TemporaryDirectory(prefix="owners-")
        self.bed = Bed(self.directory.name, parts.climb)
        b = self.bench
        guard = b.argv("run", "--guard", "-q", "--")
        self.bed.hooks_run([self.bed.file("leaf", self.leaf())], guard)
        self.trees, (command, self.expected) = tree(shape, self.bed, index)
        # A heartbeat would notice a dead owner, too; only those without a watchdog have a short one.
        if "container" in self.expected:
            self.bench.policy(dict(POLICY, heartbeat=f"{HEARTBEAT}s"))
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            self.bed.below_cron(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=self.bed.place, encoding="utf-8", errors="replace")

    def leaf(self):
        pre = " ".join(self.bench.argv("pre", "--json"))
        post = " ".join(self.bench.argv("post"))
        status = " ".join(self.bench.argv("status", "--json", policy=False))
        return (f"#!/bin/sh\ncd {self.bed.place} || exit\npre='{pre}'\npost='{post}'\n"
                f"exec >>pre.json 2>>pre.err\n{HOOKS[self.kind]}\n{status} >>post.json\n")

    def end(self):
        try:
            self.bench.clean()
        finally:
            for pid in [*descendants(self.process.pid), self.process.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.said = self.process.communicate()[0]
            self.trees.close()
            self.directory.cleanup()

    def leases(self):
        return [taken["lease"] for taken in documents(self.bed.path("pre.json"))]

    def errors(self):
        with open(self.bed.path("pre.err"), encoding="ascii") as file:
            return file.read()

    def wait(self):
        self.process.wait(timeout=WAIT)

    def hooks_are_over(self):
        return len(self.bench.processes()) == len(self.bench.watchdogs())

    def status(self):
        return json.loads(self.bench.ok("status", "--json", policy=False).out)

    def owner(self):
        """Its pid out here."""
        inner = self.bed.marked("owner")
        for pid in descendants(self.process.pid):
            try:
                if state_of(pid) == ("T", inner):
                    return pid
            except OSError:
                pass
        return 0

    def check_lease(self, lease):
        expected = self.expected
        kind = "owner" if "owner" in expected else "timed"
        assert lease["kind"] == kind, lease
        for who in "owner", "guard":
            found = lease.get(who, {"pid": 0})["pid"]
            want = self.bed.marked(expected.get(who))
            assert found == want, f"{who} is {found}, not {want}"
        assert lease.get("owner_name") == expected.get("name"), lease

    def check_via(self, lease):
        found, want = lease.get("via", {"pid": 0})["pid"], self.bed.marked(self.expected.get("via"))
        assert found == want, f"via is {found}, not {want}"

    def closes(self, seconds):
        """Nobody calls post."""
        if "container" in self.expected:
            # The watchdog ends with it; then the firewall closes, and somebody has to come.
            wait_until(lambda: not self.bench.watchdogs(), CLOSES)
            time.sleep(HEARTBEAT + 0.1)
            live = [lift["live"] for lift in self.status()["lifts"]]
            assert "lifted" not in live, live
            self.bench.ok("restore")
        wait_until(lambda: not self.bench.journals(), seconds)
        self.bench.closed()


def held(trial):
    wait_until(lambda: trial.leases() and trial.owner() and not descendants(trial.owner()), WAIT)
    for lease in trial.leases():
        trial.check_lease(lease)
        trial.check_via(lease)
    status = trial.status()
    assert status["state"] == "open" and status["watchdog"]["state"] == "alive", status
    assert len(status["leases"]) == 1, status
    trial.check_lease(status["leases"][0])
    assert "timed lease" not in trial.errors(), trial.errors()
    time.sleep(SETTLES)
    os.kill(trial.owner(), signal.SIGKILL)
    trial.closes(CLOSES)


def timed(trial):
    calls = trial.expected.get("calls", 1)
    if "guard" in trial.expected:
        trial.wait()
    else:  # the tree may wait for the watchdog, which is in it
        wait_until(lambda: len(trial.leases()) == calls and trial.hooks_are_over(), WAIT)
    assert len(trial.leases()) == calls, trial.leases()
    assert trial.errors().count("above this hook: a timed lease") == calls, trial.errors()
    for lease in trial.leases():
        trial.check_lease(lease)
        trial.check_via(lease)
    if "guard" in trial.expected:
        trial.closes(1)
        return
    status = trial.status()
    assert status["state"] == "open" and len(status["leases"]) == calls, status
    trial.closes(WINDOW + CLOSES)
    # Leases count whole seconds.
    least = HEARTBEAT if "container" in trial.expected else WINDOW
    assert time.monotonic() - trial.began > least - 1, "closed too early"


def given_back(trial):
    trial.wait()
    calls = trial.expected.get("calls", 1)
    after = documents(trial.bed.path("post.json"))
    each = 2 if trial.kind.endswith("next hook") else 1
    assert len(after) * each == len(trial.leases()) * each == calls, after
    for status in after:
        assert status["state"] == "closed" and not status["lifts"], status
    trial.bench.closed()


def kinds(expected):
    yield ("held", held) if "owner" in expected else ("timed", timed)
    together = "next" if expected.get("calls", 1) % 2 == 0 else "same"
    yield f"given back in the {together} hook", given_back


def expectation(shape, index, climb):
    with tempfile.TemporaryDirectory(prefix="owners-") as place:
        trees, (_, expected) = tree(shape, Bed(place, climb), index)
        trees.close()
    return expected


def run(parts, shape, index):
    """What went wrong."""
    wrong = ""
    for kind, check in kinds(expectation(shape, index, parts.climb)):
        trial = Trial(parts, shape, index, kind)
        why = ""
        try:
            check(trial)
        except Exception:
            why = traceback.format_exc()
        try:
            trial.end()
        except Exception:
            why += traceback.format_exc()
        if why:
            wrong += f"FAIL {name_of(shape)} {index}, {kind}\n{why}{trial.said}\n"
    return wrong


def main():
    parser = argparse.ArgumentParser()
    for part in "geopause", "climb":
        parser.add_argument("--" + part, required=True, type=os.path.abspath)
    parser.add_argument("name", nargs="*")
    parts = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("program.py: root is needed for pid namespaces")
    shapes = [s for s in SHAPES if not parts.name or name_of(s) in parts.name]
    trees = [(s, i) for s in shapes for i in range(count(s, parts.climb))]
    # No threads: after a fork by one, a program that another is writing could not be executed.
    with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
        tasks = [pool.submit(run, parts, *one) for one in trees]
        wrong = list(filter(None, [task.result() for task in tasks]))
    print("".join(wrong) + f"{len(trees) - len(wrong)} of {len(trees)} trees are right")
    return 1 if wrong or not trees else 0


if __name__ == "__main__":
    sys.exit(main())
