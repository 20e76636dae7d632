#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exec targets with the real program, in a private network namespace; needs root.

Usage: run.py --program GEOPAUSE CASE...
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "..", "..", "examples", "exec")
MANUAL = os.path.join(HERE, "..", "..", "backends", "exec", "geopause-exec.5.scd")
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

    def run(self, command, *more, status=0):
        done = subprocess.run(
            [self.program, command, "--policy", self.path("policy.json"), "--state",
             self.path("state")] + list(more), text=True, capture_output=True, timeout=120)
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

    def is_live(self, name):
        return os.path.exists(self.path(name + ".live"))

    def asked(self, name):
        with open(self.path(name + ".asked"), encoding="ascii") as file:
            return json.load(file)

    def require_closed(self):
        left = [x for x in os.listdir(self.dir) if x.endswith(".live")]
        require(not left, "still lifted: %s" % left)
        left = [x for x in os.listdir(self.path("state"))
                if x.startswith(("window-", "lasting-"))]
        require(not left, "still in the state directory: %s" % left)


def requires(text, *patterns):
    for pattern in patterns:
        require(re.search(pattern, text, re.S), "%r is not in:\n%s" % (pattern, text))


def case_protocol(b):
    b.policy(b.target("a", config={"x": [1, None]}), window="5m")
    text = b.run("plan")
    requires(text, "box a", r"it is the block", r"  - a\n  - b\n", r"  \+ c", "note: a: a note of a")
    require(b.calls() == [], "plan changed something")
    got = b.asked("a")
    require(got["argv"] == ["eth0", "plan"], got["argv"])
    asked = got["asked"]
    txn = asked.pop("txn")
    require(re.fullmatch("[0-9a-f]{12}", txn), txn)
    require(asked == {"version": 1, "operation": "plan", "target": "a", "expiry_s": 300,
                      "ports": [{"protocol": "tcp", "port": 80}, {"protocol": "tcp", "port": 443}],
                      "config": {"x": [1, None]}}, asked)
    require({k for k in got["env"] if k != "LC_CTYPE"} == {"PATH", "LC_ALL"}, got["env"])
    b.pre()
    require(b.is_live("a"), "it is not lifted")
    require(b.calls() == ["a apply"], b.calls())
    status = b.run("status")
    requires(status, b.scripted, "lifted")
    b.post()
    b.require_closed()
    got = b.asked("a")
    require(got["asked"]["operation"] in ("inspect", "revert"), got["asked"])
    require(got["asked"]["record"] == {"by": "apply", "target": "a"}, got["asked"])


def case_lock_is_held(b):
    """A mutator has the lock of the state directory, a read has not."""
    b.policy(b.target("a"))
    b.run("plan")
    require(sorted(b.asked("a")["fds"]) == ["0", "1", "2"], b.asked("a")["fds"])
    b.behave(a={"apply": "hang"})
    child = subprocess.Popen([b.program, "pre", "--policy", b.path("policy.json"), "--state",
                              b.path("state"), "--owner", "none"], stderr=subprocess.PIPE)
    until(lambda: b.calls("apply"), "apply is called")
    until(lambda: b.asked("a")["asked"]["operation"] == "apply", "apply has begun")
    fds = b.asked("a")["fds"]
    require(sorted(fds) == ["0", "1", "2", "3"] and fds["3"] == b.path("state/lock"), fds)
    child.kill()
    child.wait()
    child.stderr.close()
    b.behave()
    b.run("restore")
    b.require_closed()


def until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        require(time.monotonic() < end, "waited for: " + what)
        time.sleep(0.02)


def case_nothing_in_the_way(b):
    b.policy(b.target("idle"))
    requires(b.pre(), "nothing here")
    require(b.calls() == [], b.calls())
    b.post()
    b.policy(b.target("idle"), b.target("a"))
    b.pre()
    require(b.calls() == ["a apply"], b.calls())
    b.post()
    require(b.calls() == ["a apply", "a revert"], b.calls())


def case_plan_fails(b):
    for how, pattern in (
            ("not-done", r"target a: plan failed: .*exited with status 1: first line; a says no"),
            ("unknown-not", "exited with status 2"), ("hang", "had not ended after 3 s.*it waits"),
            ("killed", "killed by signal 11"), ("much", "more to its stdout than the 1048576"),
            ("garbage", "the answer of .*scripted.py:1:"), ("array", "expected an object"),
            ("empty", "is empty"), ("extra-key", 'unknown key "extra"'),
            ("no-state", 'the key "steps" is missing'), ("deep", "record: is nested deeper than 32"),
            ("large", "record: is longer than 65536 bytes"),
            ("step-type", r"steps\[0\].where: expected a string, got an integer"),
            ("step-key", r'steps\[0\]: unknown key "rules"; did you mean "rule"\?')):
        b.policy(b.target("a", deadline=3))
        b.behave(a={"plan": how})
        requires(b.pre(status=FAILED), pattern)
        require(b.calls() == [], b.calls())
        b.require_closed()


def case_apply_not_done(b):
    b.policy(b.target("a"))
    b.behave(a={"apply": "not-done"})
    text = b.pre(status=FAILED)
    requires(text, 'target a: "apply" was not done: .*status 1: first line; a says no to apply',
             "nothing is open|closed")
    b.require_closed()


def case_apply_unknown(b):
    b.policy(b.target("a", deadline=3))
    for how in ("unknown-done", "hang-done", "garbage", "extra-key"):
        b.behave(a={"apply": how})
        b.pre()
        require(b.is_live("a"), how)
        b.post()
        b.require_closed()
    for how, pattern in (("unknown-not", "status 2"), ("hang", "had not ended after 3 s"),
                         ("killed", "signal 11"), ("odd", "status 77"), ("three", "status 3"),
                         ("much", "1048576")):
        b.behave(a={"apply": how})
        requires(b.pre(status=FAILED), "it is not known whether.*" + pattern)
        b.require_closed()


def case_apply_unknown_and_unseen(b):
    """Neither apply nor inspect tell: it is taken back, and said to be open while that fails."""
    b.policy(b.target("a"))
    b.behave(a={"apply": "unknown-done", "inspect": "not-done", "revert": "done"})
    requires(b.pre(status=OPEN), "may still be open", "geopause restore")
    requires(b.run("restore", status=OPEN), "may still be open")
    b.behave()
    b.run("restore")
    b.require_closed()


def case_lies(b):
    """It says that it lifts, and does not."""
    b.policy(b.target("a"))
    b.behave(a={"apply": "lies"})
    requires(b.pre(status=6), "nothing is open")
    b.require_closed()


def case_revert_fails(b):
    b.policy(b.target("a", deadline=3))
    for how in ("not-done", "unknown-not", "hang", "killed", "lies"):
        b.behave()
        b.pre()
        b.behave(a={"revert": how})
        text = b.post(status=OPEN)
        requires(text, "may still be open in .*scripted.py", "geopause restore")
        require(b.is_live("a"), how)
        b.behave()
        b.run("restore")
        b.require_closed()
    for how in ("unknown-done", "hang-done", "garbage"):
        b.behave()
        b.pre()
        b.behave(a={"revert": how})
        b.post()
        b.require_closed()


def case_inspect_fails(b):
    b.policy(b.target("a", deadline=3))
    b.pre()
    for how, pattern in (("not-done", "target a: inspect failed: .*status 1"),
                         ("hang", "had not ended"), ("no-state", '"state" is missing'),
                         ("empty", "is empty"), ("bad-state", 'state: unknown state "ajar"')):
        b.behave(a={"inspect": how})
        requires(b.run("status"), pattern)
    b.behave(a={"inspect": "left"})
    requires(b.run("status"), "closes by itself in 77 s")
    b.behave(a={"inspect": "drifted"})
    b.post(status=OPEN)
    b.behave()
    b.run("restore")
    b.require_closed()


def case_extend(b):
    b.policy(b.target("a"))
    b.run("pre", "--lease", "test", "--owner", "none", "--window", "60s")
    b.forget_calls()
    b.run("pre", "--lease", "other", "--owner", "none", "--window", "5m")
    require(set(b.calls()) == {"a extend"}, b.calls())
    require(b.asked("a")["asked"]["record"]["by"] == "apply", b.asked("a"))
    b.behave(a={"extend": "three"})
    requires(b.run("pre", "--lease", "third", "--owner", "none", "--window", "20m", status=FAILED),
             "target a: the lift cannot be extended: .*status 3")
    require(b.is_live("a"), "the others' window was closed")
    b.behave(a={"extend": "unknown-not"})
    requires(b.run("pre", "--lease", "third", "--owner", "none", "--window", "20m", status=FAILED),
             'not known whether "extend" was done')
    b.run("restore")
    b.require_closed()


def case_two_targets(b):
    b.policy(b.target("a"), b.target("b"), b.target("c"))
    b.pre()
    b.post()
    require(b.calls() == ["a apply", "b apply", "c apply", "c revert", "b revert", "a revert"],
            b.calls())
    b.require_closed()
    b.forget_calls()
    b.behave(c={"apply": "not-done"})
    requires(b.pre(status=FAILED), 'target c: "apply" was not done')
    require(b.calls()[:5] == ["a apply", "b apply", "c apply", "b revert", "a revert"], b.calls())
    b.require_closed()
    b.forget_calls()
    b.behave(b={"apply": "not-done"}, a={"revert": "not-done"})
    text = b.pre(status=OPEN)
    requires(text, 'target b: "apply" was not done.*taking back what was lifted before it failed',
             'target a: "revert" was not done', "may still be open")
    require(b.is_live("a") and not b.is_live("b"), "a is not open, or b is")
    require("c apply" not in b.calls(), b.calls())
    b.behave()
    b.run("restore")
    b.require_closed()


def case_program_gone(b):
    """At revert: it says so, says what is open, and does it when the program is back."""
    b.policy(b.target("a"))
    b.pre()
    os.rename(b.scripted, b.path("away"))
    requires(b.run("restore", status=OPEN), "the program .*scripted.py: No such file",
             "may still be open")
    os.rename(b.path("away"), b.scripted)
    os.chmod(b.scripted, 0o777)
    requires(b.run("restore", status=OPEN), "others than its owner can write it")
    os.chmod(b.scripted, 0o755)
    b.run("restore")
    b.require_closed()


def case_watchdog(b):
    """It ends a window whose time is over, with the program."""
    b.policy(b.target("a"))
    b.run("pre", "--owner", "none", "--window", "10s")
    require(b.is_live("a"), "it is not lifted")
    until(lambda: not b.is_live("a"), "the watchdog reverts")
    until(lambda: not [x for x in os.listdir(b.path("state")) if x.startswith("window-")],
          "the watchdog closes the window")
    b.require_closed()


def case_policy_changed(b):
    """What was lifted is taken back with what it was lifted with."""
    b.policy(b.target("a", config={"old": True}))
    b.pre()
    b.policy(b.target("other", config={"old": False}))
    b.post()
    require(b.calls() == ["a apply", "a revert"], b.calls())
    require(b.asked("a")["asked"]["config"] == {"old": True}, b.asked("a"))
    b.require_closed()


def case_names_count(b):
    """Two targets that differ in their names alone are two; a window that is joined has one more."""
    b.policy(b.target("a"), b.target("b"))
    b.run("pre", "--lease", "x", "--owner", "none")
    b.policy(b.target("a"), b.target("b"), b.target("c"))
    b.run("pre", "--lease", "y", "--owner", "none")
    require(b.calls("apply") == ["a apply", "b apply", "c apply"], b.calls("apply"))
    b.run("post", "--lease", "x")
    require(b.is_live("a") and b.is_live("b") and b.is_live("c"), "the window was closed")
    b.run("post", "--lease", "y")
    require(b.calls("revert") == ["c revert", "b revert", "a revert"], b.calls("revert"))
    b.require_closed()


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


def kill_watchdog(b):
    def none_is_left():
        for pid in watchdogs(b):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not watchdogs(b)
    until(none_is_left, "the end of the watchdog")


def case_journal_lost(b):
    """As by a new boot: the copy that lasts has all that is needed."""
    b.policy(b.target("a", config={"x": 1}), b.target("b"))
    b.pre()
    kill_watchdog(b)
    for name in os.listdir(b.path("state")):
        if name.startswith("window-"):
            os.unlink(b.path("state/" + name))
    b.policy(b.target("other"))
    requires(b.run("status", status=OPEN), "leftover: .*a", "geopause restore")
    b.run("restore")
    require(b.calls("revert") == ["b revert", "a revert"], b.calls("revert"))
    require(b.asked("a")["asked"]["config"] == {"x": 1}, b.asked("a"))
    b.require_closed()


def case_all_rights(b):
    """Whoever calls it, in whatever process: it has what geopause was started with."""
    with open("/proc/self/status", encoding="ascii") as file:
        mine = next(x.split()[1] for x in file if x.startswith("CapEff:"))
    b.policy(b.target("a"))
    for command in ("plan", "check", "pre", "status", "post", "pre", "restore"):
        b.run(command, *(["--owner", "none"] if command == "pre" else []))
    b.run("run", "--", "true")
    b.run("pre", "--owner", "none", "--window", "10s")
    until(lambda: not b.is_live("a"), "the watchdog reverts")
    with open(b.path("rights"), encoding="ascii") as file:
        less = {x for x in file.read().splitlines() if x.split()[1] != mine}
    require(not less, "instead of %s: %s" % (mine, sorted(less)))


def case_unsafe_program(b):
    b.policy(b.target("a"))
    os.chmod(b.scripted, 0o775)
    requires(b.pre(status=5), r"targets\[0\]\.command\[0\]: .*others than its owner can write it")


def case_nft_first(b):
    """exec's apply fails: the nftables lift is rolled back."""
    b.nft(RULESET)
    before = b.ruleset()
    b.policy(NFT_TARGET, b.target("a"))
    b.behave(a={"apply": "not-done"})
    requires(b.pre(status=FAILED), 'target a: "apply" was not done')
    require(b.ruleset() == before, "the ruleset is not what it was:\n" + b.ruleset())
    b.require_closed()
    b.behave()
    b.pre()
    require(b.ruleset() != before and b.is_live("a"), "not both are lifted")
    b.post()
    require(b.ruleset() == before, "the ruleset is not what it was:\n" + b.ruleset())
    b.require_closed()


def case_nft_last(b):
    """nftables cannot: nothing is asked of exec, or it is taken back."""
    b.nft(RULESET)
    before = b.ruleset()
    b.policy(b.target("a"), dict(NFT_TARGET, rules={"set": "missing"}))
    b.pre(status=5)
    require(b.calls() == [], b.calls())
    b.policy(b.target("a"), NFT_TARGET)
    b.behave(a={"apply": "flush"})
    text = b.pre(status=5)
    requires(text, "inet filter")
    require(b.calls() == ["a apply", "a revert"], b.calls())
    b.require_closed()
    b.behave()
    b.nft(RULESET)
    before = b.ruleset()
    b.pre()
    b.post()
    require(b.ruleset() == before, "the ruleset is not what it was:\n" + b.ruleset())
    b.require_closed()


ROUTER = """table inet filter {
	set acme_open { type inet_proto . inet_service; flags timeout; }
	set geo { type ipv4_addr; flags interval; elements = { 127.0.0.2 } }
	chain input {
		type filter hook input priority filter; policy accept;
		meta l4proto . th dport @acme_open accept
		ip saddr @geo drop
	}
}
"""


def reaches(port):
    """From the blocked address; with packets."""
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        client.bind(("127.0.0.2", 0))
        client.settimeout(1)
        try:
            client.connect(("127.0.0.1", port))
            return True
        except TimeoutError:
            return False


def router(b, **config):
    """The example, with nft here instead of on a router."""
    program = b.path("router-set")
    shutil.copy(os.path.join(EXAMPLE, "router-set"), program)
    with open(os.path.join(EXAMPLE, "policy.json"), encoding="ascii") as file:
        policy = json.load(file)
    policy["targets"][0]["command"] = [program]
    policy["targets"][0]["config"].update(dict({"nft": ["nft"]}, **config))
    b.policy(*policy["targets"])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def case_example(b):
    b.nft(ROUTER)
    before = b.ruleset()
    router(b)
    require(not reaches(80) and not reaches(443), "there is no block")
    requires(b.run("plan"), "inet filter acme_open", r"tcp \. 80", r"tcp \. 443")
    b.run("pre", "--lease", "a", "--owner", "none", "--window", "60s")
    require(reaches(80) and reaches(443) and not reaches(22), "80 and 443 alone are not open")
    requires(b.run("status"), r"closes by itself in [56]\d s")
    b.run("pre", "--lease", "b", "--owner", "none", "--window", "10m")
    requires(b.run("status"), r"closes by itself in (59\d|600) s")
    b.run("post", "--lease", "a")
    b.run("post", "--lease", "b")
    require(b.ruleset() == before, b.ruleset())
    require(not reaches(80), "it is open")


def case_example_own_elements(b):
    """What the administrator has opened stays open; with dns-01 too."""
    b.nft(ROUTER + "add element inet filter acme_open { tcp . 80, udp . 99 timeout 1h }")
    router(b)
    b.run("pre", "--lease", "a", "--owner", "none", "--challenge", "http-01,dns-01")
    requires(b.ruleset(), r"udp \. 53 timeout 10m", r"tcp \. 53 timeout 10m")
    b.run("post", "--lease", "a")
    requires(b.ruleset(), r"tcp \. 80", r"udp \. 99")
    require("53" not in b.ruleset() and reaches(80), b.ruleset())
    requires(b.run("pre", "--lease", "a", "--owner", "none", "--challenge", "http-01"),
             "nothing blocks tcp 80|no geo-block|nothing")


def case_example_fails(b):
    router(b)
    requires(b.pre(status=FAILED), "target router: plan failed", "cannot be read on the router")
    b.nft(ROUTER.replace("flags timeout; ", ""))
    requires(b.pre(status=FAILED), "is not inet_proto . inet_service with flags timeout")
    b.nft("flush ruleset\n" + ROUTER)
    router(b, set="no such; set")
    requires(b.pre(status=FAILED), "the request has no .config.set")
    lost = b.path("lost")
    with open(lost, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nnft \"$@\"\ncase $1 in -f) exit 255;; esac\n")
    os.chmod(lost, 0o755)
    # The connection is lost after each change: it was made all the same.
    router(b, nft=[lost])
    before = b.ruleset()
    b.pre()
    require(reaches(80), "it is not open")
    b.post()
    require(b.ruleset() == before, b.ruleset())


def example_of_manual(directory):
    """The script in geopause-exec(5), with a fwctl that keeps its marks in a file."""
    with open(MANUAL, encoding="ascii") as file:
        blocks = file.read().split("```\n")
    script = next(x for x in blocks if x.startswith("#!/bin/sh\n")).replace("\\\\", "\\")
    fwctl = os.path.join(directory, "fwctl")
    with open(fwctl, "w", encoding="ascii") as file:
        file.write("""#!/bin/sh
cd %s || exit
case $1 in
allow)  echo "$*" >>allowed ;;
forget) grep -v -e "$3" allowed >kept; mv kept allowed ;;
list)   cat allowed ;;
esac
""" % directory)
    os.chmod(fwctl, 0o755)
    with open(os.path.join(directory, "allowed"), "w", encoding="ascii"):
        pass
    with open(os.path.join(directory, "fw"), "w", encoding="ascii") as file:
        file.write(re.sub(r"\bfwctl (allow|forget|list)", fwctl + r" \1", script))
    os.chmod(file.name, 0o755)
    return file.name


def case_manual(b):
    """Its example works as it stands there."""
    b.policy(dict(b.target("fw"), command=[example_of_manual(b.dir)]))
    requires(b.run("plan"), "allow tcp/80", "allow tcp/443")
    b.pre()
    with open(b.path("allowed"), encoding="ascii") as file:
        requires(file.read(), r"^allow --name geopause-[0-9a-f]{12} tcp/80 tcp/443\n$")
    requires(b.run("status"), "lifted")
    b.post()
    require(os.path.getsize(b.path("allowed")) == 0, "it is still allowed")


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--inside", action="store_true", help="of the namespace already")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    if not args.inside:
        os.execvp("unshare", ["unshare", "--net", sys.executable, __file__, "--inside"] +
                  sys.argv[1:])
    failed = 0
    for name in args.cases or CASES:
        try:
            with Bed(os.path.abspath(args.program)) as b:
                CASES[name](b)
            print("ok", name, flush=True)
        except Failure as e:
            failed += 1
            print("FAILED %s: %s" % (name, e), flush=True)
    return 1 if failed else 0


sys.exit(main())
