#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
While an owner lives, the kernel's short expiry is moved on, and not one packet is lost by that.

    heartbeat.py --program PATH CASE...
"""
import argparse
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "refresh"))

from bed import Bed, BedError, inside  # noqa: E402
from program import Snapshot, require, run_cases  # noqa: E402
from watched import Pulse, Watched  # noqa: E402

WAYS = {"RU/udp/53": "udp4", "RU/syn/80": "tcp4", "RU6/udp/53": "udp6", "RU6/syn/80": "tcp6"}
# No rule for replies, so that every packet meets the geo-block; what comes through is counted and
# goes no further. What arrives is counted before, in another table.
RULESET = """
include "ranges.nft"
table inet before {
	counter all4 { }
	counter all6 { }
	chain raw {
		type filter hook prerouting priority raw; policy accept;
		ip saddr 77.88.8.8 meta l4proto { tcp, udp } counter name "all4" notrack
		ip6 saddr 2a02:6b8::feed meta l4proto { tcp, udp } counter name "all6" notrack
	}
}
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { $RU4, $CN4 }; }
	set geo6 { type ipv6_addr; flags interval; elements = { $RU6, $CN6 }; }
	counter udp4 { }
	counter tcp4 { }
	counter udp6 { }
	counter tcp6 { }
	counter stopped { }
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @geo4 counter name "stopped" drop comment "geo"
		ip6 saddr @geo6 counter name "stopped" drop comment "geo"
		ip saddr 77.88.8.8 udp dport 53 counter name "udp4" drop
		ip saddr 77.88.8.8 tcp dport 80 tcp flags == syn counter name "tcp4" drop
		ip6 saddr 2a02:6b8::feed udp dport 53 counter name "udp6" drop
		ip6 saddr 2a02:6b8::feed tcp dport 80 tcp flags == syn counter name "tcp6" drop
	}
}
"""
OPEN = """
include "ranges.nft"
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { $RU4, $CN4 }; }
	set geo6 { type ipv6_addr; flags interval; elements = { $RU6, $CN6 }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @geo4 counter drop comment "geo"
		ip6 saddr @geo6 counter drop comment "geo"
	}
}
"""
TARGET = {"table": "inet filter", "rules": {"set": ["geo4", "geo6"]}}
BOTH = ("--challenge", "dns-01,http-01")


class Scene:
    """A bed with a ruleset, the program, and a policy with the shortest heartbeat."""

    def __init__(self, args, ruleset, **policy):
        self.args, self.ruleset, self.more = args, ruleset, policy
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            self.bed = self.stack.enter_context(Bed())
            self.program = self.stack.enter_context(Watched(self.args.program, self.bed))
            self.bed.nft(self.ruleset)
            self.before = Snapshot(self.bed)
            self.policy = self.program.policy_for([TARGET], **{"heartbeat": "3s", **self.more})
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *exc):
        return self.stack.__exit__(*exc)

    def unchanged(self, when):
        self.before.require_same(Snapshot(self.bed), when)
        self.program.require_no_journal(when)

    def counters(self):
        listed = json.loads(self.bed.must(["nft", "-j", "list", "counters"]))["nftables"]
        return {o["counter"]["name"]: o["counter"]["packets"] for o in listed if "counter" in o}

    def left_s(self):
        """Of the kernel's own expiry, as the set shows it: milliseconds count."""
        listing = self.bed.listing()
        return min(float(s or 0) + float(ms or 0) / 1000 for s, ms in
                   re.findall(r"timeout \w+ expires (?:(\d+)s)?(?:(\d+)ms)?", listing))


class Flood:
    """Use as a context; .sent afterwards."""

    def __init__(self, bed, rate):
        argv = [sys.executable, os.path.join(HERE, "refresh", "flood.py"), "%g" % rate, *WAYS]
        self.child = subprocess.Popen(inside(bed.net, argv), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        if self.child.stdout.readline() != "ready\n":
            raise BedError("flood.py did not start")
        return self

    def __exit__(self, *_):
        out, _ = self.child.communicate(timeout=30)
        self.sent = json.loads(out or "{}")
        if not self.sent:
            raise BedError("flood.py died")


def require_all_passed(scene, sent):
    """
    False if the bed itself has lost packets before any rule: that says nothing. What the block
    stopped is a failure at once.
    """
    for _ in range(20):
        got = scene.counters()
        if got["all4"] + got["all6"] == sum(sent.values()):
            break
        time.sleep(0.05)
    arrived = got["all4"] + got["all6"]
    require(got["stopped"] == 0, "%d of %d packets met the block" % (got["stopped"], arrived))
    behind = {way: got[name] for way, name in WAYS.items()}
    require(sum(behind.values()) == arrived, "arrived %d, came through: %s" % (arrived, behind))
    print("%d packets sent, %d arrived, all came through: %s" % (
        sum(sent.values()), arrived, behind), flush=True)
    return behind == sent


def flooded(args, rate, seconds, meanwhile):
    for attempt in range(3):
        with Scene(args, RULESET) as scene:
            scene.program.expect(0, "pre", *BOTH, policy=scene.policy)
            with Flood(scene.bed, rate) as flood:
                meanwhile(scene, time.monotonic() + seconds)
            complete = require_all_passed(scene, flood.sent)
            scene.program.expect(0, "post", policy=scene.policy)
            scene.unchanged("after post")
        if complete:
            return
        print("again: the bed has lost packets", flush=True)
    raise BedError("the bed loses packets")


def beats(args):
    """The watchdog extends each second what would close after three."""
    def watch(scene, end):
        lowest, extended, last = 9.0, 0, 0.0
        while time.monotonic() < end:
            left = scene.left_s()
            extended += left > last + 0.3
            lowest, last = min(lowest, left), left
            time.sleep(0.1)
        print("extended about %d times; the kernel had at least %.1f s left" % (extended, lowest))
        require(extended >= 6 and 0.3 < lowest < 3, "not extended each second")
    flooded(args, 4000, 12, watch)


def renewals(args):
    """Two clients renew all the time: hundreds of extensions, and packets as fast as can be."""
    def renew(scene, end):
        numbers, failed = [0, 0], []

        def loop(which):
            while time.monotonic() < end and not failed:
                done = scene.program.run("pre", *BOTH, "--lease", "client%d" % which,
                                         policy=scene.policy)
                if done.returncode != 0:
                    failed.append(done.stderr)
                numbers[which] += 1
        threads = [threading.Thread(target=loop, args=(n,)) for n in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        require(not failed, "pre failed: %s" % failed)
        print("%d renewals" % sum(numbers), flush=True)
        for which in (0, 1):
            scene.program.expect(0, "post", "--lease", "client%d" % which, policy=scene.policy)
    flooded(args, 0, 10, renew)


CLIENT = """
import subprocess, sys, time
subprocess.run(["/bin/sh", "-c", %r], check=True)
print("validating", flush=True)
for certificate in range(40):
    time.sleep(%g)
sys.stdin.readline()
subprocess.run(["/bin/sh", "-c", %r], check=True)
print("done", flush=True)
"""


def long_run(args):
    """
    40 certificates that all fail late. In small: the client lives for 16 s, its policy's window is
    10 s and the heartbeat 3 s; with GEOPAUSE_LONG_TESTS: 15 s each, and nothing in the policy. As
    long as it lives, nothing closes.
    """
    late_s, policy = 0.4, {"heartbeat": "3s", "window": "10s"}
    if os.environ.get("GEOPAUSE_LONG_TESTS"):
        late_s, policy = 15, {"heartbeat": "60s"}
    with Scene(args, OPEN, **policy) as scene, \
            Pulse(scene.bed, ("RU/tcp/80", "RU6/tcp/80", "CN/tcp/443", "CN6/tcp/443")) as pulse:
        before, opened, done, closed = client(scene, late_s)
        time.sleep(0.5)
    seen = sorted(entry for entries in pulse.seen.values() for entry in entries)
    inside_it = [is_open for at, is_open in seen if opened <= at <= done]
    require(set(is_open for at, is_open in seen if at < before) == {False}, "open before")
    require(set(inside_it) == {True}, "%d of %d connects failed while certbot lived" % (
        sum(x is not True for x in inside_it), len(inside_it)))
    require(set(is_open for at, is_open in seen if at > closed) == {False}, "open after post")
    print("%d connects in %.1f s, none failed" % (len(inside_it), done - opened), flush=True)


def client(scene, late_s):
    """An imitation of certbot. When it began, had opened, was about to close, and had closed."""
    program = scene.program

    def hook(verb):
        return shlex.join([program.path, verb, "--state", program.state, "--policy", scene.policy])
    path = program.write_policy(CLIENT % (hook("pre"), late_s, hook("post")), "certbot", 0o755)
    time.sleep(0.2)
    before = time.monotonic()
    child = subprocess.Popen(inside(scene.bed.fw, [sys.executable, path]), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    require(child.stdout.readline() == "validating\n", "certbot's pre-hook failed")
    opened = time.monotonic()
    status = program.status()
    require("certbot" in json.dumps(status["leases"]), "the owner is not certbot: %s" % status)
    time.sleep(40 * late_s - 0.5)
    done = time.monotonic()
    program.require_lifted("after more than the window")
    out, err = child.communicate("\n", timeout=30)
    require(child.returncode == 0 and out == "done\n", "certbot: exit %d: %s%s" % (
        child.returncode, out, err))
    closed = time.monotonic()
    scene.unchanged("after certbot")
    return before, opened, done, closed


CASES = {"beats": beats, "renewals": renewals, "long-run": long_run}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("cases", nargs="+", choices=list(CASES))
    args = parser.parse_args()
    return run_cases(CASES, args)


if __name__ == "__main__":
    sys.exit(main())
