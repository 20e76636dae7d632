#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
The administrator's tools refresh the ruleset in the middle of a window.

    refresh.py --program PATH CASE...

What a refresh makes is first seen without a window; with one it has to succeed as well, take no
longer, and leave the same behind once the window has closed.
"""
import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "refresh"))

from bed import Bed, inside, normalised  # noqa: E402
from casebed import WEB, opened  # noqa: E402
from firewalld import Firewalld  # noqa: E402
from program import Failure, Snapshot, line_difference, require, run_cases, shortened  # noqa: E402
from tools import TOOLS, Reload, Script, SlowScript  # noqa: E402
from watched import Pulse, Watched  # noqa: E402

BACK_S, BUSY_S = 0.2, 5.0  # promised; what a busy machine is forgiven, before the next heartbeat
PATIENCE_S = 20.0
OUR_SET = re.compile(r"\n\tset geopause_\w+ \{[^\n]*\n(?:\t\t[^\n]*\n)*\t\}\n")


class Result:
    """What a refresh makes, whatever the numbers of its handles are."""

    def __init__(self, bed):
        self.text = normalised(bed.must(["nft", "list", "ruleset"])).splitlines()
        self.raw = [re.sub(r'"handle": \d+', "", line) for line in bed.raw_rules()]

    def require_same(self, later, when):
        for mine, others, what in ((self.text, later.text, "nft list"),
                                   (self.raw, later.raw, "the kernel's rules")):
            require(mine == others, "%s: %s differ from what the refresh makes without a window:\n"
                    "%s" % (when, what, line_difference(mine, others)))


class Exact:
    """A ruleset with its handles, but for the sets that are ours."""

    def __init__(self, bed):
        self.snapshot = Snapshot(bed)
        self.snapshot.text = OUR_SET.sub("", self.snapshot.text)

    def require_same(self, later, when):
        self.snapshot.require_same(later.snapshot, when)


class Scene:
    """A bed with a tool's ruleset, and what its refresh makes without a window."""

    def __init__(self, args, tool):
        self.args, self.tool = args, tool
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            self.bed = self.stack.enter_context(Bed())
            self.program = self.stack.enter_context(Watched(self.args.program, self.bed))
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *exc):
        return self.stack.__exit__(*exc)

    def reset(self):
        self.tool.clear(self.bed)
        self.tool.start(self.bed)

    def look(self):
        """Without a window."""
        self.reset()
        self.before = self.bed.matrix()
        require({self.before[s][p] for s in self.tool.sources for p in WEB} == {"drop"},
                "the ruleset does not block: %s" % self.before)
        self.lifted = opened(self.before, self.tool.sources, WEB)
        self.refreshed()
        self.want = Result(self.bed)

    def refreshed(self):
        start = time.monotonic()
        self.tool.refresh(self.bed)
        return start, time.monotonic()

    def policy(self, **more):
        return self.program.policy_for([self.tool.target], **more)

    def require_matrix(self, want, when):
        self.program.require_matrix(want, when, policy=self.policy())

    def open(self, policy):
        self.program.expect(0, "pre", policy=policy)
        self.program.require_lifted("lifted")

    def close(self, policy, when):
        self.program.expect(0, "post", policy=policy)
        require(self.program.expect(0, "status").stdout == "closed\n", when + ": not closed")
        self.want.require_same(Result(self.bed), when)
        self.program.require_no_journal(when)

    def wait_lifted(self, patience=PATIENCE_S):
        start = time.monotonic()
        while True:
            got = self.bed.matrix(0.15, 0, WEB)
            if all(got[s][p] == "OPEN" for s in self.tool.sources for p in WEB):
                return
            require(time.monotonic() - start < patience, "not lifted again: %s\n%s\n%s" % (
                got, self.program.log.text(), shortened(self.bed.listing())))
            time.sleep(0.02)


def say_time(what, seconds):
    print("%s: %.0f ms%s" % (what, seconds * 1000, "" if seconds <= BACK_S else
                             ", later than promised: is the machine busy?"), flush=True)
    require(seconds <= BUSY_S, "%s: %.3f s" % (what, seconds))


def lifted_again(scene, certain=False):
    """How long it takes, and what is left behind; by policy, or by itself if it is certain."""
    tool, program = scene.tool, scene.program
    scene.reset()
    policy = None if certain else scene.policy()
    scene.open(policy)
    scene.require_matrix(scene.lifted, "lifted")
    txns = program.transactions()
    with Pulse(scene.bed) as pulse:
        time.sleep(0.05)
        start, done = scene.refreshed()
        scene.wait_lifted()
        time.sleep(0.7)
    say_time("lifted again after the refresh", max(0.0, pulse.back_after(start, done)))
    print("closed at a stretch: at most %.0f ms" % (1000 * pulse.longest(start)), flush=True)
    program.require_lifted("after the refresh")
    require((program.transactions() == txns) == tool.keeps,
            "the transactions: %s, then %s" % (txns, program.transactions()))
    scene.require_matrix(scene.lifted, "lifted again")
    scene.close(policy, "after post")
    scene.require_matrix(scene.before, "after post")


def exact(scene):
    """
    What the refresh made is seen while the watchdog sleeps: post leaves it, to the handle. Here
    without a policy.
    """
    scene.reset()
    scene.open(None)
    with scene.program.watchdog_paused():
        scene.refreshed()
        made = Exact(scene.bed)
    scene.wait_lifted()
    scene.close(None, "exact")
    if not scene.tool.keeps:
        made.require_same(Exact(scene.bed), "exact")


def stopped(scene):
    """on_refresh: stop. The window ends by itself, and post is content."""
    scene.reset()
    policy = scene.policy(on_refresh="stop")
    scene.open(policy)
    _, done = scene.refreshed()
    say_time("stopped after the refresh", scene.program.closed_after(done, PATIENCE_S))
    require(scene.program.expect(0, "status").stdout == "closed\n", "stopped, but not closed")
    require(scene.program.log.matching("the window ends"), "not said: " + scene.program.log.text())
    scene.want.require_same(Result(scene.bed), "stopped")
    scene.close(policy, "stopped, after post")


def kept(scene):
    """A change that takes nothing away ends no window."""
    scene.reset()
    policy = scene.policy(on_refresh="stop")
    scene.open(policy)
    txns = scene.program.transactions()
    scene.refreshed()
    time.sleep(0.5)
    scene.program.require_lifted("after a change that takes nothing away")
    require(scene.program.transactions() == txns, "the lift was made anew")
    scene.close(policy, "kept")


def refresh_of(name):
    def case(args):
        with Scene(args, TOOLS[name]()) as scene:
            scene.look()
            lifted_again(scene)
            exact(scene)
            (kept if scene.tool.keeps else stopped)(scene)
    return case


def firewalld(args):
    """The real one. While it reloads it drops everything; afterwards it is lifted again."""
    with tempfile.TemporaryDirectory(prefix="geopause-test-") as place:
        tool = Firewalld(place)
        with Scene(args, tool) as scene:
            try:
                scene.look()
                lifted_again(scene)
                exact(scene)
                stopped(scene)
            finally:
                tool.stop()


def slow_script(args):
    """It takes its time, with pauses; nothing of it counts as a panic."""
    with Scene(args, SlowScript()) as scene:
        scene.look()
        lifted_again(scene)


def script_by_itself(args):
    """Without a policy, geo-blocks are looked for each time."""
    with Scene(args, Script()) as scene:
        scene.look()
        lifted_again(scene, certain=True)


class Large(Reload):
    """136,000 networks."""
    count = 34000


def nft_time(bed, path):
    """The kernel still frees the last ruleset for a moment: not to be counted here."""
    time.sleep(0.4)
    start = time.monotonic()
    bed.must(["nft", "-f", path])
    return time.monotonic() - start


def takes_no_longer(args):
    """The reload of 136,000 networks with a window and its watchdog, and without."""
    with Scene(args, Large()) as scene:
        path = scene.program.write_policy(Large().text(0), "large.nft")
        nft_time(scene.bed, path)
        policy = scene.policy()
        for attempt in range(3):
            ratio = measured(scene, path, policy)
            if ratio <= 1.1:
                return
            print("again: the machine may be busy", flush=True)
        raise Failure("a reload takes %.2f times as long in a window" % ratio)


def measured(scene, path, policy, rounds=4):
    without, within = [], []
    for number in range(rounds):
        for opened_now in (number % 2 == 0, number % 2 == 1):
            if not opened_now:
                without.append(nft_time(scene.bed, path))
                continue
            scene.program.expect(0, "pre", policy=policy)
            within.append(nft_time(scene.bed, path))
            scene.wait_lifted()
            scene.program.expect(0, "post", policy=policy)
    ratio = statistics.median(within) / statistics.median(without)
    print("a reload takes %.3f s without a window, %.3f s in one: %.2f times as long" % (
        statistics.median(without), statistics.median(within), ratio), flush=True)
    return ratio


RELOADS = 'while :; do nft -f "$0" || exit 1; sleep "$1"; done'


def panic(args):
    """Reloads all the time: after a few the administrator wins, and keeps it."""
    with Scene(args, Reload()) as scene:
        scene.look()
        for pause in ("0.1", "0.4", "0"):
            reload_in_panic(scene, pause)


def reload_in_panic(scene, pause):
    program, policy, since = scene.program, scene.policy(), time.monotonic()
    scene.reset()
    scene.open(policy)
    path = program.write_policy(scene.tool.text(1), "nftables.conf")
    loop = subprocess.Popen(inside(scene.bed.fw, ["sh", "-c", RELOADS, path, pause]))
    try:
        took = program.closed_after(time.monotonic(), 2 * PATIENCE_S)
        print("a reload each %s s: the window has ended after %.1f s" % (pause, took), flush=True)
        time.sleep(0.7)
        require(loop.poll() is None, "a reload failed")
    finally:
        loop.terminate()
        loop.wait()
    time.sleep(0.3)
    said = program.log.matching("", since)
    again = [line for line in said if "lifted again after" in line]
    require(len(again) <= 4 and (pause == "0" or again), "lifted %d times: %s" % (
        len(again), program.log.text()))
    require(any("again and again" in line for line in said) and len(said) < 20,
            "not said, or a storm: %s" % program.log.text())
    scene.want.require_same(Result(scene.bed), "after the panic")
    scene.close(policy, "after the panic, post")


def removed(args):
    """No geo-block any more: nothing to lift, and no storm; one that comes back is lifted."""
    with Scene(args, Reload()) as scene:
        scene.reset()
        policy = scene.policy()
        remove_and_return(scene, policy, "flush ruleset")
        remove_and_return(scene, None, "delete table inet filter")
        remove_and_return(scene, policy, "flush chain inet filter input")


def remove_and_return(scene, policy, how):
    program, bed = scene.program, scene.bed
    scene.reset()
    scene.refreshed()
    bed.nft(how)
    want = Result(bed)
    scene.reset()
    program.expect(0, "pre", policy=policy)
    since = time.monotonic()
    with Pulse(bed) as pulse:
        bed.nft(how)
        time.sleep(1.5)
        said = program.log.matching("", since)
        require(program.has_window(), how + ": the window has ended")
        require(len(said) <= 3 and not program.log.matching("^<27>", since),
                "%s: a storm: %s" % (how, "\n".join(said)))
        program.expect(0, "status")
        start, done = scene.refreshed()
        scene.wait_lifted()
        time.sleep(0.5)
    say_time("%s; a new block lifted" % how, max(0.0, pulse.back_after(start, done)))
    bed.nft(how)
    program.expect(0, "post", policy=policy)
    want.require_same(Result(bed), how + ", after post")
    program.require_no_journal(how)


BAN = """
add set inet filter addr-set-sshd { type ipv4_addr; }
insert rule inet filter input tcp dport 22 ip saddr @addr-set-sshd reject
add element inet filter addr-set-sshd { 203.0.113.9 }
"""


def neighbour(args):
    """fail2ban adds its rule to the same chain: the lift stays as it is, and so does the rule."""
    with Scene(args, Reload()) as scene:
        scene.reset()
        scene.bed.nft(BAN)
        want = Result(scene.bed)
        for on_refresh in ("relift", "stop"):
            scene.reset()
            program, policy = scene.program, scene.policy(on_refresh=on_refresh)
            scene.open(policy)
            txns, lifted = program.transactions(), rule_lines(scene.bed)
            with Pulse(scene.bed) as pulse:
                scene.bed.nft(BAN)
                time.sleep(0.5)
            require(not pulse.closed(), "it was closed: %s" % pulse.closed())
            require(program.transactions() == txns, "the lift was made anew")
            require([x for x in rule_lines(scene.bed) if "sshd" not in x] == lifted,
                    "the lifted rules were touched")
            program.require_lifted("with fail2ban's rule")
            program.expect(0, "post", policy=policy)
            want.require_same(Result(scene.bed), "after post")
            program.require_no_journal("after post")


def rule_lines(bed):
    return [line for line in normalised(bed.listing()).splitlines() if "# handle" in line
            and "set " not in line]


CASES = {**{name: refresh_of(name) for name in TOOLS}, "slow-script": slow_script,
         "script-by-itself": script_by_itself, "firewalld": firewalld,
         "takes-no-longer": takes_no_longer,
         "panic": panic, "removed": removed, "neighbour": neighbour}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("cases", nargs="+", choices=list(CASES))
    args = parser.parse_args()
    return run_cases(CASES, args)


if __name__ == "__main__":
    sys.exit(main())
