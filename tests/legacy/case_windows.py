# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of all kinds, and what is saved in the middle of one."""
import re
import time

from beds import deny_matrix, require
from scene import PORTS, Scene


def saved_in_the_middle(args):
    """Loaded later, it is closed when the window's time is over, and swept."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a", "--window", "10s")
        opened = time.monotonic()
        saved = scene.bed.must(["iptables-legacy-save", "-c"])
        saved6 = scene.bed.must(["ip6tables-legacy-save", "-c"])
        scene.expect(0, "post", "--lease", "a")
        scene.unchanged("after post")
        scene.program.require_no_journal("after post")
        scene.bed.load_legacy(saved, saved6, sets="")
        require(len(scene.marks()) == 2, "the save does not hold the lift: " + scene.bed.saved())
        time.sleep(max(0, opened + 12 - time.monotonic()))
        scene.matrix(False, "loaded, after the window's time")
        found = scene.expect(0, "restore").stderr
        require(found.count("(closed)") <= 2, found)
        scene.unchanged("swept")
        scene.expect(0, "restore")


def saved_and_swept_at_once(args):
    """Loaded while its time is not over: any later call closes it."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        saved = scene.bed.must(["iptables-legacy-save", "-c"])
        scene.expect(0, "post", "--lease", "a")
        scene.program.require_no_journal("after post")
        scene.bed.load_legacy(saved, sets="")
        scene.expect(0, "restore")
        scene.unchanged("swept")
        scene.matrix(False, "swept")


def expiry(args):
    """Nobody closes it: the kernel does."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a", "--window", "10s")
        opened = time.monotonic()
        scene.program.kill_watchdog()
        scene.matrix(True, "lifted")
        time.sleep(max(0, opened + 12 - time.monotonic()))
        scene.matrix(False, "after the window's time")
        require(len(scene.marks()) == 2, "it was restored by whom?")
        scene.expect(0, "restore")
        scene.unchanged("restored")


def lost_journal(args):
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        scene.program.kill_watchdog()
        scene.program.forget_journal()
        scene.expect(0, "restore")
        scene.unchanged("restored")


def longer_window(args):
    """A second lease moves the end on; the first one's does not bring it back."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a", "--window", "30s")
        first = re.findall(r"--datestop (\S+)", scene.bed.saved())
        scene.expect(0, "pre", "--lease", "b", "--window", "5m")
        second = re.findall(r"--datestop (\S+)", scene.bed.saved())
        require(len(first) == len(second) and min(second) > max(first),
                "the ends were %s and are %s" % (first, second))
        scene.matrix(True, "longer")
        scene.expect(0, "post", "--lease", "a")
        scene.matrix(True, "still held")
        scene.expect(0, "post", "--lease", "b")
        scene.unchanged("after post")


def stacked(args):
    """A second client asks for more ports; whoever ends first, the other's stay open."""
    for first, second in (("a", "b"), ("b", "a")):
        with Scene(args) as scene:
            scene.expect(0, "pre", "--challenge", "http-01", "--lease", "a")
            scene.cells(PORTS[:1], "one port")
            scene.expect(0, "pre", "--lease", "b")
            scene.matrix(True, "both ports")
            scene.expect(0, "pre", "--challenge", "dns-01", "--lease", "c")
            scene.expect(0, "post", "--lease", first)
            scene.expect(0, "post", "--lease", "c")
            scene.matrix(True, "still held")
            scene.expect(0, "post", "--lease", second)
            scene.matrix(False, "closed")
            scene.unchanged("after post")


KEPT_OUT = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:WEB - [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m set --match-set home src -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j WEB
-A WEB -m set ! --match-set home src -j RETURN
-A WEB -m set --match-set banned src -j DROP
-A WEB -j ACCEPT
COMMIT
"""
LET_IN = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m set --match-set home src -j ACCEPT
-A INPUT -m set --match-set banned src -j DROP
COMMIT
"""


def stacked_copies(args):
    """The same with what is put in beside the rules."""
    for rules in (KEPT_OUT, LET_IN):
        for first, second in (("a", "b"), ("b", "a")):
            with Scene(args, rules, "") as scene:
                def cells(lifted, when):
                    scene.program.require_cells(
                        deny_matrix(PORTS, ("RU", "CN", "KP", "US"), lifted, ("CN",)), when, PORTS)
                scene.policy = scene.program.policy(scene.program.target({"set": ["home"]}))
                scene.expect(0, "pre", "--challenge", "http-01", "--lease", "a")
                cells(PORTS[:1], "one port")
                scene.expect(0, "pre", "--lease", "b")
                cells(PORTS[:2], "both ports")
                scene.expect(0, "post", "--lease", first)
                cells(PORTS[:2], "still held")
                scene.expect(0, "post", "--lease", second)
                scene.unchanged("after post")
                cells((), "closed")


def stacked_and_swept(args):
    with Scene(args) as scene:
        scene.expect(0, "pre", "--challenge", "http-01", "--lease", "a")
        scene.expect(0, "pre", "--lease", "b")
        scene.program.kill_watchdog()
        scene.program.forget_journal()
        scene.expect(0, "restore")
        scene.unchanged("after the sweep")


CASES = (saved_in_the_middle, saved_and_swept_at_once, expiry, lost_journal, longer_window,
         stacked, stacked_copies, stacked_and_swept)
