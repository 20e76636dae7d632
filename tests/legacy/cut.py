#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Flows that a lift in iptables-legacy's tables let in, and that are cut at its end:
cut.py --driver PATH --backend NAME --program PATH CASE...
"""
import argparse
import os
import subprocess
import sys
import time

from beds import LegacyBed, LegacyProgram, inside, require, run_cases
from shape import BAN, ESTABLISHED, filtered
from shapes import DOCKER, HOME
from shapes_marks import BY_MARK, SET_MARK, marked
# pylint: disable=wrong-import-order
from flowbed import FlowBed, cut_after_revert  # noqa: E402

GEO = {"set": ["geo", "geo6"]}
DENY = ESTABLISHED + "-A INPUT -m set --match-set geo%s src -j DROP\n"
NOTHING = filtered("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT")


class LegacyFlowBed(FlowBed, LegacyBed):
    pass


class Scene:
    def __init__(self, args, rules, rules6="", container=False):
        self.args, self.rules, self.rules6 = args, rules, rules6
        self.bed = LegacyFlowBed(args, container)

    def __enter__(self):
        self.bed.__enter__()
        # Only for its policy: the program itself is not run.
        self.program = LegacyProgram(self.args.driver, self.bed).__enter__()
        self.bed.load_legacy(self.rules, self.rules6)
        return self.bed

    def __exit__(self, *exc):
        self.program.__exit__(*exc)
        self.bed.__exit__(*exc)

    def lift(self, rules, **more):
        self.bed.drive(self.program.policy(self.program.target(rules, **more)))
        self.bed.do("lift", "cover")


def assert_cut(bed, covered, kept=()):
    """Exactly the covered flows are cut, and the others live on."""
    got = sorted(bed.covered())
    require(got == sorted(covered), "covered: %s, expected %s" % (got, sorted(covered)))
    count = cut_after_revert(bed)
    require(count == len(covered), "%d flows were cut" % count)
    for name in covered:
        require(bed.is_dead(name), name + " lives on")
    for name in kept:
        require(bed.lives(name), name + " was cut")


def open_all(bed, *names):
    for name in names:
        bed.must_open(*name.split())


def deny(args):
    """Spared is what was there before, and what was never blocked."""
    scene = Scene(args, NOTHING, NOTHING)
    with scene as bed:
        bed.must_open("RU", "tcp/80", "early")
        bed.must_open("RU", "tcp/8080", "other port")
        bed.load_legacy(filtered(DENY % ""), filtered(DENY % "6"), sets="")
        scene.lift(GEO)
        bed.do("spare")
        open_all(bed, "RU tcp/80", "CN tcp/443", "RU6 tcp/80", "DE tcp/80", "DE6 tcp/80")
        require(cut_after_revert(bed) == 3, "other flows than three were cut")
        for name in ("RU tcp/80", "CN tcp/443", "RU6 tcp/80"):
            require(bed.is_dead(name), name + " lives on")
        for name in ("early", "other port", "DE tcp/80", "DE6 tcp/80"):
            require(bed.lives(name), name + " was cut")
        require(not bed.open("RU", "tcp/80", "late"), "it is not closed")


def allow(args):
    """A list of sources that are let in, and a ban behind it."""
    scene = Scene(args, filtered(ESTABLISHED + HOME + BAN, policy="DROP"))
    with scene as bed:
        scene.lift({"set": ["home"]})
        open_all(bed, "RU tcp/80", "US tcp/443", "DE tcp/80", "MC tcp/22")
        require(not bed.open("CN", "tcp/80"), "the banned come in")
        assert_cut(bed, ["RU tcp/80", "US tcp/443"], ["DE tcp/80", "MC tcp/22"])


def marks(args):
    """The list marks who is let in, and whoever is not marked is stopped."""
    for rest, policy in (("! --mark", "ACCEPT"), ("--mark", "DROP")):
        scene = Scene(args, marked(SET_MARK % "home", BY_MARK.replace("--mark", rest).replace(
            "DROP", "ACCEPT" if policy == "DROP" else "DROP"), policy=policy))
        with scene as bed:
            scene.lift({"set": ["home"]}, table="mangle")
            open_all(bed, "RU tcp/80", "US tcp/443", "DE tcp/80", "MC tcp/22")
            assert_cut(bed, ["RU tcp/80", "US tcp/443"], ["DE tcp/80", "MC tcp/22"])


def around(args):
    """Rules that packets go around."""
    scene = Scene(args, filtered(
        ESTABLISHED + "-A INPUT -p tcp -j WEB\n-A WEB -m set ! --match-set home src -j RETURN\n"
        "-A WEB -j ACCEPT\n", policy="DROP", chains=":WEB - [0:0]\n"))
    with scene as bed:
        scene.lift({"set": ["home"]})
        open_all(bed, "RU tcp/80", "DE tcp/80")
        assert_cut(bed, ["RU tcp/80"], ["DE tcp/80"])


def container(args):
    scene = Scene(args, DOCKER, container=True)
    with scene as bed:
        scene.lift({"chain": ["DOCKER-USER"]})
        open_all(bed, "RU tcp/80", "DE tcp/443")
        assert_cut(bed, ["RU tcp/80"], ["DE tcp/443"])


def interfaces(args):
    """Where the interface matters, the way back tells it."""
    for first, covered in (("-A INPUT -i wg+ -j ACCEPT\n", True),
                           ("-A INPUT -i eth+ -s 77.88.0.0/16 -j ACCEPT\n", False),
                           ("-A INPUT ! -i lo -d 198.51.100.99/32 -j ACCEPT\n", True)):
        scene = Scene(args, filtered(ESTABLISHED + first + "-A INPUT -i eth0 -m set --match-set geo"
                                     " src -j DROP"))
        with scene as bed:
            scene.lift({"set": ["geo"]})
            open_all(bed, "RU tcp/80", "CN tcp/80", "DE tcp/80")
            assert_cut(bed, ["CN tcp/80"] + ["RU tcp/80"] * covered, ["DE tcp/80"])


def unclear(args):
    """What cannot be told lives on."""
    scene = Scene(args, filtered(
        ESTABLISHED + "-A INPUT -m mac --mac-source 02:00:00:00:00:77 -j ACCEPT\n"
        "-A INPUT -m set --match-set geo src -j DROP"))
    with scene as bed:
        scene.lift({"set": ["geo"]})
        open_all(bed, "RU tcp/80")
        assert_cut(bed, [], ["RU tcp/80"])


def sources(args):
    """Sources by network, by range, and by a mark that another table sets."""
    mark = "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n" \
        ":OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n" \
        "-A PREROUTING -s 78.46.0.0/15 -j MARK --set-xmark 0x1/0x1\nCOMMIT\n"
    for rules in ("-A INPUT -s 77.88.0.0/18 -m comment --comment geo -j DROP",
                  "-A INPUT -m iprange --src-range 77.0.0.0-77.255.255.255 -m comment"
                  " --comment geo -j DROP",
                  "-A INPUT -m mark --mark 0x1/0x1 -j ACCEPT\n"
                  "-A INPUT -m set ! --match-set home src -m comment --comment geo -j DROP"):
        scene = Scene(args, mark + filtered(ESTABLISHED + rules))
        with scene as bed:
            scene.lift({"comment": ["geo"]})
            open_all(bed, "RU tcp/80", "DE tcp/80")
            assert_cut(bed, ["RU tcp/80"], ["DE tcp/80"])


def window(args):
    """All of it by the program: post cuts, and so does the watchdog of a client that died."""
    for ending in ("post", "death"):
        with LegacyFlowBed(args) as bed, LegacyProgram(args.program, bed) as program:
            bed.load_legacy(filtered(DENY % ""), filtered(DENY % "6"))
            policy = program.policy(program.target(GEO), flows="cut")
            client = subprocess.Popen(inside(bed.fw, ["sleep", "60"]))
            try:
                program.expect(0, "pre", "--owner", str(client.pid), policy=policy)
                open_all(bed, "RU tcp/80", "RU6 tcp/80", "DE tcp/80")
                if ending == "post":
                    program.expect(0, "post", "--owner", str(client.pid), policy=policy)
            finally:
                client.kill()
                client.wait()
            deadline = time.monotonic() + 60
            while "GP-" in bed.saved() or program.left_behind():
                require(time.monotonic() < deadline, ending + ": the window does not close")
                time.sleep(0.05)
            for name in ("RU tcp/80", "RU6 tcp/80"):
                require(bed.is_dead(name), "%s: %s lives on" % (ending, name))
            require(bed.lives("DE tcp/80"), ending + ": DE was cut")


CASES = {f.__name__: f for f in (deny, allow, marks, around, container, interfaces, unclear, sources,
                                 window)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for path in ("--driver", "--program"):
        parser.add_argument(path, required=True, type=os.path.abspath)
    parser.add_argument("--backend", required=True)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    args = parser.parse_args()
    args.cases = args.cases or list(CASES)
    return run_cases(CASES, args)


if __name__ == "__main__":
    sys.exit(main())
